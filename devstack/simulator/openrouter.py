"""OpenRouter's activity, analytics, key and credits, https://openrouter.ai/docs/api-reference."""

from collections.abc import Sequence

from devstack.simulator.clock import day_of, rfc3339, unix
from devstack.simulator.events import UsageEvent
from devstack.simulator.history import DAY
from devstack.simulator.keys import Key, known_key
from devstack.simulator.openrouter_facts import (
    DIMENSIONS,
    GRANULARITIES,
    METRICS,
    analytics_meta,
    key_facts,
    models,
)
from devstack.simulator.reports import Bucket, Row, grouped
from devstack.simulator.simulator import Simulator
from devstack.simulator.wire import JsonObject, RefusedError, Reply, Request, json_reply

DAYS_KEPT = 30
ROW_DIMENSIONS = ("model", "model_permaslug", "endpoint_id", "provider_name")
QUERY_LIMITS = (1000, 10_000)
MOST_DIMENSIONS = 2
MESSAGES = {
    400: "Invalid request parameters",
    401: "User not found.",
    402: "Insufficient credits. Add more using https://openrouter.ai/credits",
    403: "Only management keys can perform this operation",
    404: "Resource not found",
    408: "Operation timed out. Please try again later.",
    429: "Rate limit exceeded",
    500: "Internal Server Error",
    502: "Provider returned error",
    503: "Service temporarily unavailable",
    524: "Request timed out at the edge",
    529: "Provider overloaded",
}


def error(status: int, message: str | None = None) -> Reply:
    body = {"code": status, "message": message or MESSAGES.get(status, "Error")}
    return json_reply({"error": body}, status)


def answer(request: Request, path: str, simulator: Simulator) -> Reply:
    if (request.method, path) == ("GET", "/models"):
        return json_reply(models())
    key = _authenticate(request)
    if (request.method, path) == ("GET", "/key"):
        return json_reply({"data": key_facts(simulator.ledger.seed, key, _usd(key, simulator))})
    doors = {
        ("GET", "/activity"): _activity,
        ("GET", "/credits"): _credits,
        ("GET", "/analytics/meta"): lambda *_: analytics_meta(),
        ("POST", "/analytics/query"): _analytics,
    }
    door = doors.get((request.method, path))
    if door is None:
        raise RefusedError(error(404))
    if key.kind != "management":
        raise RefusedError(error(403))
    return json_reply(door(request, key, simulator))


def _authenticate(request: Request) -> Key:
    sent = request.bearer()
    if sent is None:
        raise RefusedError(error(401, "Missing Authentication header"))
    key = known_key("openrouter", sent)
    if key is None or key.kind == "expired":
        raise RefusedError(error(401))
    return key


def _events(key: Key, simulator: Simulator, start: int, end: int) -> list[UsageEvent]:
    now = simulator.clock.now()
    return simulator.ledger.visible("openrouter", key.organisation, "activity", start, end, now=now)


def _activity(request: Request, key: Key, simulator: Simulator) -> JsonObject:
    """Day rows of the last 30 completed UTC days, newest first."""
    today = simulator.clock.now() // DAY * DAY
    starts = range(today - DAYS_KEPT * DAY, today, DAY)
    if asked := request.last("date"):
        starts = _one_day(asked, starts)
    by_workspace = request.last("group_by") == "workspace"
    workspace = request.last("workspace_id")
    events = [
        event
        for event in _events(key, simulator, starts[0], starts[-1] + DAY)
        if workspace is None or event.dims.get("workspace_id") == workspace
    ]
    group_by = [*ROW_DIMENSIONS, "workspace_id"] if by_workspace else list(ROW_DIMENSIONS)
    buckets = [Bucket(start, start + DAY) for start in starts]
    rows = grouped(events, buckets, group_by)
    counts_cached = simulator.shapes["openrouter"] == "current"
    found = [
        _activity_row(day_of(bucket.start), row, counts_cached=counts_cached)
        for bucket, rows_of_day in zip(buckets, rows, strict=True)
        for row in rows_of_day
    ]
    return {"data": sorted(found, key=lambda row: str(row["date"]), reverse=True)}


def _one_day(asked: str, kept: range) -> range:
    try:
        start = unix(asked[:10])
    except ValueError as refusal:
        raise RefusedError(error(400, "Date must be YYYY-MM-DD")) from refusal
    if start not in kept:
        raise RefusedError(error(400, "Date must be within the last 30 (completed) UTC days"))
    return range(start, start + DAY, DAY)


def _activity_row(date: str, row: Row, *, counts_cached: bool) -> JsonObject:
    count = row.quantities.get
    fields: JsonObject = {
        "date": date,
        **row.dims,
        "usage": count("usage_micro_usd", 0) / 1_000_000,
        "byok_usage_inference": count("byok_micro_usd", 0) / 1_000_000,
        "requests": count("requests", 0),
        "prompt_tokens": count("prompt_tokens", 0),
        "completion_tokens": count("completion_tokens", 0),
        "reasoning_tokens": count("reasoning_tokens", 0),
    }
    if counts_cached:
        fields["cached_tokens"] = count("cached_tokens", 0)
    return fields


def _usd(key: Key, simulator: Simulator) -> dict[str, float]:
    """Dollars spent over the last days, for `/key` and `/credits`."""
    now = simulator.clock.now()
    today = now // DAY * DAY
    spans = {"": DAYS_KEPT, "_monthly": DAYS_KEPT, "_weekly": 7, "_daily": 1}
    spent = {}
    for suffix, days in spans.items():
        events = _events(key, simulator, today - (days - 1) * DAY, now + 1)
        for name, field in (("usage", "usage_micro_usd"), ("byok_usage", "byok_micro_usd")):
            micro = sum(event.quantities.get(field, 0) for event in events)
            spent[name + suffix] = micro / 1_000_000
    return spent


def _credits(_request: Request, key: Key, simulator: Simulator) -> JsonObject:
    spent = _usd(key, simulator)["usage"]
    return {"data": {"total_credits": spent + 100, "total_usage": spent}}


def _analytics(request: Request, key: Key, simulator: Simulator) -> JsonObject:
    """Hour or day rows, newest first, intervals without use absent, `truncated` when cut."""
    try:
        body = request.json()
        span = body["time_range"]
        start, end = unix(span["start"]), min(unix(span["end"]), simulator.clock.now())
        granularity, limit = body.get("granularity", "day"), int(body.get("limit", 1000))
        metrics, dimensions = list(body["metrics"]), list(body.get("dimensions", []))
    except (ValueError, KeyError, TypeError, AttributeError) as refusal:
        raise RefusedError(error(400)) from refusal
    known = set(metrics) <= set(METRICS) and set(dimensions) <= set(DIMENSIONS)
    if not known or granularity not in GRANULARITIES or len(dimensions) > MOST_DIMENSIONS:
        raise RefusedError(error(400))
    if not 1 <= limit <= QUERY_LIMITS[1] or start >= end:
        raise RefusedError(error(400))
    width = GRANULARITIES[granularity]
    buckets = [Bucket(at, at + width) for at in range(start // width * width, end, width)]
    events = _events(key, simulator, start, end)
    rows = grouped(events, buckets, [DIMENSIONS[name] for name in dimensions])
    found = [
        _analytics_row(f"date__{granularity}", bucket, row, metrics, dimensions)
        for bucket, rows_of_bucket in zip(buckets, rows, strict=True)
        for row in rows_of_bucket
    ][::-1]
    cut = found[:limit]
    facts = {"query_time_ms": 12, "row_count": len(cut), "truncated": len(found) > limit}
    return {"data": {"data": cut, "metadata": facts}}


def _analytics_row(
    time_column: str, bucket: Bucket, row: Row, metrics: Sequence[str], dimensions: Sequence[str]
) -> JsonObject:
    """Counts are sent as text, as the real service does."""
    named = {name: row.dims[DIMENSIONS[name]] for name in dimensions}
    counted = {name: str(METRICS[name](row.quantities)) for name in metrics}
    return {time_column: rfc3339(bucket.start).replace("Z", ".000Z"), **named, **counted}
