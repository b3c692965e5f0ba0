"""Pages of whole buckets, the shape that OpenAI's and Anthropic's usage reports share."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from apps.telemetry.connectors.base import BucketReading, Page, UsageRow, floor, malformed
from apps.telemetry.connectors.fields import UnusableRowError, quarantine, storable

_LONGEST_WARNING = 150

Warn = Callable[[str], None]
ReadRow = Callable[[Mapping[str, Any], Warn], UsageRow | None]
ReadEdges = Callable[[Mapping[str, Any]], tuple[datetime, datetime]]


def page_of_buckets(
    document: Any,
    *,
    source: str,
    width: timedelta,
    now: datetime,
    read_edges: ReadEdges,
    read_row: ReadRow,
) -> Page:
    """`{data: [{…edges, results: [row…]}], has_more, next_page}`."""
    warnings: list[str] = []
    buckets = []
    for bucket in members(document, "data"):
        start, end, is_provisional = aligned(*read_edges(bucket), width=width, now=now)
        rows, quarantined = read_rows(members(bucket, "results"), read_row, warnings.append)
        buckets.append(BucketReading(source, start, end, is_provisional, rows, quarantined))
    return Page(tuple(buckets), _next_cursor(document), tuple(warnings))


def aligned(
    start: datetime, end: datetime, *, width: timedelta, now: datetime
) -> tuple[datetime, datetime, bool]:
    """The bucket a raw span belongs to, and whether the span is less than the whole of it.

    OpenAI clips the first and the last bucket to the window asked for and to the present.
    """
    bucket_start = floor(start, width)
    bucket_end = bucket_start + width
    if not start < end <= bucket_end:
        raise malformed("The provider sent a bucket that is not one bucket long")
    is_whole = (start, end) == (bucket_start, bucket_end) and bucket_end <= now
    return bucket_start, bucket_end, not is_whole


def read_rows(
    raw_rows: Iterable[Mapping[str, Any]], read_row: ReadRow, warn: Warn
) -> tuple[tuple[UsageRow, ...], tuple[dict[str, Any], ...]]:
    """The rows that can be counted, and those that cannot with the reason."""
    rows: list[UsageRow] = []
    quarantined: list[dict[str, Any]] = []

    def warn_shortly(text: str) -> None:
        warn(storable(text)[:_LONGEST_WARNING])

    for raw in raw_rows:
        try:
            row = read_row(raw, warn_shortly)
        except UnusableRowError as fault:
            quarantined.append(quarantine(raw, fault))
            warn_shortly(f"row_quarantined: {fault.reason} {fault.field}")
            continue
        if row is not None:
            rows.append(row)
            if row.model is None and "model" in row.dims:
                warn("model_missing")
    return tuple(rows), tuple(quarantined)


def members(document: Any, field: str) -> list[Mapping[str, Any]]:
    """A list of objects that the answer must have."""
    found = document.get(field) if isinstance(document, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise malformed(f"The provider's answer has no list of objects under {field!r}")
    return found


def _next_cursor(document: Mapping[str, Any]) -> str | None:
    has_more, cursor = document.get("has_more"), document.get("next_page")
    if not isinstance(has_more, bool):
        raise malformed("The provider does not say whether there is more")
    if not has_more:
        return None
    if not isinstance(cursor, str) or not cursor:
        raise malformed("The provider announces more, but not where")
    return cursor
