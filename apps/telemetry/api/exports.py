"""The HTTP API of exports: every event, or every line of the ledger, as one stream."""

import re
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.http import StreamingHttpResponse
from django.utils.cache import patch_vary_headers
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.common import clock
from apps.common.errors import InvalidError
from apps.telemetry.api.instants import InstantField
from apps.telemetry.services import exporting
from apps.telemetry.services.exporting_statements import Format, Subject, Wanted
from apps.workspaces.access import WorkspaceApi
from apps.workspaces.selectors import project_of

DEFAULT_SPAN: Final = timedelta(days=30)
MEDIA_TYPES: Final = {
    Format.CSV: "text/csv; charset=utf-8; header=present",
    Format.JSON: "application/x-ndjson",
}
SUFFIXES: Final = {Format.CSV: "csv", Format.JSON: "ndjson"}
_TAKES_GZIP: Final = re.compile(
    r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?=,|$)", re.IGNORECASE
)
_RESPONSES: Final = {
    (200, "text/csv"): OpenApiTypes.STR,
    (200, "application/x-ndjson"): OpenApiTypes.STR,
    404: OpenApiResponse(description="No such project"),
    429: OpenApiResponse(description="The workspace's exports are running already"),
}


class ExportApi(WorkspaceApi):
    """One kind of rows, as CSV or as JSON lines; gzip where the client takes it."""

    subject: ClassVar[Subject]

    class Query(serializers.Serializer):
        start_time = InstantField(required=False, help_text="By default 30 days before the end.")
        end_time = InstantField(required=False, help_text="Exclusive; by default now.")
        project_id = serializers.UUIDField(required=False)
        include_test = serializers.BooleanField(default=False, help_text="Test events as well.")
        format = serializers.ChoiceField(
            choices=[one.value for one in Format],
            default=Format.CSV.value,
            help_text="`csv` (RFC 4180), or `json` for one JSON object a line.",
        )

    def stream(self, request: Request) -> StreamingHttpResponse:
        wanted = self._wanted(self.valid_query(self.Query), clock.now())
        is_packed = bool(_TAKES_GZIP.search(request.headers.get("Accept-Encoding", "")))
        self._acting.close()  # the stream acts for the workspace by itself, and for longer
        _let_stalled_clients_go(request)
        blocks = exporting.begin(self.workspace, wanted, is_packed=is_packed)
        response = StreamingHttpResponse(blocks, content_type=MEDIA_TYPES[wanted.format])
        response["Content-Disposition"] = f'attachment; filename="{self._file_name(wanted)}"'
        response["X-Accel-Buffering"] = "no"
        patch_vary_headers(response, ["Accept-Encoding"])
        if is_packed:
            response["Content-Encoding"] = "gzip"
        return response

    def _wanted(self, query: dict[str, Any], now: datetime) -> Wanted:
        end = query.get("end_time") or now
        start = query.get("start_time") or end - DEFAULT_SPAN
        if start >= end:
            fault = "The start must be before the end."
            raise InvalidError(f"start_time: {fault}", fields={"start_time": [fault]})
        return Wanted(
            self.subject,
            Format(query["format"]),
            start,
            end,
            project_id=self._project_id(query.get("project_id")),
            include_test=query["include_test"],
        )

    def _project_id(self, public_id: UUID | None) -> int | None:
        return None if public_id is None else project_of(self.workspace, str(public_id)).pk

    def _file_name(self, wanted: Wanted) -> str:
        """Whose rows, which and from when to when: `acme-telemetry-20260901T000000Z-….csv`."""
        span = f"{wanted.start:%Y%m%dT%H%M%SZ}-{wanted.end:%Y%m%dT%H%M%SZ}"
        name = f"{self.workspace.slug}-{self.subject.value}-{span}"
        return f"{name}{'-simulated' * self.workspace.is_simulated}.{SUFFIXES[wanted.format]}"


class TelemetryExportApi(ExportApi):
    """GET /export/telemetry: one row for each event, with what it costs the air by now."""

    subject = Subject.TELEMETRY

    @extend_schema(operation_id="export_telemetry", responses=_RESPONSES)
    def get(self, request: Request) -> StreamingHttpResponse:
        return self.stream(request)


class CalculationsExportApi(ExportApi):
    """GET /export/calculations: one row for each line of the ledger, with how it came about."""

    subject = Subject.CALCULATIONS

    @extend_schema(operation_id="export_calculations", responses=_RESPONSES)
    def get(self, request: Request) -> StreamingHttpResponse:
        return self.stream(request)


def _let_stalled_clients_go(request: Request) -> None:
    """A client that takes nothing for so long would hold a thread of the server for ever."""
    socket = request.META.get("gunicorn.socket")
    if socket is not None:
        socket.settimeout(settings.EXPORT_STALLED_SECONDS)
