"""What was read of a meter and how it went: cursors, buckets, poll runs, the provider's totals."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from apps.telemetry.models.connections import ProviderConnection
from apps.workspaces.models import Workspace


class SyncCursor(models.Model):
    """Up to where one source of a connection has been read completely."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey(
        ProviderConnection, on_delete=models.PROTECT, related_name="cursors", db_constraint=False
    )
    source = models.CharField(max_length=64)
    complete_until = models.DateTimeField()
    read_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "source"], name="cursor_per_source"),
        ]

    def __str__(self) -> str:
        return f"{self.source} until {self.complete_until:%Y-%m-%d %H:%M}"


class MeteredBucket(models.Model):
    """The last reading of one bucket: when, whether it was complete, and a digest of its rows.

    An unchanged digest means that a later reading writes nothing. A bucket without usage has a row
    here and none among the events, which is how "read and empty" differs from "never read".
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey(
        ProviderConnection, on_delete=models.PROTECT, related_name="buckets", db_constraint=False
    )
    source = models.CharField(max_length=64)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    rows = models.PositiveIntegerField()
    digest = models.BinaryField(max_length=32)
    is_provisional = models.BooleanField()
    quarantined = models.JSONField(default=list)
    read_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection", "source", "starts_at"], name="bucket_read_once"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="bucket_has_width"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.starts_at:%Y-%m-%d %H:%M}"


class PollRun(models.Model):
    """One attempt to read a connection's meter: the journal that a person reads when it fails."""

    class Outcome(models.TextChoices):
        RECORDED = "recorded"
        UNCHANGED = "unchanged"
        BUSY = "busy"
        REFUSED = "refused"

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey(
        ProviderConnection, on_delete=models.PROTECT, related_name="polls", db_constraint=False
    )
    source = models.CharField(max_length=64)
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    outcome = models.CharField(max_length=16, choices=Outcome)
    rows_read = models.PositiveIntegerField(default=0)
    rows_changed = models.PositiveIntegerField(default=0)
    rows_withdrawn = models.PositiveIntegerField(default=0)
    failure_kind = models.CharField(max_length=32, blank=True)
    message = models.CharField(max_length=500, blank=True)
    warnings = models.JSONField(default=list)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["connection", "-started_at"], name="poll_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.outcome} {self.started_at:%Y-%m-%d %H:%M}"


class ProviderTotal(models.Model):
    """What the provider itself says of one day of one source: the sum that ours is held against.

    Read by another question than the rows are (ungrouped, by the day, or from the costs), and
    replaced when it is read again. What a source does not tell is null.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey(
        ProviderConnection, on_delete=models.PROTECT, related_name="totals", db_constraint=False
    )
    source = models.CharField(max_length=64)
    day = models.DateField()
    input_tokens = models.DecimalField(max_digits=30, decimal_places=0, null=True)
    output_tokens = models.DecimalField(max_digits=30, decimal_places=0, null=True)
    requests = models.DecimalField(max_digits=30, decimal_places=0, null=True)
    cost_usd = models.DecimalField(max_digits=36, decimal_places=12, null=True)
    read_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection", "source", "day"], name="provider_total_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.day}"
