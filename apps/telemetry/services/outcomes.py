"""How a visit ended: its line in the journal, the connection's state, and when the next one is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db.models import F
from django.db.models.functions import Greatest

from apps.common.outside import BusyError, OutsideError, RefusedError
from apps.telemetry.connectors.base import Window
from apps.telemetry.models import PollRun, ProviderConnection
from apps.telemetry.services.ingest import Recorded

log = structlog.get_logger(__name__)

POLL_EVERY: Final = timedelta(hours=1)
SETTLING: Final = timedelta(minutes=5)
"""An hour that has just ended is given this long to appear in the provider's report."""
BUSY_PAUSE: Final = timedelta(minutes=5)
LONGEST_DOUBLING: Final = 4
WARNINGS_KEPT: Final = 20
STOPPING_KINDS: Final = frozenset({"auth", "permission", "billing", "not_found"})
"""Refusals that only a person can end: the connection stops and shows why."""
Status = ProviderConnection.Status


@dataclass(frozen=True, slots=True)
class Schedule:
    """A kind of visit: the column that says when it is due, and how often it is."""

    column: str
    every: timedelta

    def is_due(self, connection: ProviderConnection, now: datetime) -> bool:
        due: datetime | None = getattr(connection, self.column)
        return due is not None and due <= now


POLLING: Final = Schedule("next_poll_at", POLL_EVERY)
RECONCILING: Final = Schedule("next_reconcile_at", timedelta(days=1))
SWEEPING: Final = Schedule("next_sweep_at", timedelta(days=7))
BY_HAND: Final = Schedule("", timedelta())
"""Somebody asked: no failure of it moves what is planned."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to read one source of a connection."""

    connection: ProviderConnection
    source: str
    window: Window
    now: datetime
    clock: Callable[[], datetime]
    schedule: Schedule


def recorded(attempt: Attempt, outcome: Recorded) -> PollRun:
    """Write down what a reading changed."""
    is_changed = outcome.entries or outcome.rows_changed or outcome.rows_withdrawn
    log.info(
        "meter_read",
        connection_id=attempt.connection.public_id,
        source=attempt.source,
        rows_read=outcome.rows_read,
        rows_changed=outcome.rows_changed,
        rows_withdrawn=outcome.rows_withdrawn,
        entries=outcome.entries,
    )
    return _run(
        attempt,
        outcome=PollRun.Outcome.RECORDED if is_changed else PollRun.Outcome.UNCHANGED,
        rows_read=outcome.rows_read,
        rows_changed=outcome.rows_changed,
        rows_withdrawn=outcome.rows_withdrawn,
        warnings=outcome.warnings[:WARNINGS_KEPT],
    )


def all_read(connection: ProviderConnection, *, now: datetime) -> None:
    """Every source was read: the next poll is in the following hour."""
    _update(
        connection,
        last_polled_at=now,
        last_succeeded_at=now,
        next_poll_at=_hour(now) + POLL_EVERY + max(_own_share(connection, POLL_EVERY), SETTLING),
        consecutive_failures=0,
        failure_kind="",
        failure_message="",
        failed_at=None,
        updated_at=now,
    )


def all_compared(connection: ProviderConnection, schedule: Schedule, *, now: datetime) -> None:
    """A trailing window was read again: next time at the connection's own place in the day."""
    begun = now.replace(hour=0, minute=0, second=0, microsecond=0)
    next_at = begun + schedule.every + _own_share(connection, RECONCILING.every)
    _update(connection, updated_at=now, **{schedule.column: next_at})


def refused(attempt: Attempt, refusal: RefusedError) -> None:
    """Write down a refusal; one that only a person can end stops the connection."""
    _run_failed(attempt, PollRun.Outcome.REFUSED, refusal)
    failed(attempt.connection, refusal, attempt.schedule, now=attempt.now)


def busy(attempt: Attempt, fault: BusyError) -> None:
    """Write down that nothing was learnt. The pause doubles with every failure in a row."""
    _run_failed(attempt, PollRun.Outcome.BUSY, fault)
    failed(attempt.connection, fault, attempt.schedule, now=attempt.now)


def postponed(attempt: Attempt, seconds: float) -> None:
    """Our own limit said wait: that is no failure, only a little later.

    What is read again, and not polled, stays due and goes on where it stopped.
    """
    log.info("meter_postponed", connection_id=attempt.connection.public_id, source=attempt.source)
    if attempt.schedule is POLLING:
        _update(attempt.connection, next_poll_at=attempt.now + timedelta(seconds=seconds))


def not_told(attempt: Attempt, fault: BusyError | RefusedError) -> PollRun:
    """Write down that something was not to be had, without which the connection reads on."""
    is_busy = isinstance(fault, BusyError)
    return _run_failed(attempt, PollRun.Outcome.BUSY if is_busy else PollRun.Outcome.REFUSED, fault)


def failed(
    connection: ProviderConnection, fault: OutsideError, schedule: Schedule, *, now: datetime
) -> None:
    """The connection's state after a failure; of reading again only what stops it shows there."""
    next_at = now + _pause(connection, fault, schedule)
    told = {
        "failure_kind": fault.kind,
        "failure_message": str(fault)[:500],
        "failed_at": now,
        "consecutive_failures": F("consecutive_failures") + 1,
        "updated_at": now,
    }
    if fault.kind in STOPPING_KINDS:
        _update(connection, **told, last_polled_at=now, status=Status.ERROR, next_poll_at=None)
    elif schedule is POLLING:
        _update(connection, **told, last_polled_at=now, next_poll_at=next_at)
    elif schedule is not BY_HAND:
        asked = {"next_poll_at": Greatest("next_poll_at", next_at)} if _is_limit(fault) else {}
        _update(connection, **{schedule.column: next_at}, **asked)


def _pause(connection: ProviderConnection, fault: OutsideError, schedule: Schedule) -> timedelta:
    if not isinstance(fault, BusyError):
        return schedule.every
    doublings = min(connection.consecutive_failures, LONGEST_DOUBLING)
    pause: timedelta = min(BUSY_PAUSE * 2**doublings, POLL_EVERY)
    return max(
        pause + _own_share(connection, BUSY_PAUSE), timedelta(seconds=fault.retry_after or 0)
    )


def _is_limit(fault: OutsideError) -> bool:
    return fault.kind == "rate_limited"


def _run_failed(attempt: Attempt, outcome: PollRun.Outcome, fault: OutsideError) -> PollRun:
    log.warning(
        "meter_not_read",
        connection_id=attempt.connection.public_id,
        source=attempt.source,
        kind=fault.kind,
        provider_request_id=fault.request_id,
    )
    return _run(attempt, outcome=outcome, failure_kind=fault.kind, message=str(fault)[:500])


def _run(attempt: Attempt, **facts: Any) -> PollRun:
    return PollRun.objects.create(
        workspace_id=attempt.connection.workspace_id,
        connection=attempt.connection,
        source=attempt.source,
        window_start=attempt.window.start,
        window_end=attempt.window.end,
        started_at=attempt.now,
        finished_at=attempt.clock(),
        **facts,
    )


def _update(connection: ProviderConnection, **changes: Any) -> None:
    """What somebody stopped or revoked while it was being read stays as they left it."""
    ProviderConnection.objects.filter(pk=connection.pk, status=Status.ACTIVE).update(**changes)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _own_share(connection: ProviderConnection, span: timedelta) -> timedelta:
    """Each connection keeps its own place in a span, so that they do not all poll at once."""
    return timedelta(seconds=connection.pk * 97 % span.total_seconds())
