"""Reading again what providers revise, and what they say of whole days, to hold ours against it.

A visit that breaks off stays due and leaves out what it has read again since it became due, so it
gets to its end however often it is killed or told to wait.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import connection as database
from django.db.models import Count, Min

from apps.common.bulk import Columns, as_arrays, insert_from_rows
from apps.common.outside import BusyError, RefusedError
from apps.telemetry.connectors.base import DAY, Connector, DayTotal, Window, floor
from apps.telemetry.models import MeteredBucket, PollRun, ProviderConnection
from apps.telemetry.services import outcomes
from apps.telemetry.services.metering import SLICE, Clock, Visit, read_source, visit
from apps.telemetry.services.outcomes import BY_HAND, RECONCILING, SWEEPING, Schedule
from apps.telemetry.services.pacing import PacedError

TRAILING: Final = timedelta(hours=72)
TRAILING_OF_DAYS: Final = timedelta(days=7)
"""Of a provider that reports by the day."""
SWEEP: Final = timedelta(days=35)
TOTALS: Final = "totals"
"""How the journal calls the question for whole days."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
TOTAL_COLUMNS: Final[Columns] = {
    "workspace_id": "bigint",
    "connection_id": "bigint",
    "source": "text",
    "day": "date",
    "input_tokens": "numeric",
    "output_tokens": "numeric",
    "requests": "numeric",
    "cost_usd": "numeric",
    "read_at": "timestamptz",
}
UPSERT_TOTALS: Final = insert_from_rows(
    "telemetry_providertotal",
    TOTAL_COLUMNS,
    "ON CONFLICT (connection_id, source, day) DO UPDATE SET "
    "(input_tokens, output_tokens, requests, cost_usd, read_at) = (excluded.input_tokens, "
    "excluded.output_tokens, excluded.requests, excluded.cost_usd, excluded.read_at) "
    "WHERE telemetry_providertotal.read_at <= excluded.read_at",
)


def reconcile(connection_id: int, *, now: datetime, clock: Clock) -> list[PollRun]:
    """Once a day: the last 72 hours again, or the last seven days where a day is the unit."""
    return _due_visit(connection_id, RECONCILING, now=now, clock=clock)


def sweep(connection_id: int, *, now: datetime, clock: Clock) -> list[PollRun]:
    """Once a week: the last 35 days again, or as many as the provider serves."""
    return _due_visit(connection_id, SWEEPING, now=now, clock=clock)


def read_again(
    connection_id: int, since: datetime, *, begun_at: datetime, now: datetime, clock: Clock
) -> list[PollRun]:
    """Read everything since a moment again, now. Called again with the same `begun_at`, goes on.

    A beginning that the provider does not serve is left out, with a line in the journal.
    """
    with visit(connection_id, BY_HAND, now=now, clock=clock) as opened:
        if opened is None:
            return []
        served = served_window(opened.meter, now)
        if served is None:
            return []
        start = floor(since, opened.meter.bucket_width)
        runs = []
        if start < served.start and begun_at == now:
            missed = Window(start, served.start)
            runs = [_never_served(opened, source, missed) for source in opened.meter.group_by]
        return runs + _compared(opened, _trailing(served, start), begun_at)


def served_window(meter: Connector, now: datetime) -> Window | None:
    """All that the provider serves, up to its newest full bucket."""
    return meter.window(None, now)


def _due_visit(
    connection_id: int, schedule: Schedule, *, now: datetime, clock: Clock
) -> list[PollRun]:
    with visit(connection_id, schedule, now=now, clock=clock, only_due=True) as opened:
        served = served_window(opened.meter, now) if opened else None
        if opened is None:
            return []
        due_at: datetime = getattr(opened.connection, schedule.column)
        runs = []
        if served is not None:
            start = floor(now, DAY) - _back(opened.meter, schedule)
            runs = _compared(opened, _trailing(served, start), due_at)
        outcomes.all_compared(opened.connection, schedule, now=now)
        return runs


def _back(meter: Connector, schedule: Schedule) -> timedelta:
    if schedule is SWEEPING:
        return SWEEP
    return TRAILING_OF_DAYS if meter.bucket_width >= DAY else TRAILING


def _trailing(served: Window, start: datetime) -> Window:
    return Window(max(served.start, start), served.end) if start < served.end else served


def _compared(opened: Visit, window: Window, begun_at: datetime) -> list[PollRun]:
    """Read each source's slices that were not read since `begun_at`, then the days' totals."""
    runs = [
        read_source(opened, source, piece)
        for source in opened.meter.group_by
        for piece in _slices(window)
        if not _is_read(opened, source, piece, begun_at)
    ]
    _keep_totals(opened, window)
    return runs


def _slices(window: Window) -> Iterable[Window]:
    start = window.start
    while start < window.end:
        yield Window(start, min(window.end, start + SLICE))
        start += SLICE


def _is_read(opened: Visit, source: str, piece: Window, begun_at: datetime) -> bool:
    found = MeteredBucket.objects.filter(
        connection=opened.connection,
        source=source,
        starts_at__gte=piece.start,
        starts_at__lt=piece.end,
    ).aggregate(number=Count("pk"), read_at=Min("read_at"))
    expected = (piece.end - piece.start) // opened.meter.bucket_width
    return bool(found["number"] == expected and found["read_at"] >= begun_at)


def _keep_totals(opened: Visit, window: Window) -> None:
    """What the provider says of the window's whole days. Missing it spoils no reading."""
    start, end = -(-(window.start - EPOCH) // DAY) * DAY + EPOCH, floor(window.end, DAY)
    if start >= end:
        return
    try:
        totals = opened.meter.totals(opened.key, Window(start, end), opened.now)
    except PacedError:
        raise  # a later visit asks for them and reads nothing else again
    except (BusyError, RefusedError) as fault:
        outcomes.not_told(opened.attempt(TOTALS, Window(start, end)), fault)
        return
    if totals:
        _store(opened.connection, totals, opened.now)


def _store(connection: ProviderConnection, totals: Iterable[DayTotal], now: datetime) -> None:
    rows = [
        (
            *(connection.workspace_id, connection.pk, total.source, total.day),
            *(total.input_tokens, total.output_tokens, total.requests, total.cost_usd, now),
        )
        for total in totals
    ]
    with database.cursor() as cursor:
        cursor.execute(UPSERT_TOTALS, as_arrays(TOTAL_COLUMNS, rows))


def _never_served(opened: Visit, source: str, missed: Window) -> PollRun:
    days = opened.meter.history.days
    refusal = RefusedError(
        "out_of_retention", f"The provider is asked for {days} days at most; earlier is not served"
    )
    return outcomes.not_told(opened.attempt(source, missed), refusal)
