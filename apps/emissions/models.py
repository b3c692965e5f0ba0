"""FactorSet: one immutable version of all factors. GridSample: what a grid's intensity was."""

from django.db import models
from django.db.models import Q


class FactorSet(models.Model):
    """All factors of one version. Once published, only `is_current` may change (trigger)."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"

    version = models.CharField(max_length=40, unique=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    is_current = models.BooleanField(default=False)
    effective_from = models.DateField()
    document = models.JSONField()
    sha256 = models.CharField(max_length=64, help_text="Of the document as canonical JSON.")
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-effective_from", "-id")
        permissions = (("publish_factorset", "Can publish a factor set"),)
        constraints = (
            models.CheckConstraint(
                name="emissions_factorset_status_known",
                condition=Q(status__in=("draft", "published")),
            ),
            models.CheckConstraint(
                name="emissions_factorset_current_is_published",
                condition=Q(is_current=False) | Q(status="published"),
            ),
            models.CheckConstraint(
                name="emissions_factorset_published_has_time",
                condition=Q(status="draft", published_at__isnull=True)
                | Q(status="published", published_at__isnull=False),
            ),
            models.UniqueConstraint(
                name="emissions_factorset_one_current",
                fields=("is_current",),
                condition=Q(is_current=True),
            ),
        )

    def __str__(self) -> str:
        return self.version


class GridSample(models.Model):
    """What one source says of one zone and the step that begins at `at`.

    Sources correct themselves: an estimated hour is measured later. A newer word on the same step
    replaces the older one. Invented numbers of sandbox keys never come here.
    """

    class EmissionFactorType(models.TextChoices):
        LIFECYCLE = "lifecycle", "Life cycle"
        DIRECT = "direct", "Direct"

    zone = models.CharField(max_length=20)
    at = models.DateTimeField(help_text="The beginning of the step.")
    gco2e_per_kwh = models.FloatField()
    source = models.CharField(max_length=30)
    emission_factor_type = models.CharField(max_length=10, choices=EmissionFactorType.choices)
    is_estimated = models.BooleanField()
    estimation_method = models.CharField(max_length=60, null=True)  # noqa: DJ001 - null is "measured"
    read_at = models.DateTimeField()

    class Meta:
        ordering = ("zone", "-at")
        constraints = (
            models.UniqueConstraint(
                name="emissions_gridsample_one_per_step",
                fields=("zone", "at", "source", "emission_factor_type"),
            ),
            models.CheckConstraint(
                name="emissions_gridsample_factors_known",
                condition=Q(emission_factor_type__in=("lifecycle", "direct")),
            ),
            models.CheckConstraint(
                name="emissions_gridsample_not_negative",
                condition=Q(gco2e_per_kwh__gte=0),
            ),
        )

    def __str__(self) -> str:
        return f"{self.zone} {self.at:%Y-%m-%d %H:%M}"
