"""How a poll ended: its line in the journal, the connection's state, and when to poll next."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db.models import F

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
class Attempt:
    """One try to read one source of a connection."""

    connection: ProviderConnection
    source: str
    window: Window
    now: datetime
    clock: Callable[[], datetime]


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


def refused(attempt: Attempt, refusal: RefusedError) -> None:
    """Write down a refusal; one that only a person can end stops the connection."""
    stops = refusal.kind in STOPPING_KINDS
    stopped = {"status": Status.ERROR, "next_poll_at": None}
    later = {"next_poll_at": attempt.now + POLL_EVERY}
    _failed(attempt, PollRun.Outcome.REFUSED, refusal, **(stopped if stops else later))


def busy(attempt: Attempt, fault: BusyError) -> None:
    """Write down that nothing was learnt. The pause doubles with every failure in a row."""
    doublings = min(attempt.connection.consecutive_failures, LONGEST_DOUBLING)
    pause = min(BUSY_PAUSE * 2**doublings, POLL_EVERY) + _own_share(attempt.connection, BUSY_PAUSE)
    asked = timedelta(seconds=fault.retry_after or 0)
    _failed(attempt, PollRun.Outcome.BUSY, fault, next_poll_at=attempt.now + max(pause, asked))


def _failed(
    attempt: Attempt, outcome: PollRun.Outcome, fault: OutsideError, **changes: Any
) -> None:
    log.warning(
        "meter_not_read",
        connection_id=attempt.connection.public_id,
        source=attempt.source,
        kind=fault.kind,
        provider_request_id=fault.request_id,
    )
    message = str(fault)[:500]
    _run(attempt, outcome=outcome, failure_kind=fault.kind, message=message)
    _update(
        attempt.connection,
        failure_kind=fault.kind,
        failure_message=message,
        failed_at=attempt.now,
        consecutive_failures=F("consecutive_failures") + 1,
        last_polled_at=attempt.now,
        updated_at=attempt.now,
        **changes,
    )


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
