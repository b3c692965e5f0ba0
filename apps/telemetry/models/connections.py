"""A provider account of a workspace, the project its usage belongs to, and which report counts."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.common.ids import public_id
from apps.telemetry.connectors import PROVIDER_LABELS
from apps.workspaces.models import Project, Workspace


def _connection_id() -> str:
    return public_id("con")


def _rule_id() -> str:
    return public_id("rul")


class ProviderConnection(models.Model):
    """One AI provider account of a workspace, and how its meter is read."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        ERROR = "error"
        PAUSED = "paused"
        REVOKED = "revoked"

    id = models.BigAutoField(primary_key=True)
    public_id = models.CharField(max_length=40, unique=True, default=_connection_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="connections")
    provider = models.CharField(max_length=32)
    name = models.CharField(max_length=120)
    status = models.CharField(max_length=16, choices=Status, default=Status.ACTIVE)
    account_ref = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - unknown is not ""
    account_name = models.CharField(max_length=200, blank=True)
    is_simulated = models.BooleanField(default=False)
    key_hint = models.CharField(max_length=4, blank=True)
    sealed_key = models.JSONField(null=True, blank=True, editable=False)
    failure_kind = models.CharField(max_length=32, blank=True)
    failure_message = models.CharField(max_length=500, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    consecutive_failures = models.PositiveIntegerField(default=0)
    last_polled_at = models.DateTimeField(null=True, blank=True)
    last_succeeded_at = models.DateTimeField(null=True, blank=True)
    next_poll_at = models.DateTimeField(null=True, blank=True, db_index=True)
    next_reconcile_at = models.DateTimeField(null=True, blank=True, db_index=True)
    next_sweep_at = models.DateTimeField(null=True, blank=True, db_index=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "id"], name="connection_in_workspace"),
            models.UniqueConstraint(
                fields=["workspace", "provider", "account_ref"],
                condition=~Q(status="revoked"),
                name="connection_account_once",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["active", "error", "paused", "revoked"]),
                name="connection_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(status="revoked") | Q(sealed_key__isnull=True),
                name="connection_revoked_has_no_key",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider_label}: {self.name}"

    @property
    def provider_label(self) -> str:
        """How the provider calls itself; its name here where no connector is left for it."""
        return PROVIDER_LABELS.get(self.provider, self.provider)


class Workload(models.Model):
    """Routes a connection's events to a project. A connection has exactly one active workload."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey(
        ProviderConnection, on_delete=models.PROTECT, related_name="workloads", db_constraint=False
    )
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="workloads", db_constraint=False
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection"], condition=Q(is_active=True), name="workload_one_active"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection} to {self.project}"


class RoutingRule(models.Model):
    """Sends what carries one value of one dimension to a project, before the workload is asked.

    Of a connection the dimension is one that its provider groups by (`project_id`, `api_key_id`,
    `workspace_id` …); without a connection it is a label of pushed usage (`customer`).
    """

    id = models.BigAutoField(primary_key=True)
    public_id = models.CharField(max_length=40, unique=True, default=_rule_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey(
        ProviderConnection,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="routing_rules",
        db_constraint=False,
    )
    dimension = models.CharField(max_length=32)
    value = models.CharField(max_length=200)
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="routing_rules", db_constraint=False
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "connection", "dimension", "value"],
                name="routing_rule_once",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dimension} {self.value} to {self.project}"


class SourceOfRecord(models.Model):
    """Which reports of one provider's use a workspace counts: its meter's, or those it pushes.

    The other ones are kept and marked, and not summed. Without a row everything counts.
    """

    class Counted(models.TextChoices):
        CONNECTION = "connection", "what the provider's meter reports"
        PUSHED = "pushed", "what is pushed by /track and OpenTelemetry"

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    provider = models.CharField(max_length=64)
    counted = models.CharField(max_length=16, choices=Counted)
    declared_by = models.CharField(max_length=200)
    declared_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "sources of record"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "provider"], name="source_of_record_once"),
            models.CheckConstraint(
                condition=Q(counted__in=["connection", "pushed"]), name="source_of_record_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {self.get_counted_display()}"
