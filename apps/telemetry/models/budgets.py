"""Budgets: what a month may cost the air, the alerts when it does, and who was told."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.common.ids import public_id
from apps.telemetry.models.quantities import ENERGY_PLACES
from apps.workspaces.models import Project, Workspace


def _budget_id() -> str:
    return public_id("bud")


def _alert_id() -> str:
    return public_id("alr")


def _delivery_id() -> str:
    return public_id("dlv")


def amount_column() -> models.DecimalField:
    """Grams of CO2e or kilowatt-hours: fine enough for the finer of the two."""
    return models.DecimalField(max_digits=36, decimal_places=ENERGY_PLACES)


class Budget(models.Model):
    """What a calendar month (UTC) of a workspace, or of one project, may use."""

    class Unit(models.TextChoices):
        CO2E_GRAMS = "co2e_grams", "g CO2e"
        ENERGY_KWH = "energy_kwh", "kWh"

    id = models.BigAutoField(primary_key=True)
    public_id = models.CharField(max_length=40, unique=True, default=_budget_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey(
        Project,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="budgets",
        db_constraint=False,
    )
    name = models.CharField(max_length=120)
    unit = models.CharField(max_length=16, choices=Unit)
    monthly_amount = amount_column()
    thresholds = ArrayField(models.PositiveSmallIntegerField(), help_text="Percent, ascending.")
    emails = ArrayField(models.EmailField(), default=list, blank=True)
    webhook_url = models.URLField(max_length=500, blank=True)
    sealed_webhook_secret = models.JSONField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "id"], name="budget_in_workspace"),
            models.UniqueConstraint(
                "workspace",
                Lower("name"),
                condition=Q(archived_at__isnull=True),
                name="budget_name_once",
            ),
            models.CheckConstraint(
                condition=Q(unit__in=["co2e_grams", "energy_kwh"]), name="budget_unit_known"
            ),
            models.CheckConstraint(condition=Q(monthly_amount__gt=0), name="budget_positive"),
        ]

    def __str__(self) -> str:
        return self.name


class BudgetAlert(models.Model):
    """A threshold that a month has crossed: once, with the sums that crossed it. Append-only."""

    id = models.BigAutoField(primary_key=True)
    public_id = models.CharField(max_length=40, unique=True, default=_alert_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    budget = models.ForeignKey(
        Budget, on_delete=models.PROTECT, related_name="alerts", db_constraint=False
    )
    month = models.DateField(help_text="Its first day.")
    threshold = models.PositiveSmallIntegerField(help_text="Percent of the budget.")
    used_amount = amount_column()
    monthly_amount = amount_column()
    crossed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "id"], name="alert_in_workspace"),
            models.UniqueConstraint(
                fields=["budget", "month", "threshold"], name="budget_alert_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.threshold} % of {self.budget} in {self.month:%Y-%m}"


class AlertDelivery(models.Model):
    """One recipient of one alert, until it was told or given up: then no attempt is due."""

    class Channel(models.TextChoices):
        EMAIL = "email"
        WEBHOOK = "webhook"

    id = models.BigAutoField(primary_key=True)
    public_id = models.CharField(max_length=40, unique=True, default=_delivery_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    alert = models.ForeignKey(
        BudgetAlert, on_delete=models.PROTECT, related_name="deliveries", db_constraint=False
    )
    channel = models.CharField(max_length=16, choices=Channel)
    target = models.CharField(max_length=500)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, db_index=True)
    delivered_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name_plural = "alert deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["alert", "channel", "target"], name="delivery_once"),
            models.CheckConstraint(
                condition=Q(channel__in=["email", "webhook"]), name="delivery_channel_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.alert} by {self.channel}"

    @property
    def state(self) -> str:
        if self.delivered_at is not None:
            return "delivered"
        return "given_up" if self.next_attempt_at is None else "waiting"
