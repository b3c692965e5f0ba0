"""How complete a connection's usage is: which buckets were read, and whether the days add up."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from django.db import connection as database
from django.db.models import F, QuerySet, Sum
from django.db.models.functions import TruncDate

from apps.telemetry.connectors import CONNECTORS
from apps.telemetry.connectors.base import Connector, floor
from apps.telemetry.models import ProviderConnection, ProviderTotal, SyncCursor, TelemetryEvent
from apps.telemetry.selectors.figures import Span

GRACE: Final = timedelta(hours=1, minutes=5)
"""So long after a bucket is over, at the latest, the hourly visit has read it."""
INSTANT: Final = timedelta(microseconds=1)
LONGEST_BUCKET: Final = timedelta(days=1)
# Neighbours of one kind have the same `island`: their start less their place in the row.
RUNS: Final = """
SELECT connection_id, source, is_provisional, min(starts_at), max(ends_at)
FROM (
    SELECT connection_id, source, is_provisional, starts_at, ends_at,
        starts_at - (ends_at - starts_at) * row_number() OVER (
            PARTITION BY connection_id, source, is_provisional, ends_at - starts_at
            ORDER BY starts_at
        ) AS island
    FROM telemetry_meteredbucket
    WHERE connection_id = ANY(%s) AND starts_at > %s AND ends_at > %s AND starts_at < %s
) AS placed
GROUP BY connection_id, source, is_provisional, island
ORDER BY connection_id, source, min(starts_at)
"""


class State(StrEnum):
    SEEN = "seen"
    PROVISIONAL = "provisional"  # read before it was over: it is read again
    MISSING = "missing"
    NOT_YET_DUE = "not_yet_due"


@dataclass(frozen=True, slots=True)
class Run:
    """Buckets of one state, one after the other."""

    start: datetime
    end: datetime
    state: State
    buckets: int


@dataclass(frozen=True, slots=True)
class Strip:
    """What is known of one source over a span. The runs leave no gap."""

    source: str
    bucket_seconds: int
    complete_until: datetime | None
    runs: tuple[Run, ...]

    def number(self, state: str) -> int:
        return sum(run.buckets for run in self.runs if run.state == state)


@dataclass(frozen=True, slots=True)
class Compared:
    """The provider's figure and ours; None where one of them is not known."""

    provider: Decimal | None
    ours: Decimal | None

    @property
    def delta(self) -> Decimal | None:
        """Ours less the provider's: below zero, something is missing here."""
        if self.provider is None or self.ours is None:
            return None
        return self.ours - self.provider


@dataclass(frozen=True, slots=True)
class Day:
    """One day of one source, by the provider's own total and by the sum of our events."""

    source: str
    day: date
    read_at: datetime
    input_tokens: Compared
    output_tokens: Compared
    requests: Compared
    cost_usd: Compared


def strips(
    chosen: Iterable[ProviderConnection], span: Span, *, now: datetime
) -> dict[int, list[Strip]]:
    """By connection, a strip of each of its sources in reading order. Two queries for any number.

    A connection whose provider has no connector any more has none.
    """
    known = [one for one in chosen if one.provider in CONNECTORS]
    ends = {
        (cursor.connection_id, cursor.source): cursor.complete_until
        for cursor in SyncCursor.objects.filter(connection__in=[one.pk for one in known])
    }
    found = _found(known, span)
    return {
        one.pk: [
            Strip(
                source,
                int(meter.bucket_width.total_seconds()),
                ends.get((one.pk, source)),
                tuple(_runs(found.get((one.pk, source), []), meter, one, span, now)),
            )
            for source in meter.group_by
        ]
        for one in known
        for meter in (CONNECTORS[one.provider](""),)
    }


def days(connection: ProviderConnection, span: Span) -> list[Day]:
    """Each day of the span of which the provider told a total, newest first. Two queries.

    A source without rows of its own is the provider's cost report: it stands against all our costs.
    """
    since, until = span.start.astimezone(UTC).date(), span.end.astimezone(UTC).date()
    totals = ProviderTotal.objects.filter(connection=connection, day__gte=since, day__lt=until)
    ours = {(row["source"], row["day"]): row for row in _sums(connection, span)}
    read = _sources(connection)
    costs = _costs_by_day(ours.values())
    return [
        _day(total, ours.get((total.source, total.day)), costs, is_read=total.source in read)
        for total in totals.order_by("-day", "source")
    ]


def _day(
    total: ProviderTotal, row: dict[str, Any] | None, costs: dict[date, Decimal], *, is_read: bool
) -> Day:
    own = row or {}
    cost = own.get("cost_usd") if is_read else costs.get(total.day)
    counted = {
        name: Compared(getattr(total, name), own.get(name, Decimal()) if is_read else None)
        for name in ("input_tokens", "output_tokens", "requests")
    }
    return Day(
        total.source, total.day, total.read_at, **counted, cost_usd=Compared(total.cost_usd, cost)
    )


def _sums(connection: ProviderConnection, span: Span) -> QuerySet[Any, dict[str, Any]]:
    counted = F("input_uncached_tokens") + F("input_cache_read_tokens")
    summed: QuerySet[Any, Any] = (
        TelemetryEvent.objects.filter(
            connection=connection,
            is_withdrawn=False,
            used_at__gte=floor(span.start, timedelta(days=1)),
            used_at__lt=span.end,
        )
        .values("source", day=TruncDate("used_at", tzinfo=UTC))
        .annotate(
            input_tokens=Sum(counted + F("input_cache_write_tokens")),
            output_tokens=Sum("output_tokens"),
            requests=Sum("requests"),
            cost_usd=Sum("cost_usd"),
        )
        .order_by()
    )
    return summed


def _costs_by_day(rows: Iterable[dict[str, Any]]) -> dict[date, Decimal]:
    costs: dict[date, Decimal] = {}
    for row in rows:
        if row["cost_usd"] is not None:
            costs[row["day"]] = costs.get(row["day"], Decimal()) + row["cost_usd"]
    return costs


def _sources(connection: ProviderConnection) -> frozenset[str]:
    kind = CONNECTORS.get(connection.provider)
    return frozenset(kind("").group_by) if kind else frozenset()


def _found(
    chosen: Sequence[ProviderConnection], span: Span
) -> dict[tuple[int, str], list[tuple[State, datetime, datetime]]]:
    found: dict[tuple[int, str], list[tuple[State, datetime, datetime]]] = {}
    with database.cursor() as cursor:
        chosen_ids, earliest = [one.pk for one in chosen], span.start - LONGEST_BUCKET
        cursor.execute(RUNS, [chosen_ids, earliest, span.start, span.end])
        for pk, source, is_provisional, start, end in cursor.fetchall():
            state = State.PROVISIONAL if is_provisional else State.SEEN
            found.setdefault((pk, source), []).append((state, start, end))
    return found


def _runs(
    found: Iterable[tuple[State, datetime, datetime]],
    meter: Connector,
    connection: ProviderConnection,
    span: Span,
    now: datetime,
) -> Iterator[Run]:
    width = meter.bucket_width
    start, until = floor(span.start, width), floor(span.end + width - INSTANT, width)
    due = _due_until(meter, connection, start, now)
    for state, begins, ends in found:
        yield from _unread(start, begins, due, width)
        yield Run(begins, ends, state, (ends - begins) // width)
        start = ends
    yield from _unread(start, until, due, width)


def _unread(start: datetime, end: datetime, due: datetime, width: timedelta) -> Iterator[Run]:
    turn = min(max(start, due), end)
    if start < turn:
        yield Run(start, turn, State.MISSING, (turn - start) // width)
    if turn < end:
        yield Run(turn, end, State.NOT_YET_DUE, (end - turn) // width)


def _due_until(
    meter: Connector, connection: ProviderConnection, start: datetime, now: datetime
) -> datetime:
    """Up to where a punctual visit has read; nothing is due before the first visit."""
    window = meter.window(None, now - GRACE)
    return window.end if window and connection.last_polled_at else start
