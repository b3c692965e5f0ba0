"""What a workspace knows better than the catalogue: a PUE, a tariff, the place of its own."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from apps.common.ids import public_id
from apps.workspaces.models import Workspace


def _override_id() -> str:
    return public_id("ovr")


class FactorOverride(models.Model):
    """One agreed value and the time it holds for. Ended, never edited (a trigger refuses).

    It applies to usage of its `provider`, or to all usage where none is named, used in
    `[starts_at, ends_at)`. Of several of a kind the one that names the provider counts, then the
    one created last.
    """

    class Kind(models.TextChoices):
        PUE = "pue", "PUE"
        TARIFF = "tariff", "Electricity tariff (market-based)"
        PLACE = "place", "Own region"

    id = models.BigAutoField(primary_key=True)
    public_id = models.CharField(max_length=40, unique=True, default=_override_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="overrides")
    kind = models.CharField(max_length=16, choices=Kind)
    provider = models.CharField(max_length=64, blank=True)
    value = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    operator = models.CharField(max_length=64, blank=True)
    region = models.CharField(max_length=64, blank=True)
    country = models.CharField(max_length=2, blank=True)
    evidence = models.CharField(max_length=500)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    ended_by = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind="pue", value__gte=1)
                | Q(kind="tariff", value__gte=0)
                | (
                    Q(kind="place", value__isnull=True)
                    & (~Q(operator="") | ~Q(region="") | ~Q(country=""))
                ),
                name="override_says_something",
            ),
            models.CheckConstraint(
                condition=Q(kind="place") | Q(value__isnull=False), name="override_has_value"
            ),
            models.CheckConstraint(condition=~Q(evidence=""), name="override_has_evidence"),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")),
                name="override_span",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "starts_at"], name="override_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} for {self.provider or 'all usage'}"
