"""The HTTP API of what is done with a connection: read it now, try its key, see what is missing."""

from datetime import timedelta
from typing import Any, Final

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import clock
from apps.common.bell import ring
from apps.telemetry import selectors
from apps.telemetry.api.connections import ConnectionOutput, WithFailure
from apps.telemetry.api.instants import InstantField
from apps.telemetry.api.report_queries import span_of
from apps.telemetry.models import ProviderConnection
from apps.telemetry.selectors import completeness
from apps.telemetry.services import operating
from apps.telemetry.tasks import poll_connection
from apps.workspaces.access import WorkspaceApi

LONGEST_SPAN: Final = timedelta(days=100)
REVOKED: Final = OpenApiResponse(description="The connection is revoked")


class PollApi(WorkspaceApi):
    """POST /connections/{id}/poll: read the meter now, at most once a minute."""

    @extend_schema(
        operation_id="connections_poll",
        request=None,
        responses={
            202: ConnectionOutput,
            409: OpenApiResponse(description="The connection is paused, stopped or revoked"),
            429: OpenApiResponse(description="It was read, or asked for, less than a minute ago"),
        },
    )
    def post(self, request: Request, connection_id: str) -> Response:
        """Ask for a reading. It is made soon after the answer; `last_polled_at` tells when."""
        connection = selectors.connection_of(self.workspace, connection_id)
        operating.ask_for_poll(connection, actor=self.actor, now=clock.now())
        ring(poll_connection, connection.pk)
        shown = selectors.connection_of(self.workspace, connection_id)
        return Response(ConnectionOutput(shown).data, status=202)


class ValidateApi(WorkspaceApi):
    """POST /connections/{id}/validate: whether the provider still accepts the stored key."""

    class Output(WithFailure):
        status = serializers.ChoiceField(choices=ProviderConnection.Status.choices)
        account = serializers.CharField(source="account_name")
        checked_at = serializers.DateTimeField(source="updated_at")

    @extend_schema(
        operation_id="connections_validate",
        request=None,
        responses={
            200: Output,
            409: REVOKED,
            503: OpenApiResponse(description="The provider could not be asked just now"),
        },
    )
    def post(self, request: Request, connection_id: str) -> Response:
        """A key that is refused stops the connection; one that is accepted takes it up again."""
        connection = selectors.connection_of(self.workspace, connection_id)
        tried = operating.try_key(connection, actor=self.actor, now=clock.now())
        return Response(self.Output(tried).data)


class RunOutput(serializers.Serializer):
    start_time = serializers.DateTimeField(source="start")
    end_time = serializers.DateTimeField(source="end")
    state = serializers.ChoiceField(choices=[state.value for state in completeness.State])
    buckets = serializers.IntegerField()


class StripOutput(serializers.Serializer):
    """One report of the provider over the span, in runs of one state without a gap."""

    source = serializers.CharField()  # type: ignore[assignment]  # a field's own word for where it reads
    bucket_seconds = serializers.IntegerField()
    complete_until = serializers.DateTimeField(allow_null=True)
    runs = RunOutput(many=True)


class ComparedCountOutput(serializers.Serializer):
    """Null is what one side does not tell; `delta` is ours less the provider's."""

    provider = serializers.IntegerField(allow_null=True)
    ours = serializers.IntegerField(allow_null=True)
    delta = serializers.IntegerField(allow_null=True)


class ComparedCostOutput(serializers.Serializer):
    provider = serializers.DecimalField(36, 12, allow_null=True, coerce_to_string=False)
    ours = serializers.DecimalField(36, 12, allow_null=True, coerce_to_string=False)
    delta = serializers.DecimalField(36, 12, allow_null=True, coerce_to_string=False)


class DayOutput(serializers.Serializer):
    """One day by the provider's own total and by the sum of what was read."""

    source = serializers.CharField()  # type: ignore[assignment]  # a field's own word for where it reads
    day = serializers.DateField()
    read_at = serializers.DateTimeField()
    input_tokens = ComparedCountOutput()
    output_tokens = ComparedCountOutput()
    requests = ComparedCountOutput()
    cost_usd = ComparedCostOutput()


class CompletenessApi(WorkspaceApi):
    """GET /connections/{id}/completeness: what was read, what is missing, what does not add up."""

    class Query(serializers.Serializer):
        start_time = InstantField(required=False)
        end_time = InstantField(required=False)

    class Output(serializers.Serializer):
        start_time = serializers.DateTimeField()
        end_time = serializers.DateTimeField()
        strips = StripOutput(many=True)
        days = DayOutput(many=True)

    @extend_schema(operation_id="connections_completeness", parameters=[Query])
    def get(self, request: Request, connection_id: str) -> Response:
        """Of the last 30 days, or of a span of at most 100."""
        connection = selectors.connection_of(self.workspace, connection_id)
        now = clock.now()
        span = span_of(self.valid_query(self.Query), now, longest=LONGEST_SPAN)
        found: dict[str, Any] = {
            "start_time": span.start,
            "end_time": span.end,
            "strips": completeness.strips([connection], span, now=now).get(connection.pk, []),
            "days": completeness.days(connection, span),
        }
        return Response(self.Output(found).data)
