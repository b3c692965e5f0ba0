"""The HTTP API of connections and reports."""

from datetime import datetime, timedelta
from typing import Any, Final

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import clock
from apps.common.errors import InvalidError
from apps.common.secrets import Secret
from apps.emissions.selectors import current_factors
from apps.telemetry import selectors
from apps.telemetry.models import ProviderConnection
from apps.telemetry.services import connections
from apps.workspaces.access import WorkspaceApi

DEFAULT_SPAN: Final = timedelta(days=30)
LONGEST_SPAN: Final = timedelta(days=731)
LONGEST_HOURLY_SPAN: Final = timedelta(days=92)


class FailureOutput(serializers.Serializer):
    """Why the last reading failed, in the provider's words."""

    kind = serializers.CharField(source="failure_kind")
    message = serializers.CharField(source="failure_message")
    at = serializers.DateTimeField(source="failed_at")


class ConnectionOutput(serializers.Serializer):
    """A connection as everyone of its workspace may see it: never its key."""

    id = serializers.CharField(source="public_id")
    provider = serializers.ChoiceField(choices=ProviderConnection.Provider.choices)
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=ProviderConnection.Status.choices)
    is_simulated = serializers.BooleanField()
    key_hint = serializers.CharField()
    account = serializers.CharField(source="account_name")
    project_id = serializers.UUIDField(source="project_public_id")
    failure = serializers.SerializerMethodField()
    last_polled_at = serializers.DateTimeField(allow_null=True)
    last_succeeded_at = serializers.DateTimeField(allow_null=True)
    next_poll_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()

    @extend_schema_field(FailureOutput(allow_null=True))
    def get_failure(self, connection: ProviderConnection) -> dict[str, Any] | None:
        return dict(FailureOutput(connection).data) if connection.failure_kind else None


class ConnectionsApi(WorkspaceApi):
    """GET, POST /connections: the provider accounts of a workspace."""

    class Input(serializers.Serializer):
        provider = serializers.ChoiceField(choices=ProviderConnection.Provider.choices)
        name = serializers.CharField(max_length=120)
        api_key = serializers.CharField(max_length=500, write_only=True)
        project_id = serializers.UUIDField(required=False, allow_null=True)

    @extend_schema(operation_id="connections_list", responses={200: ConnectionOutput(many=True)})
    def get(self, request: Request) -> Response:
        found = selectors.connections(self.workspace)
        return self.paginated(found, ConnectionOutput, ordering=("-created_at", "-pk"))

    @extend_schema(
        operation_id="connections_create", request=Input, responses={201: ConnectionOutput}
    )
    def post(self, request: Request) -> Response:
        """Ask the provider whether it accepts the key, then store it sealed."""
        body = self.valid(self.Input)
        now = clock.now()
        key = Secret(body["api_key"])
        account = connections.ask_provider(body["provider"], key, now=now)
        created = connections.connect(
            self.workspace,
            provider=body["provider"],
            name=body["name"],
            key=key,
            account=account,
            project_id=body.get("project_id"),
            actor=self.actor,
            now=now,
        )
        shown = selectors.connection_of(self.workspace, created.public_id)
        return Response(ConnectionOutput(shown).data, status=201)


class ConnectionApi(WorkspaceApi):
    """GET, DELETE /connections/{id}: one connection; deleting destroys its key, not its history."""

    @extend_schema(operation_id="connections_retrieve", responses={200: ConnectionOutput})
    def get(self, request: Request, connection_id: str) -> Response:
        return Response(
            ConnectionOutput(selectors.connection_of(self.workspace, connection_id)).data
        )

    @extend_schema(operation_id="connections_revoke", responses={204: None})
    def delete(self, request: Request, connection_id: str) -> Response:
        connection = selectors.connection_of(self.workspace, connection_id)
        connections.revoke(connection, actor=self.actor, now=clock.now())
        return Response(status=204)


class BoundsOutput(serializers.Serializer):
    """A quantity with its 90 % interval."""

    low = serializers.FloatField()
    central = serializers.FloatField()
    high = serializers.FloatField()


class TotalsOutput(serializers.Serializer):
    """Sums over a set of usage. `requests` is null where no provider of the set counts them."""

    input_tokens = serializers.IntegerField()
    input_uncached_tokens = serializers.SerializerMethodField()
    input_cache_read_tokens = serializers.SerializerMethodField()
    input_cache_write_tokens = serializers.SerializerMethodField()
    output_tokens = serializers.SerializerMethodField()
    requests = serializers.IntegerField(allow_null=True)
    energy_kwh = serializers.SerializerMethodField()
    co2e_grams = serializers.SerializerMethodField()
    operational_co2e_grams = serializers.SerializerMethodField()
    embodied_co2e_grams = serializers.SerializerMethodField()
    water_litres = serializers.SerializerMethodField()

    def get_input_uncached_tokens(self, totals: selectors.Totals) -> int:
        return totals.count("input_uncached_tokens")

    def get_input_cache_read_tokens(self, totals: selectors.Totals) -> int:
        return totals.count("input_cache_read_tokens")

    def get_input_cache_write_tokens(self, totals: selectors.Totals) -> int:
        return totals.count("input_cache_write_tokens")

    def get_output_tokens(self, totals: selectors.Totals) -> int:
        return totals.count("output_tokens")

    @extend_schema_field(BoundsOutput)
    def get_energy_kwh(self, totals: selectors.Totals) -> Any:
        return BoundsOutput(totals.bounds("energy_kwh")).data

    @extend_schema_field(BoundsOutput)
    def get_co2e_grams(self, totals: selectors.Totals) -> Any:
        return BoundsOutput(totals.bounds("co2e_grams")).data

    @extend_schema_field(BoundsOutput)
    def get_operational_co2e_grams(self, totals: selectors.Totals) -> Any:
        return BoundsOutput(totals.bounds("operational_co2e_grams")).data

    @extend_schema_field(BoundsOutput)
    def get_embodied_co2e_grams(self, totals: selectors.Totals) -> Any:
        return BoundsOutput(totals.bounds("embodied_co2e_grams")).data

    @extend_schema_field(BoundsOutput)
    def get_water_litres(self, totals: selectors.Totals) -> Any:
        return BoundsOutput(totals.bounds("water_litres")).data


class GroupOutput(serializers.Serializer):
    key = serializers.CharField(allow_null=True)
    label = serializers.CharField()
    confidence = serializers.ChoiceField(choices=selectors.CONFIDENCE_ORDER)
    totals = TotalsOutput()


class SpanOutput(serializers.Serializer):
    start_time = serializers.DateTimeField(source="start")
    end_time = serializers.DateTimeField(source="end")


class SpanQuery(serializers.Serializer):
    """The half-open time range of a report, with offset; by default the last 30 days."""

    start_time = serializers.DateTimeField(required=False)
    end_time = serializers.DateTimeField(required=False)
    project_id = serializers.UUIDField(required=False)
    include_test = serializers.BooleanField(default=False, help_text="report test events instead")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in ("start_time", "end_time"):
            raw = str(self.initial_data.get(name) or "")
            if raw and not _has_offset(raw):
                raise serializers.ValidationError({name: "A time carries its offset, such as Z."})
        return attrs


class SummaryApi(WorkspaceApi):
    """GET /telemetry/summary: what a span of usage cost the air."""

    class Output(serializers.Serializer):
        time_range = SpanOutput(source="span")
        is_simulated = serializers.BooleanField()
        factor_version = serializers.CharField()
        confidence = serializers.ChoiceField(choices=selectors.CONFIDENCE_ORDER)
        total = TotalsOutput()
        by_model = GroupOutput(many=True)
        by_project = GroupOutput(many=True)
        by_provider = GroupOutput(many=True)

    @extend_schema(
        operation_id="telemetry_summary", parameters=[SpanQuery], responses={200: Output}
    )
    def get(self, request: Request) -> Response:
        query = self.valid_query(SpanQuery)
        factors = current_factors()
        found = selectors.summary(
            self.workspace,
            _span(query, clock.now(), longest=LONGEST_SPAN),
            factors,
            project_id=query.get("project_id"),
            is_test=query["include_test"],
        )
        report = self.Output(
            {
                **{name: getattr(found, name) for name in found.__slots__},
                "is_simulated": self.workspace.is_simulated,
                "factor_version": factors.version,
            }
        )
        return Response(report.data)


class TimeseriesApi(WorkspaceApi):
    """GET /telemetry/timeseries: the same sums step by step."""

    class Query(SpanQuery):
        step = serializers.ChoiceField(choices=("hour", "day", "week", "month"), default="day")
        split_by = serializers.ChoiceField(
            choices=("model", "project", "provider", "connection"), required=False
        )

    class Output(serializers.Serializer):
        class Point(serializers.Serializer):
            start_time = serializers.DateTimeField(source="start")
            key = serializers.CharField(allow_null=True)
            label = serializers.CharField()
            totals = TotalsOutput()

        time_range = SpanOutput()
        is_simulated = serializers.BooleanField()
        step = serializers.ChoiceField(choices=("hour", "day", "week", "month"))
        split_by = serializers.CharField(allow_null=True)
        points = Point(many=True)

    @extend_schema(
        operation_id="telemetry_timeseries", parameters=[Query], responses={200: Output}
    )
    def get(self, request: Request) -> Response:
        query = self.valid_query(self.Query)
        longest = LONGEST_HOURLY_SPAN if query["step"] == "hour" else LONGEST_SPAN
        span = _span(query, clock.now(), longest=longest)
        points = selectors.timeseries(
            self.workspace,
            span,
            step=query["step"],
            split=query.get("split_by"),
            project_id=query.get("project_id"),
            is_test=query["include_test"],
        )
        report = self.Output(
            {
                "time_range": span,
                "is_simulated": self.workspace.is_simulated,
                "step": query["step"],
                "split_by": query.get("split_by"),
                "points": points,
            }
        )
        return Response(report.data)


def _span(query: dict[str, Any], now: datetime, *, longest: timedelta) -> selectors.Span:
    end = query.get("end_time") or now
    start = query.get("start_time") or end - DEFAULT_SPAN
    if start >= end:
        raise InvalidError("start_time must be before end_time", fields=["start_time", "end_time"])
    if end - start > longest:
        raise InvalidError(f"The range may span at most {longest.days} days", fields=["start_time"])
    return selectors.Span(start, end)


def _has_offset(text: str) -> bool:
    clock_part = text.partition("T")[2] or text.partition(" ")[2]
    return text.endswith(("Z", "z")) or "+" in clock_part or "-" in clock_part
