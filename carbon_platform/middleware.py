"""Around every request: its id in and out, one access line, its time, and the site's headers."""

import re
import time
from collections.abc import Callable
from uuid import uuid4

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed

from apps.common.envelope import Refusal, refusal_of
from carbon_platform import metrics

log = structlog.get_logger("carbon_platform.access")

GetResponse = Callable[[HttpRequest], HttpResponseBase]

SPOKEN_IN_JSON = ("/api/", "/otlp/")
NEVER_STORED = ("/api/", "/dashboard", "/admin", "/otlp/")
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_PROBES = frozenset({"/healthz", "/readyz", "/health", "/metrics"})


class RequestMiddleware:
    """Outermost. A caller's `X-Request-ID` is kept if it is harmless, else a new one is made."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        request_id = _request_id(request)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            response = _in_the_envelope(request, self._get_response(request))
            seconds = time.perf_counter() - started
            response["X-Request-ID"] = request_id
            response["X-Response-Time"] = f"{seconds * 1000:.1f}ms"
            _report(request, response.status_code, seconds)
        finally:
            structlog.contextvars.clear_contextvars()
        return response

    def process_exception(self, request: HttpRequest, fault: Exception) -> HttpResponseBase | None:
        """A plain view that speaks JSON refuses in the same envelope, in debug mode too."""
        if not request.path.startswith(SPOKEN_IN_JSON):
            return None
        return refusal_of(fault).as_response()


class HeadersMiddleware:
    """Content-Security-Policy on everything, `no-store` where answers are somebody's own."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        if request.path.startswith(NEVER_STORED):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


def _in_the_envelope(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """A plain view's decorator answers a wrong method with no words at all."""
    if isinstance(response, HttpResponseNotAllowed) and request.path.startswith(SPOKEN_IN_JSON):
        return Refusal.plain(405, Allow=response.headers["Allow"]).as_response()
    return response


def _request_id(request: HttpRequest) -> str:
    given = request.headers.get("X-Request-ID", "")
    return given if _ACCEPTABLE_ID.fullmatch(given) else str(uuid4())


def _report(request: HttpRequest, status: int, seconds: float) -> None:
    metrics.count(request, status, seconds)
    is_routine = request.path in _PROBES or request.path.startswith(settings.STATIC_URL)
    if is_routine and status < 400:  # noqa: PLR2004 - where errors begin
        return
    log.info(
        "request_answered",
        method=request.method,
        path=request.path,  # without the query: it may hold what is nobody's business
        route=metrics.route(request),
        status=status,
        duration_ms=round(seconds * 1000, 1),
    )
