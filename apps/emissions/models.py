"""FactorSet: one published, immutable version of all factors."""

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
