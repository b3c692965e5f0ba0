"""Anthropic's organisation reports, https://platform.claude.com/docs/en/manage-claude/usage-cost-api."""

import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from devstack.simulator.clock import rfc3339, unix
from devstack.simulator.events import UsageEvent
from devstack.simulator.history import DAY
from devstack.simulator.keys import Key, known_key
from devstack.simulator.profiles import DEFAULT_PRICE, MODELS_PRICED, uuid_of
from devstack.simulator.reports import (
    LIMITS,
    WIDTHS,
    Bucket,
    QueryError,
    Row,
    choice_of,
    cursor_for,
    grouped,
    limit_of,
    start_from_cursor,
    width_of,
)
from devstack.simulator.simulator import Simulator
from devstack.simulator.wire import JsonObject, RefusedError, Reply, Request, json_reply

DIMENSIONS = (
    "account_id",
    "api_key_id",
    "context_window",
    "inference_geo",
    "model",
    "service_account_id",
    "service_tier",
    "workspace_id",
)
FILTERS = {
    "account_ids": "account_id",
    "api_key_ids": "api_key_id",
    "context_window": "context_window",
    "inference_geos": "inference_geo",
    "models": "model",
    "service_account_ids": "service_account_id",
    "service_tiers": "service_tier",
    "workspace_ids": "workspace_id",
}
COST_DIMENSIONS = ("workspace_id", "description")
COST_PARTS = {
    "uncached_input_tokens": ("Input Tokens", "uncached_input_tokens"),
    "cache_read_input_tokens": ("Cache Read", "cache_read_input_tokens"),
    "ephemeral_5m_input_tokens": ("Cache Write", "cache_creation.ephemeral_5m_input_tokens"),
    "ephemeral_1h_input_tokens": ("Long Cache Write", "cache_creation.ephemeral_1h_input_tokens"),
    "output_tokens": ("Output Tokens", "output_tokens"),
}
COST_LIMITS = (7, 31)
ERRORS = {
    400: ("invalid_request_error", "The request is not valid."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "There is a problem with billing."),
    403: ("permission_error", "This key may not use this resource."),
    404: ("not_found_error", "The requested resource could not be found."),
    405: ("invalid_request_error", "Method not allowed"),
    429: ("rate_limit_error", "Rate limit exceeded."),
    504: ("timeout_error", "Request timed out."),
    529: ("overloaded_error", "Overloaded"),
}


def error(status: int, message: str | None = None) -> Reply:
    kind, text = ERRORS.get(status, ("api_error", "Internal server error"))
    request_id = "req_" + uuid.uuid4().hex[:24]
    body = {"type": kind, "message": message or text}
    reply = json_reply({"type": "error", "error": body, "request_id": request_id}, status)
    return reply.with_headers(request_id=request_id)


def answer(request: Request, path: str, simulator: Simulator) -> Reply:
    key = _authenticate(request)
    if request.method != "GET":
        raise RefusedError(error(405))
    try:
        body = _report(request, path, key, simulator)
    except QueryError as refusal:
        raise RefusedError(error(400, f"{refusal.parameter}: {refusal.message}")) from refusal
    return json_reply(body).with_headers(request_id="req_" + uuid.uuid4().hex[:24])


def _authenticate(request: Request) -> Key:
    sent = request.headers.get("x-api-key") or request.bearer()
    if not sent:
        raise RefusedError(error(401, "x-api-key header is required"))
    key = known_key("anthropic", sent)
    if key is None or key.kind == "expired":
        raise RefusedError(error(401))
    if not request.headers.get("anthropic-version"):
        raise RefusedError(error(400, "anthropic-version: header is required"))
    if key.kind != "admin":
        raise RefusedError(error(403))
    return key


def _report(request: Request, path: str, key: Key, simulator: Simulator) -> JsonObject:
    if path == "/v1/organizations/me":
        name = f"Simulated organisation {key.organisation}"
        identity = uuid_of(simulator.ledger.seed, key.organisation, "organisation")
        return {"id": identity, "type": "organization", "name": name}
    if path == "/v1/organizations/usage_report/messages":
        return _messages(request, key, simulator)
    if path == "/v1/organizations/cost_report":
        return _costs(request, key, simulator)
    raise RefusedError(error(404))


def _messages(request: Request, key: Key, simulator: Simulator) -> JsonObject:
    width = width_of(request)
    limit = limit_of(request, *LIMITS[width])
    group_by = choice_of(request, "group_by", DIMENSIONS)
    buckets, following = _buckets(request, WIDTHS[width], limit, simulator)
    rows = grouped(_events(request, key, buckets, simulator), buckets, group_by)
    return _page(buckets, [[_usage_row(row) for row in r] for r in rows], request, following)


def _page(
    buckets: Sequence[Bucket], rows: Sequence[Any], request: Request, following: int | None
) -> JsonObject:
    data = [
        {"starting_at": rfc3339(b.start), "ending_at": rfc3339(b.end), "results": results}
        for b, results in zip(buckets, rows, strict=True)
    ]
    cursor = cursor_for(request, following) if following else None
    return {"data": data, "has_more": cursor is not None, "next_page": cursor}


def _buckets(
    request: Request, width: int, limit: int, simulator: Simulator
) -> tuple[list[Bucket], int | None]:
    """Whole buckets only: the start is snapped down, the running bucket is not cut.

    The documentation can be read in two ways about a bucket that ends exactly at `ending_at`:
    the shape `exclusive` leaves it out.
    """
    start, end = _time(request, "starting_at"), _time(request, "ending_at")
    if start is None:
        raise QueryError("starting_at", "Field required")
    if end is not None and end <= start:
        raise QueryError("ending_at", "must be after starting_at")
    now = simulator.clock.now()
    last_end = now + width if end is None else min(end, now + width)
    if end is not None and simulator.shapes["anthropic"] == "exclusive":
        last_end = min(last_end, end - 1)
    here: int = start_from_cursor(request) or start // width * width
    buckets: list[Bucket] = []
    while here + width <= last_end and len(buckets) < limit:
        buckets.append(Bucket(here, here + width))
        here += width
    return buckets, here if here + width <= last_end else None


def _time(request: Request, name: str) -> int | None:
    text = request.last(name)
    if text is None:
        return None
    try:
        return unix(text)
    except ValueError as refusal:
        raise QueryError(name, "Input should be a valid datetime") from refusal


def _events(
    request: Request, key: Key, buckets: Sequence[Bucket], simulator: Simulator
) -> list[UsageEvent]:
    if not buckets:
        return []
    first, last = buckets[0].start, buckets[-1].end
    now = simulator.clock.now()
    ledger = simulator.ledger
    events = ledger.visible("anthropic", key.organisation, "messages", first, last, now=now)
    wanted = {dim: set(request.every(name)) for name, dim in FILTERS.items()}
    return [
        event
        for event in events
        if all(not values or event.dims.get(dim) in values for dim, values in wanted.items())
    ]


def _usage_row(row: Row) -> JsonObject:
    count = row.quantities.get
    return {
        **dict.fromkeys(DIMENSIONS),
        **row.dims,
        "uncached_input_tokens": count("uncached_input_tokens", 0),
        "cache_creation": {
            "ephemeral_1h_input_tokens": count("ephemeral_1h_input_tokens", 0),
            "ephemeral_5m_input_tokens": count("ephemeral_5m_input_tokens", 0),
        },
        "cache_read_input_tokens": count("cache_read_input_tokens", 0),
        "output_tokens": count("output_tokens", 0),
        "server_tool_use": {"web_search_requests": count("web_search_requests", 0)},
    }


def _costs(request: Request, key: Key, simulator: Simulator) -> JsonObject:
    width_of(request, ("1d",))
    limit = limit_of(request, *COST_LIMITS)
    group_by = choice_of(request, "group_by", COST_DIMENSIONS)
    buckets, following = _buckets(request, DAY, limit, simulator)
    priced = [part for e in _events(request, key, buckets, simulator) for part in _priced(e)]
    implied = ("model", "token_type", "service_tier") if "description" in group_by else ()
    rows = grouped(priced, buckets, [*group_by, *implied])
    return _page(buckets, [[_cost_row(row) for row in r] for r in rows], request, following)


def _priced(event: UsageEvent) -> list[UsageEvent]:
    """An event's line items, in millionths of a dollar. Priority tier is not in this report."""
    model, tier = str(event.dims.get("model")), event.dims.get("service_tier")
    fresh, cached, out = MODELS_PRICED.get(model, DEFAULT_PRICE)
    prices = dict(zip(COST_PARTS, (fresh, cached, fresh * 1.25, fresh * 2, out), strict=True))
    return [
        event._replace(
            dims={**event.dims, "description": f"{model} Usage - {text}", "token_type": kind},
            quantities={"micro_usd": round(event.quantities.get(name, 0) * prices[name])},
        )
        for name, (text, kind) in COST_PARTS.items()
        if event.quantities.get(name) and tier in {"standard", "batch"}
    ]


def _cost_row(row: Row) -> JsonObject:
    by_item = "description" in row.dims
    return {
        "amount": format(Decimal(row.quantities["micro_usd"]) / 10_000, "f"),  # cents
        "currency": "USD",
        "cost_type": "tokens" if by_item else None,
        "context_window": "0-200k" if by_item else None,
        "inference_geo": "global" if by_item else None,
        **dict.fromkeys(("workspace_id", "description", "model", "token_type", "service_tier")),
        **row.dims,
    }
