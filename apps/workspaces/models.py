"""Who you are and what you own: workspaces, members, projects, API keys, the audit trail."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.common.ids import public_id


def _key_id() -> str:
    return public_id("key")


class Workspace(models.Model):
    """The tenant."""

    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=140, unique=True)
    is_simulated = models.BooleanField(
        default=False, help_text="Its data come from the simulator; every page says so."
    )
    retirement_basis = models.CharField(
        max_length=8, choices=[("central", "Central"), ("high", "High")], default="central"
    )
    live_events_per_month = models.BigIntegerField(
        null=True,
        blank=True,
        default=10_000,
        help_text="Pushed live events; billing writes the plan's limit here. Empty: no limit.",
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("name"), name="workspace_name_once"),
            models.CheckConstraint(
                condition=Q(retirement_basis__in=["central", "high"]), name="workspace_basis_known"
            ),
        ]
        ordering: ClassVar = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's role in a workspace."""

    class Role(models.TextChoices):
        OWNER = "owner"
        ADMIN = "admin"
        MEMBER = "member"
        AUDITOR = "auditor"

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=16, choices=Role)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "user"], name="membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.workspace}"


class Project(models.Model):
    """A workspace's grouping for analytics."""

    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(max_length=120)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "id"], name="project_in_workspace"),
            models.UniqueConstraint("workspace", Lower("name"), name="project_name_once"),
            models.UniqueConstraint(
                fields=["workspace"], condition=Q(is_default=True), name="project_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """A program's credential. Only the SHA-256 of the whole key is kept."""

    class Mode(models.TextChoices):
        LIVE = "live"
        TEST = "test"

    id = models.BigAutoField(primary_key=True)
    public_id = models.CharField(max_length=40, unique=True, default=_key_id, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, null=True, blank=True, related_name="api_keys"
    )
    mode = models.CharField(max_length=4, choices=Mode)
    lookup_id = models.CharField(max_length=10, unique=True)
    sha256 = models.BinaryField(max_length=32)
    name = models.CharField(max_length=120)
    scopes = ArrayField(models.CharField(max_length=16))
    is_platform = models.BooleanField(default=False)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(is_platform=True, workspace__isnull=True)
                | Q(is_platform=False, workspace__isnull=False),
                name="key_belongs_to_platform_or_workspace",
            ),
            models.CheckConstraint(condition=Q(mode__in=["live", "test"]), name="key_mode_known"),
        ]

    def __str__(self) -> str:
        return f"{self.name} (isv_{self.mode}_sk_{self.lookup_id}…)"


class AuditEvent(models.Model):
    """Who did what to which object, and when. Append-only."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, null=True, related_name="audit_events"
    )
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=64)
    object_ref = models.CharField(max_length=100, blank=True)
    details = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["workspace", "-at"], name="audit_latest")]
        ordering: ClassVar = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.object_ref}"
