"""The HTTP API of reports: sums over a span, whole and step by step."""

from datetime import datetime, timedelta
from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import clock
from apps.common.errors import InvalidError
from apps.emissions.selectors import current_factors
from apps.telemetry import selectors
from apps.telemetry.api.figures import GroupOutput, SpanOutput, TotalsOutput
from apps.telemetry.api.instants import InstantField
from apps.telemetry.api.overrides import AppliedOverrideOutput
from apps.telemetry.selectors.overrides import overrides_within
from apps.workspaces.access import WorkspaceApi

DEFAULT_SPAN: Final = timedelta(days=30)
LONGEST_SPAN: Final = timedelta(days=731)
LONGEST_HOURLY_SPAN: Final = timedelta(days=92)
STEPS: Final = ("hour", "day", "week", "month")


class SpanQuery(serializers.Serializer):
    """The half-open time range of a report, with offset; by default the last 30 days."""

    start_time = InstantField(required=False)
    end_time = InstantField(required=False)
    project_id = serializers.UUIDField(required=False)
    include_test = serializers.BooleanField(default=False, help_text="Count test events as well.")


class SummaryApi(WorkspaceApi):
    """GET /telemetry/summary: what a span of usage cost the air."""

    class Output(serializers.Serializer):
        time_range = SpanOutput(source="span")
        is_simulated = serializers.BooleanField()
        factor_version = serializers.CharField()
        confidence = serializers.ChoiceField(choices=selectors.CONFIDENCE_ORDER)
        overrides = AppliedOverrideOutput(many=True)
        total = TotalsOutput()
        by_model = GroupOutput(many=True)
        by_project = GroupOutput(many=True)
        by_provider = GroupOutput(many=True)

    Query = SpanQuery

    @extend_schema(operation_id="telemetry_summary")
    def get(self, request: Request) -> Response:
        query = self.valid_query(SpanQuery)
        factors = current_factors()
        span = _span(query, clock.now(), longest=LONGEST_SPAN)
        found = selectors.summary(
            self.workspace,
            span,
            factors,
            project_id=query.get("project_id"),
            include_test=query["include_test"],
        )
        report = self.Output(
            {
                **{name: getattr(found, name) for name in found.__slots__},
                "is_simulated": self.workspace.is_simulated,
                "factor_version": factors.version,
                "overrides": overrides_within(self.workspace, span),
            }
        )
        return Response(report.data)


class TimeseriesApi(WorkspaceApi):
    """GET /telemetry/timeseries: the same sums step by step."""

    class Query(SpanQuery):
        step = serializers.ChoiceField(choices=STEPS, default="day")
        split_by = serializers.ChoiceField(
            choices=("model", "project", "provider", "connection"), required=False
        )

    class Output(serializers.Serializer):
        class Point(serializers.Serializer):
            start_time = serializers.DateTimeField(source="start")
            key = serializers.CharField(allow_null=True)
            label = serializers.CharField()  # type: ignore[assignment] # as in GroupOutput
            totals = TotalsOutput()

        time_range = SpanOutput()
        is_simulated = serializers.BooleanField()
        step = serializers.ChoiceField(choices=STEPS)
        split_by = serializers.CharField(allow_null=True)
        overrides = AppliedOverrideOutput(many=True)
        points = Point(many=True)

    @extend_schema(operation_id="telemetry_timeseries")
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
            include_test=query["include_test"],
        )
        report = self.Output(
            {
                "time_range": span,
                "is_simulated": self.workspace.is_simulated,
                "step": query["step"],
                "split_by": query.get("split_by"),
                "overrides": overrides_within(self.workspace, span),
                "points": points,
            }
        )
        return Response(report.data)


def _span(query: dict[str, Any], now: datetime, *, longest: timedelta) -> selectors.Span:
    end = query.get("end_time") or now
    start = query.get("start_time") or end - DEFAULT_SPAN
    if start >= end:
        raise _invalid("start_time", "The start must be before the end.")
    if end - start > longest:
        raise _invalid("start_time", f"The range may span at most {longest.days} days.")
    return selectors.Span(start, end)


def _invalid(field: str, sentence: str) -> InvalidError:
    return InvalidError(f"{field}: {sentence}", fields={field: [sentence]})
