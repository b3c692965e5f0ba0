"""Closing a workspace: nobody comes in any more, and what was recorded stays."""

from datetime import datetime

from django.db import transaction

from apps.workspaces.models import ApiKey, Membership, Workspace
from apps.workspaces.services import audit, remove_member, revoke_api_key


def close(workspace: Workspace, *, actor: str, now: datetime) -> Workspace:
    """Mark it closed and revoke its keys. Safe to repeat; the first time stands."""
    with transaction.atomic():
        locked = Workspace.objects.select_for_update().get(pk=workspace.pk)
        if locked.closed_at is None:
            locked.closed_at = locked.updated_at = now
            locked.save(update_fields=["closed_at", "updated_at"])
            audit(locked, actor, "workspace_closed", str(locked.public_id), now=now)
    for key in ApiKey.objects.filter(workspace=workspace, revoked_at=None).order_by("pk"):
        revoke_api_key(key, actor=actor, now=now)
    return locked


def dismiss_members(workspace: Workspace, *, actor: str, now: datetime) -> int:
    """End everybody's part in it; how many there were. People keep their logins."""
    members = list(Membership.objects.filter(workspace=workspace).order_by("pk"))
    for membership in members:
        remove_member(membership, actor=actor, now=now)
    return len(members)
