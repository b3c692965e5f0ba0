"""What is owed and what is retired for it: periods, settlements, credits, Stripe's events."""

from typing import ClassVar

from django.contrib.postgres.fields import BigIntegerRangeField
from django.db import models
from django.db.models import F, Q

from apps.billing.plans import PLAN_NAMES
from apps.common.ids import public_id
from apps.telemetry.models import CarbonEntry
from apps.workspaces.models import Workspace


def _period_id() -> str:
    return public_id("per")


def _batch_id() -> str:
    return public_id("bat")


def _order_id() -> str:
    return public_id("ord")


class Subscription(models.Model):
    """What Stripe last said about a workspace's subscription."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.OneToOneField(
        Workspace, on_delete=models.PROTECT, related_name="subscription"
    )
    plan = models.CharField(max_length=16, choices=[(name, name.title()) for name in PLAN_NAMES])
    status = models.CharField(max_length=32)
    stripe_customer_id = models.CharField(max_length=64, unique=True, null=True)  # noqa: DJ001 - none yet
    stripe_subscription_id = models.CharField(max_length=64, unique=True, null=True)  # noqa: DJ001 - none yet
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    current_period_start = models.DateTimeField(null=True)
    current_period_end = models.DateTimeField(null=True)
    snapshot_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.plan} ({self.status})"


class BillingPeriod(models.Model):
    """A span of a workspace's ledger that is closed as one: open, closing, closed, never back.

    The stated figures are written once, when its entries are settled.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        CLOSING = "closing"
        CLOSED = "closed"

    id = models.BigAutoField(primary_key=True)
    public_id = models.CharField(max_length=40, unique=True, default=_period_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="periods")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    status = models.CharField(max_length=16, choices=Status, default=Status.OPEN)
    plan = models.CharField(max_length=16, choices=[(name, name.title()) for name in PLAN_NAMES])
    plan_as_of = models.DateTimeField(null=True)
    retires_credits = models.BooleanField(default=False)
    retirement_basis = models.CharField(max_length=8, default="central")
    stripe_invoice_id = models.CharField(max_length=64, blank=True)
    closing_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    entries_count = models.BigIntegerField(null=True)
    co2e_grams_low = models.DecimalField(max_digits=36, decimal_places=12, null=True)
    co2e_grams = models.DecimalField(max_digits=36, decimal_places=12, null=True)
    co2e_grams_high = models.DecimalField(max_digits=36, decimal_places=12, null=True)
    energy_kwh = models.DecimalField(max_digits=36, decimal_places=15, null=True)
    adjustments_grams = models.DecimalField(max_digits=36, decimal_places=12, null=True)
    retired_grams = models.BigIntegerField(null=True)
    problem = models.CharField(max_length=500, blank=True)
    closed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "id"], name="period_in_workspace"),
            models.UniqueConstraint(
                fields=["workspace"], condition=Q(status="open"), name="period_one_open"
            ),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="period_has_span"),
            models.CheckConstraint(
                condition=Q(closes_at__gte=F("ends_at")), name="period_closes_after_its_end"
            ),
            models.CheckConstraint(
                condition=Q(retirement_basis__in=["central", "high"]), name="period_basis_known"
            ),
            models.CheckConstraint(
                condition=Q(settled_at__isnull=True)
                | Q(
                    entries_count__isnull=False,
                    co2e_grams_low__isnull=False,
                    co2e_grams__isnull=False,
                    co2e_grams_high__isnull=False,
                    energy_kwh__isnull=False,
                    adjustments_grams__isnull=False,
                ),
                name="period_settled_states_figures",
            ),
            models.CheckConstraint(
                condition=~Q(status="closed")
                | Q(settled_at__isnull=False, retired_grams__isnull=False, closed_at__isnull=False),
                name="period_closed_is_whole",
            ),
        ]
        permissions: ClassVar = [("close_billingperiod", "Can close a billing period by hand")]
        ordering: ClassVar = ["-starts_at"]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d} to {self.ends_at:%Y-%m-%d} ({self.status})"


class Settlement(models.Model):
    """Which period an entry was receipted in: exactly one, once."""

    entry = models.OneToOneField(
        CarbonEntry,
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="settlement",
        db_constraint=False,
    )
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    period = models.ForeignKey(
        BillingPeriod, on_delete=models.PROTECT, related_name="settlements", db_constraint=False
    )
    is_adjustment = models.BooleanField()

    def __str__(self) -> str:
        return f"entry {self.entry_id} in period {self.period_id}"


class CreditBatch(models.Model):
    """Credits bought and loaded: one range of serials of one registry, held unretired.

    `grams` is the batch's place in the one gram space that all batches share.
    """

    class Mitigation(models.TextChoices):
        REDUCTION = "reduction"
        REMOVAL = "removal"
        MIXED = "mixed"

    id = models.BigAutoField(primary_key=True)
    public_id = models.CharField(max_length=40, unique=True, default=_batch_id, editable=False)
    registry = models.CharField(max_length=32)
    project_ref = models.CharField(max_length=64)
    project_name = models.CharField(max_length=200)
    project_url = models.URLField(max_length=500, blank=True)
    country = models.CharField(max_length=2, blank=True)
    methodology = models.CharField(max_length=64)
    mitigation = models.CharField(max_length=16, choices=Mitigation)
    vintage_start = models.DateField()
    vintage_end = models.DateField()
    serial_range = models.CharField(max_length=300)
    serial_stem = models.CharField(max_length=300)
    serial_first = models.DecimalField(max_digits=30, decimal_places=0)
    serial_last = models.DecimalField(max_digits=30, decimal_places=0)
    is_serial_parsed = models.BooleanField()
    tonnes = models.PositiveIntegerField()
    grams = BigIntegerRangeField()
    labels = models.JSONField(default=list)
    corresponding_adjustment = models.CharField(max_length=16, default="unknown")
    is_demonstration = models.BooleanField(default=False)
    loaded_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(tonnes__gte=1), name="batch_not_empty"),
            models.CheckConstraint(
                condition=Q(vintage_end__gte=F("vintage_start")), name="batch_vintage_forward"
            ),
            models.CheckConstraint(
                condition=Q(serial_last=F("serial_first") + F("tonnes") - 1),
                name="batch_serials_match_tonnes",
            ),
            models.CheckConstraint(
                condition=Q(
                    corresponding_adjustment__in=["none", "authorized", "applied", "unknown"]
                ),
                name="batch_adjustment_known",
            ),
        ]
        verbose_name_plural = "credit batches"
        ordering: ClassVar = ["vintage_start", "id"]

    def __str__(self) -> str:
        return f"{self.project_ref} {self.vintage_start:%Y}, {self.tonnes} t"


class RetirementOrder(models.Model):
    """Whole tonnes of one batch that the registry is asked to retire for a close run."""

    class Status(models.TextChoices):
        REQUESTED = "requested"
        CONFIRMED = "confirmed"

    id = models.BigAutoField(primary_key=True)
    public_id = models.CharField(max_length=40, unique=True, default=_order_id, editable=False)
    batch = models.ForeignKey(CreditBatch, on_delete=models.PROTECT, related_name="orders")
    grams = BigIntegerRangeField()
    status = models.CharField(max_length=16, choices=Status, default=Status.REQUESTED)
    beneficiary = models.CharField(max_length=200)
    reason = models.CharField(max_length=200)
    requested_at = models.DateTimeField()
    retirement_id = models.CharField(max_length=120, blank=True)
    retired_on = models.DateField(null=True)
    registry_url = models.URLField(max_length=500, blank=True)
    evidence_sha256 = models.CharField(max_length=64, blank=True)
    confirmed_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(status="confirmed")
                | (
                    ~Q(retirement_id="")
                    & ~Q(registry_url="")
                    & Q(retired_on__isnull=False, confirmed_at__isnull=False)
                ),
                name="order_confirmed_has_evidence",
            ),
        ]
        permissions: ClassVar = [
            ("confirm_retirementorder", "Can record a registry's confirmation")
        ]
        ordering: ClassVar = ["-requested_at", "-id"]

    def __str__(self) -> str:
        return f"{self.public_id} ({self.status})"


class CreditAllocation(models.Model):
    """The grams of a batch's serials that are given to one period. Never changed, never twice."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    period = models.ForeignKey(
        BillingPeriod, on_delete=models.PROTECT, related_name="allocations", db_constraint=False
    )
    batch = models.ForeignKey(CreditBatch, on_delete=models.PROTECT, related_name="allocations")
    order = models.ForeignKey(RetirementOrder, on_delete=models.PROTECT, related_name="allocations")
    grams = BigIntegerRangeField()
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.grams.upper - self.grams.lower} g of {self.batch}"


class StripeEvent(models.Model):
    """A delivery from Stripe, kept as it came. Its id is the key, so each is processed once."""

    id = models.CharField(max_length=255, primary_key=True)
    type = models.CharField(max_length=120)
    api_version = models.CharField(max_length=64, blank=True)
    is_livemode = models.BooleanField()
    created_at = models.DateTimeField()
    received_at = models.DateTimeField()
    body = models.BinaryField()
    processed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=200, blank=True)
    problem = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["created_at"], condition=Q(processed_at__isnull=True), name="event_waiting"
            ),
        ]
        ordering: ClassVar = ["-created_at", "id"]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"
