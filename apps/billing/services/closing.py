"""Closing a period in four steps, each a transaction of its own that finds what is already done.

settle -> allocate -> retire -> finish. A process that dies between two steps leaves rows from
which the next run goes on; no step is done twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

import structlog
from django.db import connection as database
from django.db import transaction
from psycopg.types.range import Int8Range

from apps.billing import allocation
from apps.billing.errors import (
    BillingPeriodNotDueError,
    BillingPeriodNotOpenError,
    EarlierPeriodNotClosedError,
)
from apps.billing.models import BillingPeriod, CreditAllocation, CreditBatch, RetirementOrder
from apps.billing.selectors import (
    allocation_demands,
    batch_positions,
    due_period_ids,
    finishable_period_ids,
    has_earlier_unclosed,
    owed_grams,
)
from apps.billing.services import retirements
from apps.common.locks import transaction_lock

log = structlog.get_logger(__name__)

Status = BillingPeriod.Status

BENEFICIARY: Final = (
    "Customers of this platform, close run of {day:%Y-%m-%d}, as listed in its receipts log"
)

# One statement, so that the sums and the settled rows are of one snapshot. Adjustments that would
# push a bound below zero or out of order wait for a period that can carry them.
SETTLE: Final = """
WITH candidate AS (
    SELECT entry.id, entry.used_at < %(starts_at)s AS is_adjustment, entry.co2e_grams_low,
           entry.co2e_grams, entry.co2e_grams_high, entry.energy_kwh
    FROM telemetry_carbonentry AS entry
    LEFT JOIN billing_settlement AS settled ON settled.entry_id = entry.id
    WHERE entry.workspace_id = %(workspace)s AND entry.used_at < %(ends_at)s AND NOT entry.is_test
      AND settled.entry_id IS NULL
), total AS (
    SELECT coalesce(sum(co2e_grams_low), 0) AS low, coalesce(sum(co2e_grams), 0) AS central,
           coalesce(sum(co2e_grams_high), 0) AS high, coalesce(sum(energy_kwh), 0) AS energy
    FROM candidate
), chosen AS (
    SELECT candidate.* FROM candidate, total
    WHERE NOT is_adjustment OR (0 <= low AND low <= central AND central <= high AND energy >= 0)
), settled AS (
    INSERT INTO billing_settlement (entry_id, workspace_id, period_id, is_adjustment)
    SELECT id, %(workspace)s, %(period)s, is_adjustment FROM chosen
)
SELECT count(*), coalesce(sum(co2e_grams_low), 0), coalesce(sum(co2e_grams), 0),
       coalesce(sum(co2e_grams_high), 0), coalesce(sum(energy_kwh), 0),
       coalesce(sum(co2e_grams) FILTER (WHERE is_adjustment), 0)
FROM chosen
"""


def run(*, now: datetime, registry_url: str) -> list[BillingPeriod]:
    """Take every closing period as far as it can go; answer those that were closed.

    Safe to repeat and to run twice at once. A period that was closed makes its successor due, so
    the steps are gone through again while they close something.
    """
    closed: list[BillingPeriod] = []
    while True:
        settle_due(now=now)
        _attempt("allocate", lambda: allocate(now=now))
        _attempt("retire", lambda: retirements.request_pending(registry_url, now=now))
        newly_closed = finish(now=now)
        closed += newly_closed
        if not newly_closed:
            return closed


def close_by_hand(
    period: BillingPeriod, *, now: datetime, registry_url: str, is_early: bool = False
) -> BillingPeriod:
    """Take one period through all steps now; answer it as it stands then.

    `is_early` waives the late-arrival window, never the period's end.
    """
    _refuse_unready(period, now=now, is_early=is_early)
    settle(period.pk, now=now)
    allocate(now=now)
    retirements.request_pending(registry_url, now=now)
    finish(now=now)
    return BillingPeriod.objects.get(pk=period.pk)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a close would state, and whether the stock would do."""

    period_id: str
    entries: int
    low: Decimal
    central: Decimal
    high: Decimal
    owed_grams: int
    free_grams: int


@transaction.atomic
def preview(period: BillingPeriod, *, now: datetime, is_early: bool = False) -> Preview:
    """The figures of a close that is not done: settled as it would be, and rolled back."""
    _refuse_unready(period, now=now, is_early=is_early)
    settle(period.pk, now=now)
    settled = BillingPeriod.objects.get(pk=period.pk)
    figures = Preview(
        settled.public_id,
        settled.entries_count or 0,
        settled.co2e_grams_low or Decimal(),
        settled.co2e_grams or Decimal(),
        settled.co2e_grams_high or Decimal(),
        owed_grams(settled),
        sum(batch.end - batch.next_free for batch in batch_positions()),
    )
    transaction.set_rollback(True)
    return figures


def _refuse_unready(period: BillingPeriod, *, now: datetime, is_early: bool) -> None:
    if period.status != Status.CLOSING:
        raise BillingPeriodNotOpenError(
            f"The period is {period.status}; only a closing period can be closed",
            period=period.public_id,
        )
    if now < period.ends_at or (now < period.closes_at and not is_early):
        raise BillingPeriodNotDueError(
            f"The period can close from {period.closes_at:%Y-%m-%d %H:%M} UTC on",
            period=period.public_id,
        )


def settle_due(*, now: datetime) -> int:
    """Settle every period whose late-arrival window has passed, in order; answer how many."""
    settled = 0
    for period_id in due_period_ids(now):
        try:
            settled += settle(period_id, now=now)
        except Exception as failure:  # noqa: BLE001 - one period that fails must not stop the others
            _note(period_id, failure)
    return settled


@transaction.atomic
def settle(period_id: int, *, now: datetime) -> bool:
    """Take every unsettled entry used before the period's end, and state the footprint once.

    Safe to repeat. What arrives later is settled by the next period, as its adjustment.
    """
    period = BillingPeriod.objects.select_for_update().get(pk=period_id)
    if period.settled_at is not None:
        return False
    if has_earlier_unclosed(period):
        raise EarlierPeriodNotClosedError(
            "An earlier period of this workspace has to close first", period=period.public_id
        )
    with database.cursor() as cursor:
        cursor.execute(
            SETTLE,
            {
                "workspace": period.workspace_id,
                "period": period.pk,
                "starts_at": period.starts_at,
                "ends_at": period.ends_at,
            },
        )
        (
            period.entries_count,
            period.co2e_grams_low,
            period.co2e_grams,
            period.co2e_grams_high,
            period.energy_kwh,
            period.adjustments_grams,
        ) = cursor.fetchone()
    period.settled_at = now
    period.problem = ""
    period.save(
        update_fields=[
            "entries_count",
            "co2e_grams_low",
            "co2e_grams",
            "co2e_grams_high",
            "energy_kwh",
            "adjustments_grams",
            "settled_at",
            "problem",
        ]
    )
    log.info("period_settled", period_id=period.public_id, entries=period.entries_count)
    return True


@transaction.atomic
def allocate(*, now: datetime) -> int:
    """Give grams to every settled period that is owed some, and order the tonnes they need.

    One planner at a time. A period for which too little is left gets nothing and says so; it is
    tried again by every later run.
    """
    transaction_lock("credit-allocation")
    demands = allocation_demands()
    if not demands:
        return 0
    planned = allocation.plan(batch_positions(), demands)
    for order in planned.orders:
        RetirementOrder.objects.create(
            batch_id=order.batch_key,
            grams=Int8Range(order.gram_start, order.gram_end),
            beneficiary=BENEFICIARY.format(day=now),
            reason="Retirement for the footprint of AI inference",
            requested_at=now,
        )
    for line in planned.lines:
        _allocate_line(line, now)
    for short in planned.short:
        BillingPeriod.objects.filter(pk=short.period_key).update(
            problem=f"Too few credits: {short.grams} g are needed. The close goes on after a load."
        )
        log.error("credits_short", period_id=short.period_key, grams=short.grams)
    covered = {line.period_key for line in planned.lines}
    BillingPeriod.objects.filter(pk__in=covered).exclude(problem="").update(problem="")
    return len(covered)


def _allocate_line(line: allocation.Line, now: datetime) -> None:
    grams = Int8Range(line.gram_start, line.gram_end)
    period = BillingPeriod.objects.get(pk=line.period_key)
    CreditAllocation.objects.create(
        workspace_id=period.workspace_id,
        period=period,
        batch=CreditBatch.objects.get(pk=line.batch_key),
        order=RetirementOrder.objects.get(grams__contains=grams),
        grams=grams,
        created_at=now,
    )


def finish(*, now: datetime) -> list[BillingPeriod]:
    """Close every settled period whose grams are allocated and confirmed as retired."""
    closed = []
    for period_id, retired_grams in finishable_period_ids():
        try:
            period = _finish_one(period_id, retired_grams, now=now)
        except Exception as failure:  # noqa: BLE001 - one period that fails must not stop the others
            _note(period_id, failure)
            continue
        if period is not None:
            closed.append(period)
    return closed


@transaction.atomic
def _finish_one(period_id: int, retired_grams: int, *, now: datetime) -> BillingPeriod | None:
    period = BillingPeriod.objects.select_for_update().get(pk=period_id)
    if period.status != Status.CLOSING or has_earlier_unclosed(period):
        return None
    period.status = Status.CLOSED
    period.retired_grams = retired_grams
    period.closed_at = now
    period.problem = ""
    period.save(update_fields=["status", "retired_grams", "closed_at", "problem"])
    log.info("period_closed", period_id=period.public_id, retired_grams=retired_grams)
    return period


def _attempt(step: str, act: Callable[[], object]) -> None:
    """A step that fails as a whole leaves the others their turn; the next run tries it again."""
    try:
        act()
    except Exception:  # what the step could not do is still due, and the next step may not be
        log.exception("close_step_failed", step=step)


def _note(period_id: int, failure: Exception) -> None:
    log.error("period_close_failed", period_id=period_id, exc_info=failure)
    BillingPeriod.objects.filter(pk=period_id).exclude(status=Status.CLOSED).update(
        problem=f"The close failed: {type(failure).__name__}. It is tried again by itself."
    )
