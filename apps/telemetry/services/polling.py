"""Reading a connection's meter: fetch first, outside any transaction, then record."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from apps.common.outside import BusyError, RefusedError
from apps.common.locks import try_session_lock
from apps.common.secrets import Secret
from apps.emissions.selectors import current_factors
from apps.telemetry.connectors import connector
from apps.telemetry.connectors.base import Connector, Reading, Window
from apps.telemetry.connectors.paging import read
from apps.telemetry.models import PollRun, ProviderConnection, SyncCursor
from apps.telemetry.services.connections import base_url, reveal_key
from apps.telemetry.services.ingest import Recorded, record

log = structlog.get_logger(__name__)

POLL_EVERY: Final = timedelta(hours=1)
BUSY_PAUSE: Final = timedelta(minutes=5)
STOPPING_KINDS: Final = frozenset({"auth", "permission", "billing", "not_found"})
"""Refusals that only a person can end: the connection stops and shows why."""


class ProviderBusyError(Exception):
    """The provider asks for patience. Nothing was stored; try again after `retry_after` seconds."""

    def __init__(self, connection_id: int, retry_after: float | None) -> None:
        super().__init__(f"provider of connection {connection_id} is busy")
        self.retry_after = retry_after


def poll(connection_id: int, *, now: datetime, clock: Callable[[], datetime]) -> list[PollRun]:
    """Read every source of the connection up to its newest full bucket and record it.

    One at a time per connection: whoever finds it locked leaves it to the other and answers [].
    Safe to repeat and to kill: a reading is recorded whole or not at all. `clock` dates the end of
    each attempt. Raises ProviderBusyError when the provider asks to wait.
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
        _succeeded(connection, now)
        return runs


def _poll_source(
    connection: ProviderConnection,
    meter: Connector,
    source: str,
    key: Secret,
    *,
    now: datetime,
    clock: Callable[[], datetime],
) -> PollRun | None:
    complete_until = (
        SyncCursor.objects.filter(connection=connection, source=source)
        .values_list("complete_until", flat=True)
        .first()
    )
    window = meter.window(complete_until, now)
    if window is None:
        return None
    try:
        reading = read(meter, key, source, window, now)
    except RefusedError as refusal:
        _refused(connection, source, window, refusal, now=now, finished_at=clock())
        raise
    except BusyError as busy:
        _busy(connection, source, window, busy, now=now, finished_at=clock())
        raise ProviderBusyError(connection.pk, busy.retry_after) from busy
    recorded = record(connection, source, reading, current_factors(), now=now)
    return _recorded(connection, source, reading, recorded, now=now, finished_at=clock())


def _recorded(
    connection: ProviderConnection,
    source: str,
    reading: Reading,
    recorded: Recorded,
    *,
    now: datetime,
    finished_at: datetime,
) -> PollRun:
    is_changed = recorded.entries or recorded.rows_changed or recorded.rows_withdrawn
    run = PollRun.objects.create(
        workspace_id=connection.workspace_id,
        connection=connection,
        source=source,
        window_start=reading.window.start,
        window_end=reading.window.end,
        started_at=now,
        finished_at=finished_at,
        outcome=PollRun.Outcome.RECORDED if is_changed else PollRun.Outcome.UNCHANGED,
        rows_read=recorded.rows_read,
        rows_changed=recorded.rows_changed,
        rows_withdrawn=recorded.rows_withdrawn,
        warnings=recorded.warnings[:20],
    )
    log.info(
        "meter_read",
        workspace_id=connection.workspace_id,
        connection_id=connection.public_id,
        source=source,
        rows_read=recorded.rows_read,
        rows_changed=recorded.rows_changed,
        rows_withdrawn=recorded.rows_withdrawn,
        entries=recorded.entries,
    )
    return run


def _succeeded(connection: ProviderConnection, now: datetime) -> None:
    """Each connection keeps its own minute of the hour: its key spreads the load."""
    spread = timedelta(seconds=connection.pk * 97 % 3600)
    hour = now.replace(minute=0, second=0, microsecond=0)
    ProviderConnection.objects.filter(pk=connection.pk).update(
        last_polled_at=now,
        last_succeeded_at=now,
        next_poll_at=max(hour + spread, hour + timedelta(minutes=5)) + POLL_EVERY,
        consecutive_failures=0,
        failure_kind="",
        failure_message="",
        failed_at=None,
        updated_at=now,
    )


def _refused(
    connection: ProviderConnection,
    source: str,
    window: Window,
    refusal: RefusedError,
    *,
    now: datetime,
    finished_at: datetime,
) -> None:
    stops = refusal.kind in STOPPING_KINDS
    ProviderConnection.objects.filter(pk=connection.pk).exclude(
        status=ProviderConnection.Status.REVOKED
    ).update(
        status=ProviderConnection.Status.ERROR if stops else connection.status,
        failure_kind=refusal.kind,
        failure_message=str(refusal)[:500],
        failed_at=now,
        consecutive_failures=connection.consecutive_failures + 1,
        last_polled_at=now,
        next_poll_at=None if stops else now + POLL_EVERY,
        updated_at=now,
    )
    _failed_run(connection, source, window, PollRun.Outcome.REFUSED, refusal, now, finished_at)


def _busy(
    connection: ProviderConnection,
    source: str,
    window: Window,
    busy: BusyError,
    *,
    now: datetime,
    finished_at: datetime,
) -> None:
    pause = max(BUSY_PAUSE, timedelta(seconds=busy.retry_after or 0))
    ProviderConnection.objects.filter(pk=connection.pk).update(
        failure_kind=busy.kind,
        failure_message=str(busy)[:500],
        failed_at=now,
        consecutive_failures=connection.consecutive_failures + 1,
        last_polled_at=now,
        next_poll_at=now + pause,
        updated_at=now,
    )
    _failed_run(connection, source, window, PollRun.Outcome.BUSY, busy, now, finished_at)


def _failed_run(
    connection: ProviderConnection,
    source: str,
    window: Window,
    outcome: PollRun.Outcome,
    failure: BusyError | RefusedError,
    now: datetime,
    finished_at: datetime,
) -> None:
    PollRun.objects.create(
        workspace_id=connection.workspace_id,
        connection=connection,
        source=source,
        window_start=window.start,
        window_end=window.end,
        started_at=now,
        finished_at=finished_at,
        outcome=outcome,
        failure_kind=failure.kind,
        message=str(failure)[:500],
    )
    log.warning(
        "meter_not_read",
        workspace_id=connection.workspace_id,
        connection_id=connection.public_id,
        source=source,
        kind=failure.kind,
    )
