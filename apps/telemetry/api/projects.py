"""The HTTP API of projects where it needs to know of usage: archive one, analyse one."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import clock
from apps.common.typed import TypedApi
from apps.emissions.selectors import current_factors
from apps.telemetry import selectors
from apps.telemetry.api.figure_shapes import (
    Confidence,
    Named,
    TimeRange,
    UsageGroup,
    UsageTotals,
    group_output,
    range_output,
    totals_output,
)
from apps.telemetry.api.report_queries import SpanQuery, span_of
from apps.telemetry.services import routing
from apps.workspaces import api as workspaces
from apps.workspaces.access import WorkspaceApi
from apps.workspaces.selectors import project_of


class ProjectApi(workspaces.ProjectApi):
    """GET, PATCH, DELETE /projects/{id}: deleting archives; here is known what uses a project."""

    @extend_schema(
        operation_id="projects_archive",
        responses={
            204: None,
            409: OpenApiResponse(description="The default project, or usage still goes there"),
        },
    )
    def delete(self, request: Request, project_id: str) -> Response:
        """Take the project out of the lists. Its history stays; PATCH restores it."""
        project = project_of(self.workspace, project_id)
        routing.archive_project(project, actor=self.actor, now=clock.now())
        return Response(status=204)


class ProjectDay(Struct, frozen=True, kw_only=True):
    """One UTC day on which the project used something."""

    start_time: datetime
    totals: UsageTotals


class ProjectAnalytics(Struct, frozen=True, kw_only=True):
    """What a project's usage cost the air: whole, by group, heaviest first, and day by day."""

    project: Named
    time_range: TimeRange
    is_simulated: bool
    factor_version: str
    confidence: Confidence
    total: UsageTotals
    by_model: list[UsageGroup]
    by_provider: list[UsageGroup]
    by_day: list[ProjectDay]


class ProjectAnalyticsApi(TypedApi, WorkspaceApi):
    """GET /projects/{id}/analytics: one project in a span, by default the last 30 days."""

    Query = SpanQuery
    Output = ProjectAnalytics

    @extend_schema(operation_id="projects_analytics")
    def get(self, request: Request, project_id: str) -> HttpResponse:
        project = project_of(self.workspace, project_id)
        query = self.valid_query(SpanQuery)
        span, factors = span_of(query, clock.now()), current_factors()
        only: dict[str, Any] = {
            "project_id": project.public_id,
            "include_test": query["include_test"],
        }
        found = selectors.summary(self.workspace, span, factors, **only)
        days = selectors.timeseries(self.workspace, span, step="day", **only)
        return self.answer(
            ProjectAnalytics(
                project=Named(id=str(project.public_id), name=project.name),
                time_range=range_output(span),
                is_simulated=self.workspace.is_simulated,
                factor_version=factors.version,
                confidence=found.confidence,  # type: ignore[arg-type] # one of the catalogue's
                total=totals_output(found.total),
                by_model=[group_output(group) for group in found.by_model],
                by_provider=[group_output(group) for group in found.by_provider],
                by_day=[
                    ProjectDay(start_time=day.start, totals=totals_output(day.totals))
                    for day in days
                    if day.totals
                ],
            )
        )
