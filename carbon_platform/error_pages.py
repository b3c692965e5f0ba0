"""What Django itself refuses: the envelope under /api and /otlp, a small page everywhere else."""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.template import loader

from apps.common.envelope import SENTENCES, Refusal
from carbon_platform.middleware import SPOKEN_IN_JSON


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    status = 413 if isinstance(exception, RequestDataTooBig) else 400
    return _answer(request, status, "400.html")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - named by Django
    return _answer(request, 403, "403.html")


def csrf_failure(request: HttpRequest, **_: Any) -> HttpResponse:
    return _answer(request, 403, "403.html")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - named by Django
    return _answer(request, 404, "404.html")


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(request, 500, "500.html")


def _answer(request: HttpRequest, status: int, template: str) -> HttpResponse:
    if request.path.startswith(SPOKEN_IN_JSON):
        return Refusal.plain(status).as_response()
    try:
        # Without the request when we failed: its session's database may be the reason.
        asked = request if status < HTTPStatus.INTERNAL_SERVER_ERROR else None
        page: str = loader.render_to_string(template, _context(status), asked)
    except Exception:  # noqa: BLE001 - whatever broke the page must not break the error page
        page = f"<!doctype html><title>{status}</title><p>{SENTENCES[status]}</p>"
    return HttpResponse(page, status=status)


def _context(status: int) -> dict[str, Any]:
    return {"status": status, "title": HTTPStatus(status).phrase, "sentence": SENTENCES[status]}
