"""What has to be remembered of pushed usage so that each use counts once, and within its quota."""

from typing import ClassVar

from django.db import models

from apps.workspaces.models import Workspace


class SignalGroup(models.Model):
    """One tool in one session, and the best kind of report that has come from it.

    A tool may report the same call as an event, a span and a point of a metric. Only the kind of
    the highest rank counts; what ranks lower is kept and not counted.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    tool = models.CharField(max_length=200)
    session_key = models.CharField(max_length=200, blank=True)
    rank = models.PositiveSmallIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "tool", "session_key"], name="signal_group_once"
            ),
            models.UniqueConstraint(fields=["workspace", "id"], name="signal_group_in_workspace"),
        ]

    def __str__(self) -> str:
        return f"{self.tool} {self.session_key}"


class MetricSeries(models.Model):
    """How far one cumulative counter has been read, so that only its growth is counted."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    series = models.BinaryField(max_length=32)
    start_time = models.DateTimeField(null=True)
    last_time = models.DateTimeField()
    last_value = models.BigIntegerField()
    last_requests = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "series"], name="metric_series_once"),
        ]
        verbose_name_plural = "metric series"

    def __str__(self) -> str:
        return f"{bytes(self.series).hex()[:12]} at {self.last_value}"


class LiveEventCount(models.Model):
    """How many live events a workspace has pushed in a calendar month (UTC)."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    month = models.DateField()
    events = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "month"], name="live_events_per_month"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}: {self.events}"
