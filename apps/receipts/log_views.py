"""The public log over HTTP, as https://c2sp.org/tlog-tiles: checkpoint, tiles, entry bundles."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.receipts.merkle import parse_tile_path
from apps.receipts.seeds import log_key
from apps.receipts.selectors import log_tree

_TOP_LEVEL = 7  # 256^8 leaves are more than an index can count
_FOREVER = "public, max-age=31536000, immutable"
_SECONDS = "public, max-age=5"


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """GET /log/: what this log is, for people."""
    context = {
        "origin": settings.LOG_ORIGIN,
        "vkey": str(log_key()),
        "checkpoint": log_tree.latest_checkpoint(),
    }
    return render(request, "receipts/log.html", context)


@require_safe
def checkpoint(_request: HttpRequest) -> HttpResponse:
    """GET /log/checkpoint: the latest signed note."""
    latest = log_tree.latest_checkpoint()
    if latest is None:
        raise Http404("The log has no checkpoint yet")
    return _answer(latest.note.encode(), "text/plain; charset=utf-8", _SECONDS)


@require_safe
def tile(_request: HttpRequest, level: str, place: str) -> HttpResponse:
    """GET /log/tile/{level}/{place}: up to 256 hashes, which never change."""
    if not level.isascii() or not level.isdecimal() or str(int(level[:2])) != level:
        raise Http404("No such level")
    if int(level) > _TOP_LEVEL:
        raise Http404("No such level")
    index, width = _parsed(place)
    return _immutable(log_tree.tile(int(level), index, width))


@require_safe
def entries(_request: HttpRequest, place: str) -> HttpResponse:
    """GET /log/tile/entries/{place}: up to 256 entries, each behind its length."""
    return _immutable(log_tree.bundle(*_parsed(place)))


def _parsed(place: str) -> tuple[int, int]:
    try:
        return parse_tile_path(place)
    except ValueError as fault:
        raise Http404(str(fault)) from fault


def _immutable(data: bytes | None) -> HttpResponse:
    if data is None:
        raise Http404("The log does not reach there yet")
    return _answer(data, "application/octet-stream", _FOREVER)


def _answer(data: bytes, media_type: str, caching: str) -> HttpResponse:
    headers = {"Cache-Control": caching, "Access-Control-Allow-Origin": "*"}
    return HttpResponse(data, content_type=media_type, headers=headers)
