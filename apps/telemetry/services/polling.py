"""Reading a connection's meter: fetch first, outside any transaction, then record."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from apps.common.locks import try_session_lock
from apps.common.outside import BusyError, RefusedError
from apps.common.secrets import Secret
from apps.emissions.selectors import current_factors
from apps.telemetry.connectors import connector
from apps.telemetry.connectors.base import Connector, Reading, Window, floor
from apps.telemetry.connectors.paging import read
from apps.telemetry.models import PollRun, ProviderConnection, SyncCursor
from apps.telemetry.services import outcomes
from apps.telemetry.services.connections import base_url, reveal_key
from apps.telemetry.services.ingest import record
from apps.telemetry.services.outcomes import Attempt

Clock = Callable[[], datetime]
OUT_OF_RETENTION: Final = "out_of_retention"


class ProviderBusyError(Exception):
    """The provider asks for patience. Nothing was stored; the connection's next poll is later."""


def poll(connection_id: int, *, now: datetime, clock: Clock) -> list[PollRun]:
    """Read every source of the connection up to its newest full bucket and record it.

    One at a time per connection: whoever finds it locked leaves it to the other and answers [].
    Safe to repeat and to kill: a reading is recorded whole or not at all. `clock` dates the end of
    each attempt. Raises ProviderBusyError or RefusedError when a report could not be read, and
    ConnectionRevokedError when the connection was revoked meanwhile.
    """
    with try_session_lock(f"poll:{connection_id}") as is_mine:
        if not is_mine:
            return []
        connection = ProviderConnection.objects.select_related("workspace").get(pk=connection_id)
        if connection.status != ProviderConnection.Status.ACTIVE:
            return []
        meter = connector(connection.provider, base_url(connection.provider))
        key = reveal_key(connection)
        runs = [
            run
            for source in meter.group_by
            if (run := _poll_source(connection, meter, source, key, now=now, clock=clock))
        ]
        outcomes.all_read(connection, now=now)
        return runs


def _poll_source(
    connection: ProviderConnection,
    meter: Connector,
    source: str,
    key: Secret,
    *,
    now: datetime,
    clock: Clock,
) -> PollRun | None:
    complete_until = (
        SyncCursor.objects.filter(connection=connection, source=source)
        .values_list("complete_until", flat=True)
        .first()
    )
    window = meter.window(complete_until, now)
    while window is not None:
        attempt = Attempt(connection, source, window, now, clock)
        try:
            reading = _read(attempt, meter, key)
        except RefusedError as refusal:
            later = _later_half(window, meter) if refusal.kind == OUT_OF_RETENTION else None
            if later is None:
                raise
            window = later
            continue
        recorded = record(connection, source, reading, current_factors(), now=now)
        return outcomes.recorded(attempt, recorded)
    return None


def _read(attempt: Attempt, meter: Connector, key: Secret) -> Reading:
    """The reading, or its failure written down and raised."""
    try:
        return read(meter, key, attempt.source, attempt.window, attempt.now)
    except RefusedError as refusal:
        outcomes.refused(attempt, refusal)
        raise
    except BusyError as busy:
        outcomes.busy(attempt, busy)
        raise ProviderBusyError(busy.message) from busy


def _later_half(window: Window, meter: Connector) -> Window | None:
    """What is left of a window whose beginning the provider no longer serves."""
    middle = floor(window.start + (window.end - window.start) / 2, meter.bucket_width)
    return Window(middle, window.end) if window.start < middle else None
