"""Reads a whole window, page by page, and checks the pages against each other: all or an error."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from apps.common.outside import RefusedError
from apps.common.secrets import Secret
from apps.telemetry.connectors.base import (
    BucketReading,
    Connector,
    Page,
    Reading,
    UsageRow,
    Window,
    malformed,
)
from apps.telemetry.connectors.fields import LARGEST_COUNT

_SPARE_PAGES = 2  # a first or last page may be empty

Warn = Callable[[str], None]
Number = TypeVar("Number", int, Decimal)


def read(connector: Connector, key: Secret, source: str, window: Window, now: datetime) -> Reading:
    """Every bucket of the window that is over, ascending, and those still running that were told.

    A bucket the answer leaves out was not used. Nothing is returned of an answer that breaks off.
    """
    if not window.is_aligned(connector.bucket_width):
        raise ValueError(f"the window {window} does not lie on bucket boundaries")
    pages = pages_of(connector, key, source, window, now)
    told = [warning for page in pages for warning in page.warnings]
    found = _by_start(pages, window, told.append)
    if connector.lists_empty_buckets:
        _count_missing(connector, window, found, now, told.append)
    for start in window.starts(connector.bucket_width):
        end = start + connector.bucket_width
        if start not in found and end <= now:
            found[start] = BucketReading(source, start, end, is_provisional=False)
    return Reading(window, tuple(found[start] for start in sorted(found)), _summary(told))


def pages_of(
    connector: Connector, key: Secret, source: str, window: Window, now: datetime
) -> list[Page]:
    """A cursor that is refused half way is worth one more start from the first page."""
    try:
        return _pages(connector, key, source, window, now)
    except _RefusedCursorError:
        pass
    try:
        return _pages(connector, key, source, window, now)
    except _RefusedCursorError as again:
        raise again.refusal from None


class _RefusedCursorError(Exception):
    def __init__(self, refusal: RefusedError) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def _pages(
    connector: Connector, key: Secret, source: str, window: Window, now: datetime
) -> list[Page]:
    most = (window.end - window.start) // connector.bucket_width + _SPARE_PAGES
    pages: list[Page] = []
    used: set[str] = set()
    cursor: str | None = None
    while len(pages) < most:
        try:
            page = connector.poll(key, source, window, cursor, now)
        except RefusedError as refusal:
            if cursor is not None and refusal.kind == "bad_request":
                raise _RefusedCursorError(refusal) from None
            raise
        pages.append(page)
        cursor = page.next_cursor
        if cursor is None:
            return pages
        if cursor in used:
            raise malformed("The provider repeated a page")
        used.add(cursor)
    raise malformed(f"The provider sent more than {most} pages for one window")


def _by_start(pages: Iterable[Page], window: Window, warn: Warn) -> dict[datetime, BucketReading]:
    found: dict[datetime, BucketReading] = {}
    for bucket in (bucket for page in pages for bucket in page.buckets):
        start = bucket.bucket_start
        if start not in window:
            warn("bucket_outside_window")
            continue
        earlier = found.get(start)
        if earlier is not None:
            warn("duplicate_bucket")
            if bucket.is_provisional and not earlier.is_provisional:
                continue  # half a bucket never replaces a whole one
        found[start] = replace(bucket, rows=_merged(bucket.rows))
    return found


def _count_missing(
    connector: Connector,
    window: Window,
    found: dict[datetime, BucketReading],
    now: datetime,
    warn: Warn,
) -> None:
    for start in window.starts(connector.bucket_width):
        if start not in found and start + connector.bucket_width <= now:
            warn("bucket_not_listed")


def _merged(rows: Iterable[UsageRow]) -> tuple[UsageRow, ...]:
    """Rows that differ in nothing they were grouped by are one row: null and "" as model, say."""
    merged: dict[tuple[tuple[str, str | None], ...], UsageRow] = {}
    for row in rows:
        place = tuple(sorted(row.dims.items()))
        merged[place] = _sum(merged[place], row) if place in merged else row
        if max(merged[place].input_total, merged[place].output) > LARGEST_COUNT:
            raise malformed("Rows that are one row add up to more than can be counted.")
    return tuple(merged.values())


def _sum(one: UsageRow, other: UsageRow) -> UsageRow:
    return UsageRow(
        dims=one.dims,
        model=one.model,
        input_uncached=one.input_uncached + other.input_uncached,
        input_cache_read=one.input_cache_read + other.input_cache_read,
        input_cache_write=one.input_cache_write + other.input_cache_write,
        output=one.output + other.output,
        reasoning=_known_sum(one.reasoning, other.reasoning),
        requests=_known_sum(one.requests, other.requests),
        cost_usd=_known_sum(one.cost_usd, other.cost_usd),
        byok=one.byok or other.byok,
        cache_read_known=one.cache_read_known and other.cache_read_known,
        flags=tuple(sorted({*one.flags, *other.flags})),
        raw={"merged": [*_raw_rows(one), *_raw_rows(other)]},
    )


def _raw_rows(row: UsageRow) -> list[object]:
    merged = row.raw.get("merged")
    return merged if isinstance(merged, list) else [row.raw]


def _known_sum(one: Number | None, other: Number | None) -> Number | None:
    return None if one is None or other is None else one + other


def _summary(told: Iterable[str]) -> tuple[str, ...]:
    counted = Counter(told)
    return tuple(f"{text} (x{n})" if n > 1 else text for text, n in sorted(counted.items()))
