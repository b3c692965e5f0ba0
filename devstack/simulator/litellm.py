"""A LiteLLM proxy's spend logs and daily activity, https://docs.litellm.ai/docs/proxy/cost_tracking."""

import re
from collections import defaultdict
from collections.abc import Iterator

from devstack.simulator.clock import day_of, rfc3339, unix
from devstack.simulator.events import UsageEvent
from devstack.simulator.history import DAY
from devstack.simulator.keys import Key, known_key
from devstack.simulator.simulator import Simulator
from devstack.simulator.wire import JsonObject, RefusedError, Reply, Request, json_reply

COUNTED_UP_TO = 10_000
LOG_PAGES = (50, 100)  # default, maximum
DAY_PAGES = (50, 1000)
METRICS = (
    *("prompt_tokens", "completion_tokens"),
    *("cache_read_input_tokens", "cache_creation_input_tokens"),
)
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)")
MESSAGES = {
    400: ("bad_request_error", "The request is not valid."),
    401: ("auth_error", "Authentication Error, Invalid proxy server token passed."),
    403: ("auth_error", "Only a proxy admin may view this."),
    404: ("not_found_error", "Not Found"),
    422: ("invalid_request_error", "Input should be less than or equal to the maximum."),
    429: ("throttling_error", "Rate limit exceeded."),
}


def error(status: int, message: str | None = None) -> Reply:
    kind, text = MESSAGES.get(status, ("internal_server_error", "Internal Server Error"))
    body = {"message": message or text, "type": kind, "param": "None", "code": str(status)}
    return json_reply({"error": body}, status)


def answer(request: Request, path: str, simulator: Simulator) -> Reply:
    key = _authenticate(request)
    doors = {"/spend/logs/v2": _spend_logs, "/user/daily/activity": _daily_activity}
    door = doors.get(path)
    if door is None or request.method != "GET":
        raise RefusedError(error(404))
    return json_reply(door(request, key, simulator))


def _authenticate(request: Request) -> Key:
    key = known_key("litellm", request.bearer() or "")
    if key is None or key.kind == "revoked":
        raise RefusedError(error(401))
    return key


def _spend_logs(request: Request, key: Key, simulator: Simulator) -> JsonObject:
    """A row per request, both ends of the span included; it counts the rows up to a limit."""
    if key.kind != "admin":
        raise RefusedError(error(401, "Only a proxy admin may view spend logs."))
    start, end = _moment(request, "start_date"), _moment(request, "end_date")
    page, size = _paging(request, *LOG_PAGES)
    rows = [row for event in _events(key, simulator, start, end + 1) for row in _requests(event)]
    rows.sort(key=lambda row: row["startTime"], reverse=request.last("sort_order") != "asc")
    total = min(len(rows), COUNTED_UP_TO)
    return {
        "data": rows[(page - 1) * size : page * size],
        "total": total,
        "page": page,
        "page_size": size,
        "total_pages": -(-total // size),
        "total_is_capped": len(rows) > COUNTED_UP_TO,
    }


def _daily_activity(request: Request, key: Key, simulator: Simulator) -> JsonObject:
    """Days newest first; a page has so many rows of the table, and a day may lie on two pages."""
    if key.kind != "admin":
        raise RefusedError(error(403))
    try:
        start, end = (unix(request.last(name) or "") for name in ("start_date", "end_date"))
    except ValueError as refusal:
        raise RefusedError(error(400, "Please provide start_date and end_date")) from refusal
    page, size = _paging(request, *DAY_PAGES)
    events = sorted(_events(key, simulator, start, end + DAY), key=lambda event: -event.at)
    here = events[(page - 1) * size : page * size]
    days: defaultdict[str, list[UsageEvent]] = defaultdict(list)
    for event in here:
        days[day_of(event.at)].append(event)
    results = [{"date": day, "metrics": _metrics(found)} for day, found in days.items()]
    pages = max(1, -(-len(events) // size))
    about = {"page": page, "total_pages": pages, "has_more": page < pages}
    return {"results": results, "metadata": about}


def _metrics(events: list[UsageEvent]) -> JsonObject:
    sums = {name: sum(event.quantities.get(name, 0) for event in events) for name in METRICS}
    requests = sum(event.quantities.get("requests", 0) for event in events)
    spend = sum(event.quantities.get("micro_usd", 0) for event in events) / 1_000_000
    tokens = sums["prompt_tokens"] + sums["completion_tokens"]
    return {"spend": spend, **sums, "total_tokens": tokens, "api_requests": requests}


def _events(key: Key, simulator: Simulator, start: int, end: int) -> list[UsageEvent]:
    now, ledger = simulator.clock.now(), simulator.ledger
    return ledger.visible("litellm", key.organisation, "spend_logs", start, end, now=now)


def _requests(event: UsageEvent) -> Iterator[JsonObject]:
    """An event of several calls as that many rows; the first one carries what does not divide."""
    calls = max(1, event.quantities.get("requests", 1))
    for number in range(calls):
        part = {
            name: whole // calls + (whole % calls if number == 0 else 0)
            for name, whole in event.quantities.items()
        }
        yield _row(event, number, part)


def _row(event: UsageEvent, number: int, part: dict[str, int]) -> JsonObject:
    dims = event.dims
    prompt, completion = part.get("prompt_tokens", 0), part.get("completion_tokens", 0)
    usage = {name: part.get(name, 0) for name in METRICS}
    return {
        "request_id": f"{event.id}/{number}",
        "call_type": "acompletion",
        "api_key": "88dc28d0f030c55ed4ab77ed8faf0981",
        "spend": part.get("micro_usd", 0) / 1_000_000,
        "total_tokens": prompt + completion,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "startTime": rfc3339(event.at).replace("Z", ".125Z"),
        "endTime": rfc3339(event.at + 2).replace("Z", ".125Z"),
        "model": dims.get("model") or "",
        "model_group": "default",
        "custom_llm_provider": dims.get("custom_llm_provider") or "",
        "user": "user@example.org",
        "cache_hit": str(bool(dims.get("cache_hit"))),
        "status": dims.get("status") or "success",
        "metadata": {"additional_usage_values": usage, "user_api_key_alias": "office"},
    }


def _moment(request: Request, name: str) -> int:
    found = MOMENT.fullmatch(request.last(name) or "")
    if found is None:
        raise RefusedError(error(400, f"Invalid {name}: use YYYY-MM-DD HH:MM:SS"))
    return unix(f"{found[1]}T{found[2]}Z")


def _paging(request: Request, default: int, maximum: int) -> tuple[int, int]:
    page, size = request.last("page") or "1", request.last("page_size") or str(default)
    if not (page.isdecimal() and size.isdecimal() and 1 <= int(size) <= maximum):
        raise RefusedError(error(422))
    return max(1, int(page)), int(size)
