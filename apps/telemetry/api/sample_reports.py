"""GET reports/summary: the sums of samples of compute, of one workspace or of all of them."""

from http import HTTPStatus
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.common.typed import TypedApi
from apps.telemetry.api.instants import InstantField
from apps.telemetry.api.sample_footprint import SampleReportOutput, report_output
from apps.telemetry.errors import InvalidSampleError
from apps.telemetry.selectors.footprint import footprint_with
from apps.telemetry.selectors.parts import OpenSpan
from apps.telemetry.selectors.sample_reports import sample_summary
from apps.workspaces.access import PlatformApi, WorkspaceApi
from apps.workspaces.models import Workspace

ANSWERS = {200: SampleReportOutput, 422: OpenApiResponse(description="No such range")}


class SampleSpanQuery(serializers.Serializer):
    """The half-open time range of `measured_at`, with offset; open where an end is left out."""

    start_time = InstantField(required=False)
    end_time = InstantField(required=False)
    include_test = serializers.BooleanField(default=False, help_text="Count test samples as well.")


class WorkspaceSampleSummaryApi(TypedApi, WorkspaceApi):
    """GET /workspaces/{id}/reports/summary: what the samples of a workspace cost the air."""

    invalid_status: ClassVar[int] = HTTPStatus.UNPROCESSABLE_ENTITY
    Query = SampleSpanQuery

    @extend_schema(operation_id="workspace_samples_summary", responses=ANSWERS)
    def get(self, request: Request, workspace_id: str) -> HttpResponse:
        return self.answer(_report(self.workspace, self.valid_query(SampleSpanQuery)))


class SampleSummaryApi(TypedApi, PlatformApi):
    """GET /reports/summary: the same of every workspace, for the operator's programs."""

    invalid_status: ClassVar[int] = HTTPStatus.UNPROCESSABLE_ENTITY
    Query = SampleSpanQuery

    @extend_schema(operation_id="samples_summary", responses=ANSWERS)
    def get(self, request: Request) -> HttpResponse:
        return self.answer(_report(None, self.valid_query(SampleSpanQuery)))


def _report(workspace: Workspace | None, query: dict[str, Any]) -> SampleReportOutput:
    span = OpenSpan(query.get("start_time"), query.get("end_time"))
    if span.start is not None and span.end is not None and span.start >= span.end:
        sentence = "start_time must be before end_time."
        raise InvalidSampleError(sentence, fields={"start_time": [sentence]})
    include_test = query["include_test"]
    found = sample_summary(workspace, span, include_test=include_test)
    both = footprint_with(workspace, span, found.total, include_test=include_test)
    return report_output(found, both)
