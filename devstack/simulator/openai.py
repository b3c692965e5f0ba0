"""OpenAI's organisation usage and costs, https://developers.openai.com/api/reference."""

import uuid
from collections.abc import Sequence
from typing import Any

from devstack.simulator.events import Dimension, UsageEvent
from devstack.simulator.history import DAY
from devstack.simulator.keys import Key, known_key, masked
from devstack.simulator.profiles import DEFAULT_PRICE, MODELS_PRICED
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

USAGE = "/organization/usage/"
COMMON = ("project_id", "user_id", "api_key_id", "model")
DIMENSIONS: dict[str, tuple[str, ...]] = {
    "completions": (*COMMON, "batch", "service_tier"),
    "embeddings": COMMON,
    "moderations": COMMON,
    "images": (*COMMON, "size", "source"),
    "audio_speeches": COMMON,
    "audio_transcriptions": COMMON,
    "vector_stores": ("project_id",),
    "code_interpreter_sessions": ("project_id",),
    "file_search_calls": ("project_id", "user_id", "api_key_id", "vector_store_id"),
    "web_search_calls": (*COMMON, "context_level"),
}
FILTERS = {
    "project_ids": "project_id",
    "user_ids": "user_id",
    "api_key_ids": "api_key_id",
    "models": "model",
}
COST_DIMENSIONS = ("project_id", "line_item", "api_key_id")
COST_LIMITS = (7, 180)
ERRORS = {
    400: ("invalid_request_error", "invalid_value", "The request is not valid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: ("invalid_request_error", None, "You have insufficient permissions for this operation."),
    404: ("invalid_request_error", None, "Invalid URL."),
    429: ("rate_limit_error", "rate_limit_exceeded", "Too many requests."),
}
SERVER_ERROR = ("server_error", None, "The server had an error while processing your request.")
NO_SCOPE = (
    "You have insufficient permissions for this operation. Missing scopes: api.usage.read. "
    "Check that you have the correct role in your organization."
)


def error(
    status: int, message: str | None = None, *, code: str | None = None, param: str | None = None
) -> Reply:
    kind, usual_code, text = ERRORS.get(status, SERVER_ERROR)
    body = {"message": message or text, "type": kind, "param": param, "code": code or usual_code}
    return json_reply({"error": body}, status).with_headers(**_request_id())


def _request_id() -> dict[str, str]:
    return {"x_request_id": "req_" + uuid.uuid4().hex}


def answer(request: Request, path: str, simulator: Simulator) -> Reply:
    key = _authenticate(request)
    if request.method != "GET":
        raise RefusedError(error(405, "Method not allowed."))
    try:
        if path == "/organization/costs":
            page = _costs(request, key, simulator)
        elif path.startswith(USAGE) and path.removeprefix(USAGE) in DIMENSIONS:
            page = _usage(request, path.removeprefix(USAGE), key, simulator)
        else:
            raise RefusedError(error(404, f"Invalid URL ({request.method} /v1{path})"))
    except QueryError as refusal:
        message = f"Invalid value for {refusal.parameter}: {refusal.message}."
        raise RefusedError(error(400, message, param=refusal.parameter)) from refusal
    return json_reply(page).with_headers(**_request_id())


def _authenticate(request: Request) -> Key:
    sent = request.bearer()
    if sent is None:
        raise RefusedError(error(401, "You didn't provide an API key.", code="missing_api_key"))
    key = known_key("openai", sent)
    if key is None or key.kind == "revoked":
        raise RefusedError(error(401, f"Incorrect API key provided: {masked(sent)}."))
    if key.kind != "admin":
        raise RefusedError(error(403, NO_SCOPE))
    return key


def _usage(request: Request, endpoint: str, key: Key, simulator: Simulator) -> JsonObject:
    width = width_of(request)
    limit = limit_of(request, *LIMITS[width])
    group_by = choice_of(request, "group_by", DIMENSIONS[endpoint])
    buckets, following = _buckets(request, WIDTHS[width], limit, simulator.clock.now())
    events = _events(request, endpoint, key, buckets, simulator)
    shape = simulator.shapes["openai"]
    return _page(
        buckets,
        [
            [_usage_row(endpoint, row, shape) for row in rows]
            for rows in grouped(events, buckets, group_by)
        ],
        cursor_for(request, following) if following else None,
    )


def _page(buckets: Sequence[Bucket], rows: Sequence[Any], cursor: str | None) -> JsonObject:
    data = [
        {"object": "bucket", "start_time": b.start, "end_time": b.end, "results": results}
        for b, results in zip(buckets, rows, strict=True)
    ]
    return {"object": "page", "data": data, "has_more": cursor is not None, "next_page": cursor}


def _buckets(request: Request, width: int, limit: int, now: int) -> tuple[list[Bucket], int | None]:
    """The page's buckets and where the next page starts.

    As recorded in OpenAI's cookbook, the first bucket starts at the window's start rounded down
    to the minute, and the last one ends at the window's end or now.
    """
    start, end = _time(request, "start_time"), _time(request, "end_time")
    if start is None:
        raise QueryError("start_time", "is required")
    if end is not None and end <= start:
        raise QueryError("end_time", "must be after start_time")
    end = now if end is None else min(end, now)
    here: int = start_from_cursor(request) or start // 60 * 60
    buckets: list[Bucket] = []
    while here < end and len(buckets) < limit:
        boundary = (here // width + 1) * width
        buckets.append(Bucket(here, min(boundary, end)))
        here = boundary
    return buckets, here if here < end else None


def _time(request: Request, name: str) -> int | None:
    text = request.last(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise QueryError(name, "must be an integer of seconds")
    return int(text)


def _events(
    request: Request,
    endpoint: str,
    key: Key,
    buckets: Sequence[Bucket],
    simulator: Simulator,
) -> list[UsageEvent]:
    if not buckets:
        return []
    first, last, now = buckets[0].start, buckets[-1].end, simulator.clock.now()
    ledger = simulator.ledger
    events = ledger.visible("openai", key.organisation, endpoint, first, last, now=now)
    wanted = {dim: set(request.every(name)) for name, dim in FILTERS.items()}
    batch: set[str] = {text.lower() for text in request.every("batch")}
    return [
        event
        for event in events
        if all(not values or event.dims.get(dim) in values for dim, values in wanted.items())
        and (not batch or str(event.dims.get("batch")).lower() in batch)
    ]


def _usage_row(endpoint: str, row: Row, shape: str) -> JsonObject:
    dims: dict[str, Dimension] = dict.fromkeys(DIMENSIONS[endpoint]) | dict(row.dims)
    kind = {"file_search_calls": "file_searches", "web_search_calls": "web_searches"}
    named = {"object": f"organization.usage.{kind.get(endpoint, endpoint)}.result"}
    if endpoint != "completions":
        return {**named, **row.quantities, **dims}
    return {**named, **_completions(row, shape), **dims}


def _completions(row: Row, shape: str) -> JsonObject:
    count = row.quantities.get
    total, cached = count("input_tokens", 0), count("input_cached_tokens", 0)
    written, out = count("input_cache_write_tokens", 0), count("output_tokens", 0)
    fields = {
        "input_tokens": total,
        "output_tokens": out,
        "num_model_requests": count("num_model_requests", 0),
        "input_cached_tokens": cached,
        "input_audio_tokens": 0,
        "output_audio_tokens": 0,
    }
    if shape == "older":
        return fields
    fields |= {
        "input_cache_write_tokens": written,
        "input_uncached_tokens": total - cached - written,
        "input_text_tokens": total - cached - written,
        "output_text_tokens": out,
        "input_cached_text_tokens": cached,
        "input_cached_audio_tokens": 0,
        "input_image_tokens": 0,
        "input_cached_image_tokens": 0,
        "output_image_tokens": 0,
    }
    if shape == "newer":
        fields |= {"input_cache_write_30m_tokens": written, "input_cache_write_12h_tokens": 0}
    return fields


def _costs(request: Request, key: Key, simulator: Simulator) -> JsonObject:
    width_of(request, ("1d",))
    limit = limit_of(request, *COST_LIMITS)
    group_by = choice_of(request, "group_by", COST_DIMENSIONS)
    buckets, following = _buckets(request, DAY, limit, simulator.clock.now())
    events = _events(request, "completions", key, buckets, simulator)
    priced = [part for event in events for part in _priced(event)]
    return _page(
        buckets,
        [[_cost_row(row, group_by) for row in rows] for rows in grouped(priced, buckets, group_by)],
        cursor_for(request, following) if following else None,
    )


def _priced(event: UsageEvent) -> list[UsageEvent]:
    """An event's line items, in millionths of a dollar."""
    model = str(event.dims.get("model"))
    fresh, cached, out = MODELS_PRICED.get(model, DEFAULT_PRICE)
    count = event.quantities.get
    read = count("input_cached_tokens", 0)
    parts = {
        "input": (count("input_tokens", 0) - read, fresh),
        "cached input": (read, cached),
        "output": (count("output_tokens", 0), out),
    }
    return [
        event._replace(
            dims={**event.dims, "line_item": f"{model}, {name}"},
            quantities={"micro_usd": round(tokens * price), "tokens": tokens},
        )
        for name, (tokens, price) in parts.items()
        if tokens
    ]


def _cost_row(row: Row, group_by: Sequence[str]) -> JsonObject:
    by_item = "line_item" in group_by
    return {
        "object": "organization.costs.result",
        "amount": {"value": row.quantities["micro_usd"] / 1_000_000, "currency": "usd"},
        **dict.fromkeys(COST_DIMENSIONS),
        **row.dims,
        "quantity": row.quantities["tokens"] if by_item else None,
        "quantity_unit": "tokens" if by_item else None,
    }
