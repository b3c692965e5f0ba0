"""A meter opened for one visit: whose it is, its key in clear, and a reading of one of its windows.

Every visit, hourly or by reconciliation, comes through here: one at a time per connection, fetched
outside any transaction, then recorded.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from apps.common.aws_secrets import SecretStoreUnavailableError
from apps.common.locks import try_session_lock
from apps.common.outside import BusyError, RefusedError
from apps.common.secrets import Secret, SecretsError
from apps.emissions.selectors import CurrentFactors, current_factors
from apps.telemetry.connectors.base import Connector, Reading, Window, floor
from apps.telemetry.connectors.paging import read
from apps.telemetry.errors import ProviderNotOfferedError
from apps.telemetry.models import PollRun, ProviderConnection
from apps.telemetry.services import outcomes
from apps.telemetry.services.connections import reveal_key
from apps.telemetry.services.ingest import Recorded, record
from apps.telemetry.services.outcomes import Attempt, Schedule
from apps.telemetry.services.pacing import PacedError, meter_of

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]
OUT_OF_RETENTION: Final = "out_of_retention"
SLICE: Final = timedelta(days=9)
"""A longer window is read and recorded in slices: what was read stays when the next one fails."""


class ProviderBusyError(Exception):
    """The provider asks for patience. Nothing was stored; the connection is asked again later."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit to a connection's meter."""

    connection: ProviderConnection
    meter: Connector
    key: Secret
    factors: CurrentFactors
    schedule: Schedule
    now: datetime
    clock: Clock

    def attempt(self, source: str, window: Window) -> Attempt:
        return Attempt(self.connection, source, window, self.now, self.clock, self.schedule)


@contextmanager
def visit(
    connection_id: int, schedule: Schedule, *, now: datetime, clock: Clock, only_due: bool = False
) -> Iterator[Visit | None]:
    """Open an active connection's meter; None where another visits it, or it is not to be read.

    Raises ProviderBusyError where the store of keys does not give the key, which is not lost by it.
    """
    with try_session_lock(f"poll:{connection_id}") as is_mine:
        if not is_mine:
            yield None
            return
        connection = ProviderConnection.objects.select_related("workspace").get(pk=connection_id)
        if connection.status != ProviderConnection.Status.ACTIVE or (
            only_due and not schedule.is_due(connection, now)
        ):
            yield None
            return
        meter, key = _opened(connection, schedule, now)
        yield Visit(connection, meter, key, current_factors(), schedule, now, clock)


def read_source(visit: Visit, source: str, window: Window) -> PollRun:
    """Read and record a window of one source, oldest slice first; a line in the journal.

    What lies before the provider's history is left out, with a line of its own. Raises
    ProviderBusyError, PacedError or RefusedError; what was recorded before stays.
    """
    done, begun, rest = Recorded(), window.start, window.start
    while rest < window.end:
        piece = Window(rest, min(window.end, rest + SLICE))
        try:
            reading = _read(visit, source, piece)
        except RefusedError as refusal:
            begun = rest = _left_out(visit, source, Window(rest, window.end), refusal)
            continue
        except (ProviderBusyError, PacedError):
            if begun < rest:
                outcomes.recorded(visit.attempt(source, Window(begun, rest)), done)
            raise
        recorded = record(visit.connection, source, reading, visit.factors, now=visit.now)
        done, rest = _both(done, recorded), piece.end
    return outcomes.recorded(visit.attempt(source, Window(begun, window.end)), done)


def _read(visit: Visit, source: str, window: Window) -> Reading:
    """The reading, or its failure written down and raised."""
    try:
        return read(visit.meter, visit.key, source, window, visit.now)
    except PacedError as paced:
        outcomes.postponed(visit.attempt(source, window), paced.seconds)
        raise
    except BusyError as busy:
        outcomes.busy(visit.attempt(source, window), busy)
        raise ProviderBusyError(busy.message) from busy


def _left_out(visit: Visit, source: str, window: Window, refusal: RefusedError) -> datetime:
    """Where to go on when the provider no longer serves a window's beginning; else the refusal."""
    middle = floor(window.start + (window.end - window.start) / 2, visit.meter.bucket_width)
    if refusal.kind != OUT_OF_RETENTION or middle == window.start:
        outcomes.refused(visit.attempt(source, window), refusal)
        raise refusal
    outcomes.refused(visit.attempt(source, Window(window.start, middle)), refusal)
    return middle


def _both(one: Recorded, other: Recorded) -> Recorded:
    return Recorded(
        one.rows_read + other.rows_read,
        one.rows_changed + other.rows_changed,
        one.rows_withdrawn + other.rows_withdrawn,
        one.entries + other.entries,
        [*one.warnings, *other.warnings],
    )


def _opened(
    connection: ProviderConnection, schedule: Schedule, now: datetime
) -> tuple[Connector, Secret]:
    """What only the operator can mend stops no connection: it is tried again later."""
    try:
        return meter_of(connection), reveal_key(connection)
    except (SecretStoreUnavailableError, SecretsError, ProviderNotOfferedError) as fault:
        reason = getattr(fault, "reason", type(fault).__name__)
        log.error("meter_not_opened", connection_id=connection.public_id, reason=reason)  # noqa: TRY400 - its text could show what it should not
        busy = BusyError("transient", f"The stored key cannot be used just now ({reason}).")
        outcomes.failed(connection, busy, schedule, now=now)
        raise ProviderBusyError(busy.message) from None
