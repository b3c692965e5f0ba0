"""The door of OpenTelemetry: OTLP/HTTP, at the paths that exporters append to `…/otlp`.

https://opentelemetry.io/docs/specs/otlp/#otlphttp says what is answered, which is why these views
do not speak the API's envelope and are not in its document.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Final

import structlog
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import set_rollback

from apps.common import clock
from apps.common.api import exception_handler
from apps.telemetry.otlp import answers, mapping, messages, packing
from apps.telemetry.otlp.errors import (
    BadDataError,
    BodyError,
    TooLargeError,
    UnsupportedError,
)
from apps.telemetry.otlp.messages import Kind
from apps.telemetry.otlp.signals import Mapped
from apps.telemetry.services.signals import record_signals
from apps.workspaces.access import WorkspaceApi
from apps.workspaces.authentication import ApiKeyAuthentication

log = structlog.get_logger(__name__)

STATUSES: Final[dict[type[BodyError], int]] = {
    BadDataError: 400,
    TooLargeError: 413,
    UnsupportedError: 415,
}
OVER_QUOTA: Final = 402
OVER_QUOTA_RETRY_SECONDS: Final = 3600


class OtlpApi(WorkspaceApi):
    """One export. A key whose only scope is `track` can do this and nothing else."""

    authentication_classes = [ApiKeyAuthentication]
    required_scope = "track"
    schema = None

    kind: ClassVar[Kind]

    def post(self, request: Request) -> HttpResponse:
        now = clock.now()
        body = _body(request)
        form = answers.answer_type(_content_type(request))
        if not body and request.headers.get("X-Test-Connection", "").lower() == "true":
            return _answer(200, answers.success(self.kind, Mapped(), form), form)
        plain = packing.unpacked(body, request.headers.get("Content-Encoding", ""))
        export = messages.decoded(self.kind, plain, _content_type(request))
        mapped = mapping.mapped(export, now=now)
        record_signals(self.workspace, mapped, is_test=self.is_test, now=now)
        if mapped.rejected or mapped.warnings:
            log.warning(
                "otlp_items_not_counted",
                kind=self.kind,
                rejected=mapped.rejected,
                reasons=[mapped.error_message, *mapped.warnings],
            )
        return _answer(200, answers.success(self.kind, mapped, form), form)

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], HttpResponse]:
        return _refused


class OtlpTracesApi(OtlpApi):
    """POST /otlp/v1/traces: spans of model calls."""

    kind = "traces"


class OtlpMetricsApi(OtlpApi):
    """POST /otlp/v1/metrics: points of token counters and histograms."""

    kind = "metrics"


class OtlpLogsApi(OtlpApi):
    """POST /otlp/v1/logs: the events in which some tools report their model calls."""

    kind = "logs"


def _refused(fault: Exception, context: dict[str, Any]) -> HttpResponse:
    """Whatever was raised, as exporters understand it: they try 429 and 503 again, later."""
    form = answers.answer_type(_content_type(context["request"]))
    if isinstance(fault, BodyError):
        set_rollback()
        status = STATUSES[type(fault)]
        return _answer(status, answers.failure(status, str(fault), form), form)
    refusal = exception_handler(fault, context)
    status, headers = refusal.status_code, dict(refusal.headers)
    if status == OVER_QUOTA:
        status, headers = 429, {"Retry-After": str(OVER_QUOTA_RETRY_SECONDS)}
    message = refusal.data["error"]["message"]
    return _answer(status, answers.failure(status, message, form), form, headers)


def _answer(
    status: int, body: bytes, form: str, headers: dict[str, str] | None = None
) -> HttpResponse:
    return HttpResponse(body, status=status, headers={**(headers or {}), "Content-Type": form})


def _content_type(request: Request) -> str:
    return request.headers.get("Content-Type", "")


def _body(request: Request) -> bytes:
    """All of the body, unless it is or says it is too large."""
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > packing.MOST_BYTES:
        raise TooLargeError(f"The body is larger than {packing.MOST_BYTES} bytes.")
    try:
        body: bytes = _stream(request).read(packing.MOST_BYTES + 1)
    except OSError:
        raise BadDataError("The body ended too early.") from None
    return body


def _stream(request: Request) -> Any:
    """The body as far as it goes: some exporters send gzip in chunks, without a length.

    Django takes a request without a length for one without a body.
    """
    if "chunked" not in request.headers.get("Transfer-Encoding", "").lower():
        return request
    if not request.META.get("wsgi.input_terminated"):
        raise BadDataError("This server needs to know the length of the body.")
    return request.META["wsgi.input"]
