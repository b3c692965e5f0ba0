"""The HTTP API of reports: sums over a span, whole, step by step, and by model."""

from datetime import timedelta
from typing import Any, Final

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.common import clock
from apps.common.typed import TypedApi
from apps.emissions.selectors import current_factors
from apps.telemetry import selectors
from apps.telemetry.api.figure_shapes import range_output
from apps.telemetry.api.report_answer import (
    applied,
    model_output,
    point_output,
    summary_members,
)
from apps.telemetry.api.report_queries import (
    LONGEST_HOURLY_SPAN,
    LONGEST_SPAN,
    ReportQuery,
    link,
    narrowing,
    span_of,
    whole_hours_around,
)
from apps.telemetry.api.report_shapes import ModelReport, SummaryLinks, UsageSeries, UsageSummary
from apps.telemetry.selectors import Span
from apps.telemetry.selectors.model_usage import model_usage
from apps.telemetry.selectors.overrides import overrides_within
from apps.workspaces.access import WorkspaceApi

STEPS: Final = ("hour", "day", "week", "month")
SPLITS: Final = ("model", "project", "provider", "connection", "region", "token_kind")
MOST_MODELS: Final = 500


class SummaryApi(TypedApi, WorkspaceApi):
    """GET /telemetry/summary: what a span of usage cost the air."""

    Query = ReportQuery

    @extend_schema(operation_id="telemetry_summary", responses={200: UsageSummary})
    def get(self, request: Request) -> HttpResponse:
        query = self.valid_query(ReportQuery)
        factors = current_factors()
        span = span_of(query, clock.now())
        found = selectors.summary(self.workspace, span, factors, **narrowing(query))
        return self.answer(
            UsageSummary(
                is_simulated=self.workspace.is_simulated,
                factor_version=factors.version,
                overrides=applied(overrides_within(self.workspace, span)),
                links=_links(request, span, narrowing(query)),
                **summary_members(found),
            )
        )


class TimeseriesApi(TypedApi, WorkspaceApi):
    """GET /telemetry/timeseries: the same sums step by step, in UTC; weeks begin on Monday."""

    class Query(ReportQuery):
        step = serializers.ChoiceField(choices=STEPS, default="day")
        split_by = serializers.ChoiceField(choices=SPLITS, required=False)

    @extend_schema(operation_id="telemetry_timeseries", responses={200: UsageSeries})
    def get(self, request: Request) -> HttpResponse:
        query = self.valid_query(self.Query)
        step, split = query["step"], query.get("split_by")
        span = span_of(query, clock.now(), longest=_longest(step))
        points = selectors.timeseries(
            self.workspace, span, step=step, split=split, **narrowing(query)
        )
        return self.answer(
            UsageSeries(
                time_range=range_output(span),
                is_simulated=self.workspace.is_simulated,
                step=step,
                split_by=split,
                overrides=applied(overrides_within(self.workspace, span)),
                points=[point_output(point) for point in points],
            )
        )


class ModelUsageApi(TypedApi, WorkspaceApi):
    """GET /telemetry/models: what each model cost the air, the heaviest first."""

    class Query(ReportQuery):
        limit = serializers.IntegerField(min_value=1, max_value=MOST_MODELS, default=100)

    @extend_schema(operation_id="telemetry_models", responses={200: ModelReport})
    def get(self, request: Request) -> HttpResponse:
        query = self.valid_query(self.Query)
        factors = current_factors()
        span = span_of(query, clock.now())
        found = model_usage(self.workspace, span, factors, **narrowing(query))
        shown = found[: query["limit"]]
        return self.answer(
            ModelReport(
                time_range=range_output(span),
                is_simulated=self.workspace.is_simulated,
                factor_version=factors.version,
                left_out=len(found) - len(shown),
                models=[model_output(one) for one in shown],
            )
        )


def _longest(step: str) -> timedelta:
    return LONGEST_HOURLY_SPAN if step == "hour" else LONGEST_SPAN


def _links(request: Request, span: Span, narrowed: dict[str, Any]) -> SummaryLinks:
    hours = whole_hours_around(span)
    exact = {"start_time": span.start, "end_time": span.end, **narrowed}
    return SummaryLinks(
        days=link(request, "telemetry-timeseries", step="day", **exact),
        rollups=link(
            request, "telemetry-rollups", start_time=hours.start, end_time=hours.end, **narrowed
        ),
        events=link(request, "telemetry-events", **exact),
    )
