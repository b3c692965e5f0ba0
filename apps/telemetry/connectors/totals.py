"""Whole days as a provider adds them up itself, to hold against the sum of the rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from apps.common.outside import RefusedError
from apps.common.secrets import Secret
from apps.telemetry.connectors.base import (
    DAY,
    BucketReading,
    Connector,
    DayTotal,
    Window,
    floor,
)
from apps.telemetry.connectors.paging import pages_of


@dataclass(frozen=True, slots=True)
class Told:
    """A report, and which quantities it tells at all; of the others its rows only have zeros."""

    source: str
    tokens: bool = True
    requests: bool = True
    cost: bool = False


def whole_days(window: Window, now: datetime) -> Window | None:
    """The UTC days that lie in the window from end to end and are over."""
    start, end = floor(window.start, DAY), floor(min(window.end, now), DAY)
    if start < window.start:
        start += DAY
    return Window(start, end) if start < end else None


def day_totals(
    connector: Connector, key: Secret, told: Told, days: Window, now: datetime
) -> Iterator[DayTotal]:
    """By day, what a connector that reads ungrouped days finds in a report.

    A day that the answer leaves out has no total: nobody said that it was empty.
    """
    found: dict[datetime, BucketReading] = {}
    try:
        pages = pages_of(connector, key, told.source, days, now)
    except RefusedError as refusal:
        if told.cost and refusal.kind == "permission":
            return  # a key that opens the usage need not open the bills
        raise
    for page in pages:
        for bucket in page.buckets:
            if bucket.bucket_start in days and not bucket.is_provisional:
                found[bucket.bucket_start] = bucket
    for start in sorted(found):
        yield _total(found[start], told)


def _total(bucket: BucketReading, told: Told) -> DayTotal:
    is_whole = not bucket.quarantined  # without a row that cannot be counted there is no total
    has_tokens, has_requests, has_cost = (
        is_whole and tells for tells in (told.tokens, told.requests, told.cost)
    )
    rows = bucket.rows
    return DayTotal(
        source=bucket.source,
        day=bucket.bucket_start.date(),
        input_tokens=sum(row.input_total for row in rows) if has_tokens else None,
        output_tokens=sum(row.output for row in rows) if has_tokens else None,
        requests=_known_sum(row.requests for row in rows) if has_requests else None,
        cost_usd=sum((row.cost_usd or Decimal() for row in rows), Decimal()) if has_cost else None,
    )


def _known_sum(counts: Iterable[int | None]) -> int | None:
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total
