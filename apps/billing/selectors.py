"""What billing reads: periods that are due, grams that are owed, where each batch stands."""

from datetime import datetime, timedelta
from decimal import ROUND_CEILING
from typing import Final

from django.db import connection as database
from django.db.models import Exists, OuterRef, QuerySet

from apps.billing.allocation import Batch, Demand
from apps.billing.errors import BillingPeriodNotFoundError
from apps.billing.models import (
    BillingPeriod,
    CreditAllocation,
    CreditBatch,
    StripeEvent,
    Subscription,
)
from apps.billing.plans import FREE, PLANS, Plan
from apps.workspaces.models import Workspace

Status = BillingPeriod.Status

NOT_BEGUN: Final = frozenset({"", "incomplete", "incomplete_expired"})
ENDED: Final = frozenset({"canceled", "incomplete_expired"})
ENTITLED: Final = frozenset({"active", "trialing", "past_due"})
WAITS_AT_MOST: Final = timedelta(days=30)
"""An event that found no workspace in this time belongs to somebody else's business."""

POSITIONS: Final = """
SELECT batch.id, lower(batch.grams), upper(batch.grams),
       coalesce((SELECT max(upper(grams)) FROM billing_creditallocation WHERE batch_id = batch.id),
                lower(batch.grams)),
       coalesce((SELECT max(upper(grams)) FROM billing_retirementorder WHERE batch_id = batch.id),
                lower(batch.grams))
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


def open_period(workspace: Workspace) -> BillingPeriod | None:
    return BillingPeriod.objects.filter(workspace=workspace, status=Status.OPEN).first()


def workspace_ids_to_advance(now: datetime) -> list[int]:
    """Workspaces without an open period, or with a free one that is over.

    A free period follows the calendar; a paid one waits for its invoice.
    """
    opened = BillingPeriod.objects.filter(workspace=OuterRef("pk"), status=Status.OPEN)
    over = opened.filter(retires_credits=False, ends_at__lte=now)
    found = Workspace.objects.filter(~Exists(opened) | Exists(over))
    return list(found.order_by("pk").values_list("pk", flat=True))


def subscription_of(workspace: Workspace) -> Subscription | None:
    return Subscription.objects.filter(workspace=workspace).first()


def has_begun(subscription: Subscription) -> bool:
    """Whether it was ever more than an attempt to subscribe."""
    return subscription.status not in NOT_BEGUN


def current_plan(workspace: Workspace) -> Plan:
    """The plan a workspace is on now; Free without a live subscription."""
    subscription = subscription_of(workspace)
    if subscription is None or subscription.status not in ENTITLED:
        return FREE
    return PLANS[subscription.plan]


def periods_of(workspace: Workspace) -> QuerySet[BillingPeriod]:
    return BillingPeriod.objects.filter(workspace=workspace)


def period_of(workspace: Workspace, public_id: str) -> BillingPeriod:
    """One period of the workspace; another workspace's is not found."""
    period = periods_of(workspace).filter(public_id=public_id).first()
    if period is None:
        raise BillingPeriodNotFoundError("There is no such billing period")
    return period


def period_by_id(public_id: str) -> BillingPeriod:
    """For operators: any workspace's period."""
    period = BillingPeriod.objects.filter(public_id=public_id).first()
    if period is None:
        raise BillingPeriodNotFoundError(f"There is no billing period {public_id}")
    return period


def first_closing_period(slug: str) -> BillingPeriod:
    """The earliest period of a workspace that is closing."""
    closing = BillingPeriod.objects.filter(workspace__slug=slug, status=Status.CLOSING)
    period = closing.order_by("starts_at").first()
    if period is None:
        raise BillingPeriodNotFoundError(f"No period of the workspace {slug} is closing")
    return period


def allocations_of(period: BillingPeriod) -> QuerySet[CreditAllocation]:
    return period.allocations.select_related("batch", "order").order_by("pk")


def waiting_event_ids(now: datetime) -> list[str]:
    """Stored events that have not been acted on, in the order in which Stripe made them."""
    waiting = StripeEvent.objects.filter(
        processed_at__isnull=True, received_at__gt=now - WAITS_AT_MOST
    )
    return list(waiting.order_by("created_at", "pk").values_list("pk", flat=True))


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


def highest_gram() -> int:
    """Where the gram space ends: behind the last batch."""
    with database.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(upper(grams)), 0) FROM billing_creditbatch")
        return int(cursor.fetchone()[0])


def overlapping_batches(registry: str, stem: str, first: int, last: int) -> QuerySet[CreditBatch]:
    """Batches that hold a serial of this range."""
    return CreditBatch.objects.filter(
        registry=registry, serial_stem=stem, serial_first__lte=last, serial_last__gte=first
    )


def finishable_period_ids() -> list[tuple[int, int]]:
    """Settled periods that have all they are owed, with the grams retired for each."""
    with database.cursor() as cursor:
        cursor.execute(FINISHABLE)
        return [(period_id, int(grams)) for period_id, grams in cursor.fetchall()]
