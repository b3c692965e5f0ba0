"""The life of a billing period: opened, moved to closing by payment or calendar, never back.

The spans of a workspace follow each other without a gap. Only the open one can still change shape;
`follow` gives it the shape that the subscription's known facts imply, so it does not matter in
which order these became known. The caller holds the lock on the workspace.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from django.db import transaction

from apps.billing.models import BillingPeriod, Subscription
from apps.billing.plans import FREE, PLANS, Plan
from apps.billing.selectors import (
    ENDED,
    has_begun,
    latest_period,
    open_period,
    workspace_ids_to_advance,
)
from apps.workspaces.models import Workspace

log = structlog.get_logger(__name__)

LATE_ARRIVALS: Final = timedelta(hours=48)
"""How long after its end a period waits for the providers' last revisions."""
NEIGHBOUR_WAIT: Final = timedelta(days=4)
"""How long a renewal waits for the one beside it to be paid; Stripe delivers for three days."""
Status = BillingPeriod.Status


def advance_periods(*, now: datetime) -> int:
    """Give every workspace its open period; begin closing the free ones whose month is over.

    Safe to repeat; answers how many periods were opened or moved.
    """
    moved = 0
    for workspace_id in workspace_ids_to_advance(now):
        try:
            moved += _advance(workspace_id, now=now)
        except Exception:  # one workspace that fails must not stop the others' calendar
            log.exception("periods_not_advanced", workspace_id=workspace_id)
    return moved


@transaction.atomic
def _advance(workspace_id: int, *, now: datetime) -> int:
    workspace = locked(workspace_id)
    moved = 0
    period = open_period(workspace)
    while period is None or (_is_free(period) and period.ends_at <= now):
        if period is not None:
            begin_closing(period, now=now)
            moved += 1
        period = open_next_period(workspace, now=now)
        if period is None:
            break
        moved += 1
    return moved


def locked(workspace_id: int) -> Workspace:
    """The workspace's row, locked: whoever shapes its periods does so alone."""
    return Workspace.objects.select_for_update(no_key=True).get(pk=workspace_id)


def open_next_period(workspace: Workspace, *, now: datetime) -> BillingPeriod | None:
    """Open the span that follows the last one, when there is no open one and its end is known.

    A subscribed workspace follows its subscription's span, a free one the calendar month. After a
    renewal that was paid before Stripe told the next span, there is none until it does.
    """
    last = latest_period(workspace)
    if (last is not None and last.status == Status.OPEN) or _awaits_renewal(workspace):
        return None
    starts_at = last.ends_at if last else _month_start(min(workspace.created_at, now))
    period = _create(workspace, starts_at, _next_month(starts_at), FREE, now=now)
    subscription = Subscription.objects.filter(workspace=workspace).first()
    if subscription is not None and subscription.started_at is not None:
        return follow(workspace, subscription, (), now=now)
    return period


def follow(
    workspace: Workspace,
    subscription: Subscription,
    known_ends: Iterable[datetime],
    *,
    now: datetime,
) -> BillingPeriod | None:
    """Give the open period the shape that the subscription implies. Safe to repeat, in any order.

    A free span ends where the subscription begins. A paid one ends at the first boundary known
    behind its start, and stays open until that renewal is paid. An ended subscription leaves a
    free span of the calendar.
    """
    if not has_begun(subscription) or subscription.started_at is None:
        return open_period(workspace)
    period = _open_from(workspace, subscription.started_at, now=now)
    if period is None:
        return open_next_period(workspace, now=now)
    if subscription.status in ENDED:
        if not _is_free(period):
            _reshape(period, _next_month(period.starts_at), FREE, as_of=None)
        return period
    current = (subscription.current_period_start, subscription.current_period_end)
    ends = {*known_ends, *(end for end in current if end is not None)}
    if not _is_free(period):
        ends.add(period.ends_at)
    ahead = [end for end in ends if end > period.starts_at]
    if ahead:
        plan, as_of = _plan_of_span(period, subscription, min(ahead))
        _reshape(period, min(ahead), plan, as_of=as_of)
    return period


def note_plan(workspace: Workspace, plan: str, *, ends_at: datetime, as_of: datetime) -> None:
    """The plan that Stripe named for a paid span, until it is settled; the latest word counts."""
    period = BillingPeriod.objects.filter(
        workspace=workspace, ends_at=ends_at, retires_credits=True, settled_at__isnull=True
    ).first()
    if period is None or (period.plan_as_of is not None and period.plan_as_of >= as_of):
        return
    period.plan, period.plan_as_of = plan, as_of
    period.save(update_fields=["plan", "plan_as_of"])


def close_paid_span(
    workspace: Workspace,
    subscription: Subscription,
    *,
    starts_at: datetime,
    ends_at: datetime,
    invoice_id: str,
    known_since: datetime,
    now: datetime,
) -> bool | None:
    """A renewal for `[starts_at, ends_at)` was paid: that period begins to close, once.

    None when it has to wait, because the span beside it is not paid yet. When that does not come
    within days, the two are closed as one.
    """
    same_end = BillingPeriod.objects.filter(workspace=workspace, ends_at=ends_at)
    if same_end.exclude(status=Status.OPEN).exists():
        return False
    may_wait = now - known_since < NEIGHBOUR_WAIT
    first = BillingPeriod.objects.filter(workspace=workspace).order_by("starts_at").first()
    if first is not None and ends_at <= first.starts_at:
        if ends_at < first.starts_at and may_wait:
            return None
        return _close_before(first, starts_at, subscription, invoice_id=invoice_id, now=now)
    period = _open_from(workspace, starts_at, now=now)
    period = period or _after_the_last(workspace, ends_at, subscription, now=now)
    if period is None or ends_at <= period.starts_at:
        return False  # a span that was closed under another shape
    if period.starts_at < starts_at and may_wait:
        return None
    plan, as_of = _plan_of_span(period, subscription, ends_at)
    _reshape(period, ends_at, plan, as_of=as_of)
    begin_closing(period, now=now, invoice_id=invoice_id)
    open_next_period(workspace, now=now)
    return True


def begin_closing(period: BillingPeriod, *, now: datetime, invoice_id: str = "") -> None:
    """Move an open period to closing."""
    period.status = Status.CLOSING
    period.closing_at = now
    period.stripe_invoice_id = invoice_id
    period.save(update_fields=["status", "closing_at", "stripe_invoice_id"])
    log.info("period_closing", workspace_id=period.workspace_id, period_id=period.public_id)


def _open_from(workspace: Workspace, moment: datetime, *, now: datetime) -> BillingPeriod | None:
    """The open period, after free ones before the moment were closed and one around it was cut."""
    period = open_period(workspace)
    if period is None and latest_period(workspace) is None:
        starts_at = _month_start(min(workspace.created_at, moment))
        period = _create(workspace, starts_at, _next_month(starts_at), FREE, now=now)
    while period is not None and _is_free(period) and period.starts_at < moment:
        if moment < period.ends_at:
            _reshape(period, moment, FREE, as_of=None)
        begin_closing(period, now=now)
        period = _create(workspace, period.ends_at, _next_month(period.ends_at), FREE, now=now)
    return period


def _after_the_last(
    workspace: Workspace, ends_at: datetime, subscription: Subscription, *, now: datetime
) -> BillingPeriod | None:
    last = latest_period(workspace)
    if last is None or ends_at <= last.ends_at:
        return None
    return _create(workspace, last.ends_at, ends_at, PLANS[subscription.plan], now=now)


def _close_before(
    first: BillingPeriod,
    starts_at: datetime,
    subscription: Subscription,
    *,
    invoice_id: str,
    now: datetime,
) -> bool:
    """A paid span from before the workspace's first period, unless that one has its usage."""
    if first.settled_at is not None:
        return False
    _create(
        first.workspace,
        starts_at,
        first.starts_at,
        PLANS[subscription.plan],
        now=now,
        status=Status.CLOSING,
        closing_at=now,
        stripe_invoice_id=invoice_id,
    )
    return True


def _plan_of_span(
    period: BillingPeriod, subscription: Subscription, ends_at: datetime
) -> tuple[Plan, datetime | None]:
    """What is known of the plan of a paid span, and since when; else what the subscription has."""
    if period.plan_as_of is not None and period.ends_at == ends_at:
        return PLANS[period.plan], period.plan_as_of
    as_of = subscription.snapshot_at if subscription.current_period_end == ends_at else None
    return PLANS[subscription.plan], as_of


def _awaits_renewal(workspace: Workspace) -> bool:
    """Whether the last period reaches to the end of all that Stripe has told of a live one."""
    subscription = Subscription.objects.filter(workspace=workspace).first()
    last = latest_period(workspace)
    return (
        subscription is not None
        and last is not None
        and last.status != Status.OPEN
        and last.retires_credits
        and has_begun(subscription)
        and subscription.status not in ENDED
        and subscription.current_period_end is not None
        and subscription.current_period_end <= last.ends_at
    )


def _create(
    workspace: Workspace,
    starts_at: datetime,
    ends_at: datetime,
    plan: Plan,
    *,
    now: datetime,
    **state: Any,
) -> BillingPeriod:
    period = BillingPeriod.objects.create(
        workspace=workspace,
        starts_at=starts_at,
        ends_at=ends_at,
        closes_at=ends_at + LATE_ARRIVALS,
        plan=plan.name,
        retires_credits=plan.retires_credits,
        retirement_basis=workspace.retirement_basis,
        created_at=now,
        **state,
    )
    log.info("period_opened", workspace_id=workspace.pk, period_id=period.public_id)
    return period


def _reshape(
    period: BillingPeriod, ends_at: datetime, plan: Plan, *, as_of: datetime | None
) -> None:
    period.ends_at = ends_at
    period.closes_at = ends_at + LATE_ARRIVALS
    period.plan = plan.name
    period.plan_as_of = as_of
    period.retires_credits = plan.retires_credits
    period.save(update_fields=["ends_at", "closes_at", "plan", "plan_as_of", "retires_credits"])


def _is_free(period: BillingPeriod) -> bool:
    return not period.retires_credits


def _month_start(moment: datetime) -> datetime:
    return datetime(moment.year, moment.month, 1, tzinfo=UTC)


def _next_month(moment: datetime) -> datetime:
    return datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)
