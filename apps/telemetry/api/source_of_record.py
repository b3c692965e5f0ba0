"""The HTTP API of sources of record: which reports of a provider's use count."""

from datetime import timedelta
from typing import Final

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import clock
from apps.common.bell import ring
from apps.telemetry import selectors
from apps.telemetry.models import SourceOfRecord
from apps.telemetry.selectors import source_of_record as found
from apps.telemetry.services import source_of_record
from apps.telemetry.tasks import apply_source_of_record
from apps.workspaces.access import WorkspaceApi

LOOKED_BACK: Final = timedelta(days=30)


class SourceOfRecordOutput(serializers.Serializer):
    """What counts of one provider; the other reports are kept, marked and not summed."""

    provider = serializers.CharField()
    counted = serializers.ChoiceField(choices=SourceOfRecord.Counted.choices)
    declared_by = serializers.CharField()
    declared_at = serializers.DateTimeField()


class DoubleCountingOutput(serializers.Serializer):
    """A provider that is counted both ways because nothing is declared. Tokens of 30 days."""

    provider = serializers.CharField()
    pushed_tokens = serializers.IntegerField()
    metered_tokens = serializers.IntegerField()


class SourcesOfRecordApi(WorkspaceApi):
    """GET /sources-of-record: what is declared, and where a declaration is missing."""

    class Output(serializers.Serializer):
        results = SourceOfRecordOutput(many=True)
        undeclared = DoubleCountingOutput(many=True)
        is_applied = serializers.BooleanField(
            help_text="Whether all that is stored follows the declarations by now."
        )

    @extend_schema(operation_id="sources_of_record")
    def get(self, request: Request) -> Response:
        now = clock.now()
        span = selectors.Span(now - LOOKED_BACK, now)
        answer = self.Output(
            {
                "results": found.declarations(self.workspace),
                "undeclared": found.possible_double_counting(self.workspace, span),
                "is_applied": found.is_applied(self.workspace),
            }
        )
        return Response(answer.data)


class SourceOfRecordApi(WorkspaceApi):
    """PUT, DELETE /sources-of-record/{provider}: say what counts of a provider; unsay it."""

    class Input(serializers.Serializer):
        counted = serializers.ChoiceField(choices=SourceOfRecord.Counted.choices)

    Output = SourceOfRecordOutput

    @extend_schema(operation_id="sources_of_record_declare")
    def put(self, request: Request, provider: str) -> Response:
        """New events follow at once, stored ones within minutes; receipts stay as they are."""
        counted = self.valid(self.Input)["counted"]
        declared = source_of_record.declare(
            self.workspace, provider, counted, actor=self.actor, now=clock.now()
        )
        ring(apply_source_of_record, self.workspace.pk)
        return Response(SourceOfRecordOutput(declared).data)

    @extend_schema(
        operation_id="sources_of_record_withdraw",
        responses={204: None, 404: OpenApiResponse(description="Nothing is declared")},
    )
    def delete(self, request: Request, provider: str) -> Response:
        """Count everything of the provider again."""
        source_of_record.withdraw(self.workspace, provider, actor=self.actor, now=clock.now())
        ring(apply_source_of_record, self.workspace.pk)
        return Response(status=204)
