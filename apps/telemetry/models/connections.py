"""A provider account of a workspace, and the project its usage belongs to."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.common.ids import public_id
from apps.workspaces.models import Project, Workspace


def _connection_id() -> str:
    return public_id("con")


class ProviderConnection(models.Model):
    """One AI provider account of a workspace, and how its meter is read."""

    class Provider(models.TextChoices):
        OPENAI = "openai", "OpenAI"
        ANTHROPIC = "anthropic", "Anthropic"
        OPENROUTER = "openrouter", "OpenRouter"

    class Status(models.TextChoices):
        ACTIVE = "active"
        ERROR = "error"
        PAUSED = "paused"
        REVOKED = "revoked"

    id = models.BigAutoField(primary_key=True)
    public_id = models.CharField(max_length=40, unique=True, default=_connection_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="connections")
    provider = models.CharField(max_length=32, choices=Provider)
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
        return f"{self.get_provider_display()}: {self.name}"


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
