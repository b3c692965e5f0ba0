"""Closing a period in four steps, each a transaction of its own that finds what is already done.

settle -> allocate -> retire -> finish. A process that dies between two steps leaves rows from
which the next run goes on; no step is done twice.
"""

from datetime import datetime
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
)
from apps.common.locks import transaction_lock

log = structlog.get_logger(__name__)

Status = BillingPeriod.Status

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


def close_by_hand(period: BillingPeriod, *, now: datetime, is_early: bool = False) -> None:
    """Settle one period now. `is_early` waives the late-arrival window, never the period's end."""
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
    settle(period.pk, now=now)


def settle_due(*, now: datetime) -> int:
    """Settle every period whose late-arrival window has passed, in order; answer how many."""
    settled = 0
    for period_id in due_period_ids(now):
        settled += settle(period_id, now=now)
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
            beneficiary=f"Customers of this platform, close run of {now:%Y-%m-%d}, as listed in its receipts log",
            reason="Retirement for the footprint of AI inference",
            requested_at=now,
        )
    for line in planned.lines:
        _allocate_line(line, now)
    for short in planned.short:
        BillingPeriod.objects.filter(pk=short.period_key).update(
            problem=f"Too few credits: {short.grams} g are needed. Load credits; the close goes on by itself."
        )
        log.error("credits_short", period_id=short.period_key, grams=short.grams)
    covered = {line.period_key for line in planned.lines}
    BillingPeriod.objects.filter(pk__in=covered).update(problem="")
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
        with transaction.atomic():
            period = BillingPeriod.objects.select_for_update().get(pk=period_id)
            if period.status != Status.CLOSING or has_earlier_unclosed(period):
                continue
            period.status = Status.CLOSED
            period.retired_grams = retired_grams
            period.closed_at = now
            period.problem = ""
            period.save(update_fields=["status", "retired_grams", "closed_at", "problem"])
            closed.append(period)
            log.info("period_closed", period_id=period.public_id, retired_grams=retired_grams)
    return closed
