"""Bucketed usage reports: windows, cursors bound to their query, grouping."""

import base64
import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from devstack.simulator.events import Dimension, UsageEvent
from devstack.simulator.wire import Request

WIDTHS = {"1m": 60, "1h": 3600, "1d": 86400}
LIMITS = {"1m": (60, 1440), "1h": (24, 168), "1d": (7, 31)}  # default, maximum


@dataclass(frozen=True, slots=True)
class Bucket:
    """One interval of a report; `start` is only on a boundary when it was not clipped."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Row:
    """The sums of one group within a bucket."""

    dims: Mapping[str, Dimension]
    quantities: Mapping[str, int]


class QueryError(ValueError):
    """A parameter the provider refuses."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.message = message


def width_of(request: Request, allowed: Iterable[str] = WIDTHS) -> str:
    width = request.last("bucket_width") or "1d"
    if width not in allowed:
        raise QueryError("bucket_width", f"must be one of {', '.join(allowed)}")
    return width


def limit_of(request: Request, default: int, maximum: int) -> int:
    text = request.last("limit")
    if text is None:
        return default
    if not text.isdecimal() or not 1 <= int(text) <= maximum:
        raise QueryError("limit", f"must be between 1 and {maximum} for this bucket_width")
    return int(text)


def choice_of(request: Request, name: str, allowed: Sequence[str]) -> list[str]:
    values = list(dict.fromkeys(request.every(name)))
    for value in values:
        if value not in allowed:
            raise QueryError(name, f"'{value}' is not one of {', '.join(allowed)}")
    return values


def cursor_for(request: Request, start: int) -> str:
    """An opaque cursor that is only good for the query it was given to."""
    text = json.dumps([_fingerprint(request), start])
    return "page_" + base64.urlsafe_b64encode(text.encode()).decode()


def start_from_cursor(request: Request) -> int | None:
    cursor = request.last("page")
    if cursor is None:
        return None
    try:
        fingerprint, start = json.loads(base64.urlsafe_b64decode(cursor.removeprefix("page_")))
    except ValueError as error:
        raise QueryError("page", "is not a cursor") from error
    if fingerprint != _fingerprint(request):
        raise QueryError("page", "does not belong to these parameters")
    return int(start)


def _fingerprint(request: Request) -> str:
    pairs = sorted((name.removesuffix("[]"), value) for name, value in request.query)
    text = json.dumps([request.path, [pair for pair in pairs if pair[0] != "page"]])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def grouped(
    events: Iterable[UsageEvent], buckets: Sequence[Bucket], group_by: Sequence[str]
) -> list[list[Row]]:
    """The rows of each bucket; without grouping one row, in a bucket without use none."""
    sums: list[dict[tuple[Dimension, ...], dict[str, int]]] = [{} for _ in buckets]
    if not buckets:
        return []
    starts = [bucket.start for bucket in buckets]
    for event in events:
        place = bisect_right(starts, event.at) - 1
        if place < 0 or event.at >= buckets[place].end:
            continue
        group = tuple(event.dims.get(name) for name in group_by)
        total = sums[place].setdefault(group, {})
        for name, count in event.quantities.items():
            total[name] = total.get(name, 0) + count
    return [
        [
            Row(dict(zip(group_by, group, strict=True)), found[group])
            for group in sorted(found, key=repr)
        ]
        for found in sums
    ]
