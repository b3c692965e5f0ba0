"""Generic compute: what was used of vCPU, memory, storage and network, and the sums of that."""

import uuid
from typing import ClassVar, Final

from django.db import models
from django.db.models import F, Q

from apps.emissions.calc.compute import STORED_PLACES
from apps.workspaces.models import Workspace

SAMPLE_BOUNDED: Final = ("energy_kwh", "operational_co2e_grams", "embodied_co2e_grams")
"""The quantities of a sample that carry bounds; its co2e_grams are the sum of the last two."""
SAMPLE_SUMMED: Final = (
    "normalized_usage_amount",
    *(f"{name}{bound}" for name in SAMPLE_BOUNDED for bound in ("_low", "", "_high")),
)
"""Every summable column of `SampleQuantities`."""


def exact_column() -> models.DecimalField:
    """30 digits before the point: the largest amount, factor and intensity, many times over."""
    return models.DecimalField(max_digits=30 + STORED_PLACES, decimal_places=STORED_PLACES)


class SampleQuantities(models.Model):
    """The summable columns that a sample and its rollup share."""

    normalized_usage_amount = exact_column()
    energy_kwh_low = exact_column()
    energy_kwh = exact_column()
    energy_kwh_high = exact_column()
    operational_co2e_grams_low = exact_column()
    operational_co2e_grams = exact_column()
    operational_co2e_grams_high = exact_column()
    embodied_co2e_grams_low = exact_column()
    embodied_co2e_grams = exact_column()
    embodied_co2e_grams_high = exact_column()

    class Meta:
        abstract = True


class UsageSample(SampleQuantities):
    """One metered fact about compute, with its value. Append-only.

    `external_id` is the caller's name of it, once in a workspace for live and for test samples;
    `request_hash` names its place in a request that came with an Idempotency-Key.
    """

    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    # Checked with the rollup that the row adds to: one check an hour, not one a row.
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    external_id = models.CharField(max_length=200, null=True)  # noqa: DJ001 - nobody named it
    request_hash = models.BinaryField(max_length=32, null=True)
    provider = models.CharField(max_length=64)
    region = models.CharField(max_length=64)
    resource_type = models.CharField(max_length=16)
    instance_type = models.CharField(max_length=64, null=True)  # noqa: DJ001 - of instances only
    utilization = models.DecimalField(max_digits=5, decimal_places=4, null=True)
    usage_amount = models.DecimalField(max_digits=18, decimal_places=6)
    usage_unit = models.CharField(max_length=16)
    normalized_usage_unit = models.CharField(max_length=16)
    measured_at = models.DateTimeField()
    carbon_intensity_grams_co2e_per_kwh = models.DecimalField(max_digits=12, decimal_places=4)
    intensity_source = models.CharField(max_length=300)
    is_intensity_given = models.BooleanField()
    is_intensity_estimate = models.BooleanField()
    factor_set = models.CharField(max_length=64)
    is_test = models.BooleanField()
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "is_test", "external_id"],
                condition=Q(external_id__isnull=False),
                name="sample_external_id_once",
            ),
            models.UniqueConstraint(
                fields=["workspace", "request_hash"],
                condition=Q(request_hash__isnull=False),
                name="sample_request_once",
            ),
            models.CheckConstraint(condition=Q(usage_amount__gt=0), name="sample_amount_positive"),
            models.CheckConstraint(
                condition=Q(
                    resource_type="instance", instance_type__isnull=False, utilization__isnull=False
                )
                | (~Q(resource_type="instance") & Q(instance_type=None, utilization=None)),
                name="sample_instance_whole",
            ),
            models.CheckConstraint(
                condition=Q(utilization=None) | Q(utilization__gte=0, utilization__lte=1),
                name="sample_utilization_share",
            ),
            models.CheckConstraint(
                condition=Q(carbon_intensity_grams_co2e_per_kwh__gte=0),
                name="sample_intensity_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(
                    energy_kwh_low__gte=0,
                    energy_kwh_low__lte=F("energy_kwh"),
                    energy_kwh__lte=F("energy_kwh_high"),
                    operational_co2e_grams_low__gte=0,
                    operational_co2e_grams_low__lte=F("operational_co2e_grams"),
                    operational_co2e_grams__lte=F("operational_co2e_grams_high"),
                    embodied_co2e_grams_low__gte=0,
                    embodied_co2e_grams_low__lte=F("embodied_co2e_grams"),
                    embodied_co2e_grams__lte=F("embodied_co2e_grams_high"),
                ),
                name="sample_bounds_in_order",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "measured_at", "id"], name="sample_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.usage_amount} {self.usage_unit} at {self.measured_at:%Y-%m-%d %H:%M}"


class UsageSampleRollup(SampleQuantities):
    """The hourly sums of samples that the reports read.

    Written by a trigger on the samples alone; nothing else may write here.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    hour = models.DateTimeField()
    provider = models.CharField(max_length=64)
    region = models.CharField(max_length=64)
    resource_type = models.CharField(max_length=16)
    is_test = models.BooleanField()
    samples = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "hour", "provider", "region", "resource_type", "is_test"],
                name="sample_rollup_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} {self.resource_type} {self.region}"
