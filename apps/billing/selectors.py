"""What billing reads: periods that are due, grams that are owed, where each batch stands."""

from datetime import datetime
from decimal import ROUND_CEILING
from typing import Final

from django.db import connection as database
from django.db.models import Exists, OuterRef, QuerySet

from apps.billing.allocation import Batch, Demand
from apps.billing.models import BillingPeriod
from apps.billing.plans import FREE
from apps.workspaces.models import Workspace

Status = BillingPeriod.Status

POSITIONS: Final = """
SELECT batch.id, lower(batch.grams), upper(batch.grams),
       coalesce((SELECT max(upper(grams)) FROM billing_creditallocation WHERE batch_id = batch.id), lower(batch.grams)),
       coalesce((SELECT max(upper(grams)) FROM billing_retirementorder WHERE batch_id = batch.id), lower(batch.grams))
FROM billing_creditbatch AS batch ORDER BY batch.vintage_start, batch.id
"""
FINISHABLE: Final = """
SELECT period.id, coalesce(given.grams, 0)
FROM billing_billingperiod AS period
LEFT JOIN LATERAL (
    SELECT sum(upper(allocation.grams) - lower(allocation.grams)) AS grams,
           bool_and(ordered.status = 'confirmed') AS is_confirmed
    FROM billing_creditallocation AS allocation
    JOIN billing_retirementorder AS ordered ON ordered.id = allocation.order_id
    WHERE allocation.period_id = period.id
) AS given ON true
WHERE period.status = 'closing' AND period.settled_at IS NOT NULL
  AND coalesce(given.is_confirmed, true)
  AND coalesce(given.grams, 0) = CASE
        WHEN NOT period.retires_credits THEN 0
        WHEN period.retirement_basis = 'high' THEN ceil(period.co2e_grams_high)
        ELSE ceil(period.co2e_grams) END
ORDER BY period.workspace_id, period.starts_at
"""


def latest_period(workspace: Workspace) -> BillingPeriod | None:
    return BillingPeriod.objects.filter(workspace=workspace).order_by("-starts_at").first()


def workspaces_without_open_period() -> QuerySet[Workspace]:
    opened = BillingPeriod.objects.filter(workspace=OuterRef("pk"), status=Status.OPEN)
    return Workspace.objects.filter(~Exists(opened)).order_by("pk")


def free_periods_past_their_end(now: datetime) -> list[int]:
    """A free period follows the calendar; a paid one waits for its invoice."""
    return list(
        BillingPeriod.objects.filter(status=Status.OPEN, plan=FREE.name, ends_at__lte=now)
        .order_by("starts_at")
        .values_list("pk", flat=True)
    )


def due_period_ids(now: datetime) -> list[int]:
    """Closing periods whose late-arrival window has passed and that no earlier one holds up."""
    return [
        period.pk
        for period in BillingPeriod.objects.filter(
            status=Status.CLOSING, closes_at__lte=now, settled_at__isnull=True
        ).order_by("starts_at")
        if not has_earlier_unclosed(period)
    ]


def has_earlier_unclosed(period: BillingPeriod) -> bool:
    return (
        BillingPeriod.objects.filter(workspace=period.workspace_id, starts_at__lt=period.starts_at)
        .exclude(status=Status.CLOSED)
        .exists()
    )


def owed_grams(period: BillingPeriod) -> int:
    """The settled footprint, rounded up to whole grams, by the bound the workspace chose."""
    if not period.retires_credits:
        return 0
    footprint = period.co2e_grams_high if period.retirement_basis == "high" else period.co2e_grams
    if footprint is None:
        raise ValueError(f"period {period.public_id} is not settled")
    return int(footprint.to_integral_value(rounding=ROUND_CEILING))


def allocation_demands() -> list[Demand]:
    """What settled periods without allocations are owed, the longest waiting first."""
    waiting = BillingPeriod.objects.filter(
        status=Status.CLOSING,
        settled_at__isnull=False,
        retires_credits=True,
        allocations__isnull=True,
    ).order_by("ends_at", "pk")
    return [Demand(period.pk, owed_grams(period)) for period in waiting if owed_grams(period)]


def batch_positions() -> list[Batch]:
    """Every batch, oldest vintage first, with how far it is allocated and ordered."""
    with database.cursor() as cursor:
        cursor.execute(POSITIONS)
        return [
            Batch(key, start, end, next_free=next_free, ordered_until=ordered_until)
            for key, start, end, next_free, ordered_until in cursor.fetchall()
        ]


def finishable_period_ids() -> list[tuple[int, int]]:
    """Settled periods that have all they are owed, with the grams retired for each."""
    with database.cursor() as cursor:
        cursor.execute(FINISHABLE)
        return [(period_id, int(grams)) for period_id, grams in cursor.fetchall()]
