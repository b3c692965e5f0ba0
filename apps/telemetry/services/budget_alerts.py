"""Thresholds that months have crossed: each is noted once, with whom to tell."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

import structlog
from django.db import transaction

from apps.telemetry.models import AlertDelivery, Budget, BudgetAlert
from apps.telemetry.selectors.budgets import MonthlyUse, month_of, monthly_use

log = structlog.get_logger(__name__)

DAY: Final = timedelta(days=1)
LATE_USAGE: Final = 3 * DAY
"""How long into a month the one before is still looked at."""
Channel = AlertDelivery.Channel


@transaction.atomic
def check_budgets(*, now: datetime) -> int:
    """Note every threshold that was newly crossed and whom to tell. Safe to repeat and to race.

    All budgets of all workspaces in a fixed number of queries. What is noted stays, though a
    revision takes the use back below: it was told. Returns how many were noted.
    """
    months = _months(now)
    watched = Budget.objects.filter(archived_at=None, workspace__closed_at=None)
    budgets = list(watched.order_by("pk"))
    use = monthly_use(
        {budget.workspace_id for budget in budgets}, min(months), now.astimezone(UTC).date() + DAY
    )
    known = set(
        BudgetAlert.objects.filter(month__in=months).values_list("budget", "month", "threshold")
    )
    crossed = [
        alert
        for budget in budgets
        for month in months
        for alert in _crossed(budget, month, use, now=now)
        if (budget.pk, month, alert.threshold) not in known
    ]
    # Of two at once the second waits here, finds them noted and notes nothing.
    BudgetAlert.objects.bulk_create(crossed, ignore_conflicts=True)
    noted = list(
        BudgetAlert.objects.filter(
            public_id__in=[alert.public_id for alert in crossed]
        ).select_related("budget")
    )
    AlertDelivery.objects.bulk_create(
        delivery for alert in noted for delivery in _deliveries(alert, now=now)
    )
    for alert in noted:
        log.info("budget_threshold_crossed", alert_id=alert.public_id, threshold=alert.threshold)
    return len(noted)


def _months(now: datetime) -> list[date]:
    """The current month, and the one before while its late usage comes in."""
    month, before = month_of(now), month_of(now - LATE_USAGE)
    return [month] if before == month else [before, month]


def _crossed(
    budget: Budget, month: date, use: MonthlyUse, *, now: datetime
) -> Iterator[BudgetAlert]:
    """Reaching a threshold exactly is crossing it."""
    if month_of(budget.created_at) > month:
        return
    used = use.of(budget, month).central
    for threshold in budget.thresholds:
        if used * 100 >= budget.monthly_amount * Decimal(threshold):
            yield BudgetAlert(
                workspace_id=budget.workspace_id,
                budget=budget,
                month=month,
                threshold=threshold,
                used_amount=used,
                monthly_amount=budget.monthly_amount,
                crossed_at=now,
            )


def _deliveries(alert: BudgetAlert, *, now: datetime) -> Iterator[AlertDelivery]:
    targets = [(Channel.EMAIL, email) for email in alert.budget.emails]
    if alert.budget.webhook_url:
        targets.append((Channel.WEBHOOK, alert.budget.webhook_url))
    for channel, target in targets:
        yield AlertDelivery(
            workspace_id=alert.workspace_id,
            alert=alert,
            channel=channel,
            target=target,
            next_attempt_at=now,
        )
