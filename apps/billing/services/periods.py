"""The life of a billing period: opened, moved to closing by payment or calendar, never back."""

from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from apps.billing.models import BillingPeriod, Subscription
from apps.billing.plans import FREE, PLANS, Plan
from apps.billing.selectors import (
    free_periods_past_their_end,
    latest_period,
    workspaces_without_open_period,
)
from apps.workspaces.models import Workspace

log = structlog.get_logger(__name__)

LATE_ARRIVALS: Final = timedelta(hours=48)
"""How long after its end a period waits for the providers' last revisions."""
Status = BillingPeriod.Status


def advance_periods(*, now: datetime) -> int:
    """Give every workspace an open period; begin closing the free ones whose month is over.

    Safe to repeat; answers how many periods were opened or moved.
    """
    moved = 0
    for period_id in free_periods_past_their_end(now):
        with transaction.atomic():
            period = BillingPeriod.objects.select_for_update().get(pk=period_id)
            moved += begin_closing(period, now=now)
    for workspace in workspaces_without_open_period():
        with transaction.atomic():
            moved += open_next_period(workspace, now=now) is not None
    return moved


def open_next_period(workspace: Workspace, *, now: datetime) -> BillingPeriod | None:
    """Open the span that follows the last one; None when there is an open one already.

    A subscribed workspace follows its subscription's span, a free one the calendar month.
    """
    locked = Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    last = latest_period(locked)
    if last is not None and last.status == Status.OPEN:
        return None
    plan, starts_at, ends_at = _next_span(locked, last, now)
    period = BillingPeriod.objects.create(
        workspace=locked,
        starts_at=starts_at,
        ends_at=ends_at,
        closes_at=ends_at + LATE_ARRIVALS,
        plan=plan.name,
        retires_credits=plan.retires_credits,
        retirement_basis=locked.retirement_basis,
        created_at=now,
    )
    log.info("period_opened", workspace_id=locked.pk, period_id=period.public_id)
    return period


def begin_closing(period: BillingPeriod, *, now: datetime, invoice_id: str = "") -> bool:
    """Move a locked, open period to closing; False when it has left that state before."""
    if period.status != Status.OPEN:
        return False
    period.status = Status.CLOSING
    period.closing_at = now
    period.stripe_invoice_id = invoice_id
    period.save(update_fields=["status", "closing_at", "stripe_invoice_id"])
    log.info("period_closing", workspace_id=period.workspace_id, period_id=period.public_id)
    return True


@transaction.atomic
def close_paid_span(
    workspace: Workspace, *, starts_at: datetime, ends_at: datetime, invoice_id: str, now: datetime
) -> bool:
    """A renewal for `[starts_at, ends_at)` was paid: that period begins to close.

    Safe to repeat, and in any order with other news of the subscription. A free span that was
    open when the subscription began ends where the paid one starts.
    """
    locked = Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    paid = BillingPeriod.objects.filter(workspace=locked, ends_at=ends_at).first()
    if paid is not None:
        return begin_closing(paid, now=now, invoice_id=invoice_id)
    start_paid_span(locked, starts_at=starts_at, ends_at=ends_at, now=now)
    paid = BillingPeriod.objects.filter(workspace=locked, ends_at=ends_at).first()
    if paid is None:
        return False
    return begin_closing(paid, now=now, invoice_id=invoice_id)


def start_paid_span(
    workspace: Workspace, *, starts_at: datetime, ends_at: datetime, now: datetime
) -> None:
    """Make the open period of a locked workspace the subscription's span, where it can be.

    An open period that began before the span is a free one: it ends at the span's start and begins
    to close. A paid period that awaits its payment stays open; the next span follows it.
    """
    plan = current_plan(workspace)
    last = latest_period(workspace)
    if last is not None and last.status == Status.OPEN:
        if last.retires_credits and last.ends_at <= starts_at:
            return
        if last.retires_credits or last.starts_at >= starts_at:
            _reshape(last, ends_at, plan)
            return
        _reshape(last, starts_at, PLANS[last.plan])
        begin_closing(last, now=now)
    elif last is not None and last.ends_at >= ends_at:
        return
    BillingPeriod.objects.create(
        workspace=workspace,
        starts_at=max(starts_at, last.ends_at) if last else starts_at,
        ends_at=ends_at,
        closes_at=ends_at + LATE_ARRIVALS,
        plan=plan.name,
        retires_credits=plan.retires_credits,
        retirement_basis=workspace.retirement_basis,
        created_at=now,
    )


def current_plan(workspace: Workspace) -> Plan:
    """The plan a workspace is on now; Free without a live subscription."""
    subscription = Subscription.objects.filter(workspace=workspace).first()
    if subscription is None or subscription.status not in {"active", "trialing", "past_due"}:
        return FREE
    return PLANS[subscription.plan]


def _reshape(period: BillingPeriod, ends_at: datetime, plan: Plan) -> None:
    period.ends_at = ends_at
    period.closes_at = ends_at + LATE_ARRIVALS
    period.plan = plan.name
    period.retires_credits = plan.retires_credits
    period.save(update_fields=["ends_at", "closes_at", "plan", "retires_credits"])


def _next_span(
    workspace: Workspace, last: BillingPeriod | None, now: datetime
) -> tuple[Plan, datetime, datetime]:
    plan = current_plan(workspace)
    starts_at = last.ends_at if last else _month_start(min(workspace.created_at, now))
    subscription = Subscription.objects.filter(workspace=workspace).first()
    if (
        plan is not FREE
        and subscription
        and subscription.current_period_end
        and subscription.current_period_end > starts_at
    ):
        return plan, starts_at, subscription.current_period_end
    return plan, starts_at, _next_month(starts_at)


def _month_start(moment: datetime) -> datetime:
    return datetime(moment.year, moment.month, 1, tzinfo=UTC)


def _next_month(moment: datetime) -> datetime:
    return datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)
