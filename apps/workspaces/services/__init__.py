"""Changes to workspaces: create them, their keys, members and default project; the audit trail."""

import string
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils.crypto import get_random_string
from django.utils.text import slugify
from structlog.contextvars import get_contextvars

from apps.common.locks import transaction_lock
from apps.workspaces import keys, selectors
from apps.workspaces.errors import (
    AlreadyMemberError,
    InvalidWorkspaceError,
    WorkspaceClosedError,
    WorkspaceNameTakenError,
)
from apps.workspaces.models import ApiKey, AuditEvent, Membership, Project, Workspace
from apps.workspaces.roles import SCOPES, WORKSPACE_SCOPES

DEFAULT_PROJECT_NAME: Final = "Default"
NAME_LENGTH: Final = 120
SLUG_CHARACTERS: Final = string.ascii_lowercase + string.digits
TOUCH_SECONDS: Final = 60


def audit(
    workspace: Workspace | None,
    actor: str,
    action: str,
    object_ref: str,
    *,
    now: datetime,
    details: dict[str, Any] | None = None,
) -> AuditEvent:
    """Write down who did what to which object. Details are facts, never secrets."""
    return AuditEvent.objects.create(
        workspace=workspace,
        actor=actor,
        action=action,
        object_ref=object_ref,
        details=details or {},
        request_id=str(get_contextvars().get("request_id", ""))[:64],
        at=now,
    )


def default_project(workspace: Workspace, *, now: datetime) -> Project:
    """The workspace's default project, made when it is first needed. Safe to repeat and to race."""
    default = Project.objects.filter(workspace=workspace, is_default=True)
    if project := default.first():
        return project
    Project.objects.bulk_create(
        [Project(workspace=workspace, name=DEFAULT_PROJECT_NAME, is_default=True, created_at=now)],
        ignore_conflicts=True,  # another request was first, or the name is in use
    )
    if project := default.first():
        return project
    Project.objects.filter(workspace=workspace, name__iexact=DEFAULT_PROJECT_NAME).update(
        is_default=True, archived_at=None
    )
    return default.get()


def create_workspace(name: str, *, actor: str, now: datetime) -> Workspace:
    """A new tenant. Names are unique over the whole installation, whatever their case."""
    name = trimmed_name(name)
    with transaction.atomic():
        transaction_lock("workspace names")  # rare, and simpler than sorting out collisions
        if selectors.has_workspace_named(name):
            raise WorkspaceNameTakenError("A workspace with this name exists already")
        workspace = Workspace.objects.create(
            name=name,
            slug=_free_slug(name),
            is_simulated=settings.SIMULATED_PROVIDERS,
            created_at=now,
            updated_at=now,
        )
        audit(workspace, actor, "workspace_created", str(workspace.public_id), now=now)
    return workspace


def create_api_key(
    workspace: Workspace | None,
    *,
    mode: str,
    name: str,
    scopes: Iterable[str],
    is_platform: bool = False,
    actor: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its text, which nobody can see again."""
    chosen = _checked_scopes(scopes, is_platform=is_platform)
    if mode not in keys.MODES:
        raise InvalidWorkspaceError(f"No such mode: {mode}", field="mode")
    if is_platform != (workspace is None):
        raise InvalidWorkspaceError("A key is the platform's or one workspace's", field="workspace")
    if workspace is not None:
        refuse_closed(workspace)
    if expires_at is not None and expires_at <= now:
        raise InvalidWorkspaceError("A key expires in the future", field="expires_at")
    fresh = keys.generate(mode)
    with transaction.atomic():
        key = ApiKey.objects.create(
            workspace=workspace,
            mode=mode,
            lookup_id=fresh.lookup_id,
            sha256=fresh.sha256,
            name=trimmed_name(name),
            scopes=chosen,
            is_platform=is_platform,
            created_by=actor,
            created_at=now,
            expires_at=expires_at,
        )
        details = {"name": key.name, "mode": mode, "scopes": chosen}
        audit(workspace, actor, "api_key_created", key.public_id, now=now, details=details)
    return key, fresh.text


def revoke_api_key(key: ApiKey, *, actor: str, now: datetime) -> ApiKey:
    """Close the key for good, from this moment. Safe to repeat."""
    with transaction.atomic():
        locked = ApiKey.objects.select_for_update().get(pk=key.pk)
        if locked.revoked_at is None:
            locked.revoked_at = now
            locked.save(update_fields=["revoked_at"])
            audit(locked.workspace, actor, "api_key_revoked", locked.public_id, now=now)
    return locked


def mark_key_used(key: ApiKey, *, now: datetime) -> None:
    """Remember the last use, written at most once a minute."""
    stale_since = now - timedelta(seconds=TOUCH_SECONDS)
    if key.last_used_at is not None and key.last_used_at > stale_since:
        return
    ApiKey.objects.filter(
        Q(last_used_at=None) | Q(last_used_at__lte=stale_since), pk=key.pk
    ).update(last_used_at=now)


def refuse_closed(workspace: Workspace) -> None:
    """Whoever would let somebody in, or add something, asks here first."""
    if workspace.closed_at is not None:
        raise WorkspaceClosedError("This workspace is closed: nothing and nobody is added to it.")


def add_member(
    workspace: Workspace, user: User, role: str, *, actor: str, now: datetime
) -> Membership:
    """Give a person a role in the workspace; one person, one role."""
    if role not in Membership.Role.values:
        raise InvalidWorkspaceError(f"No such role: {role}", field="role")
    refuse_closed(workspace)
    with transaction.atomic():
        membership, is_new = Membership.objects.get_or_create(
            workspace=workspace, user=user, defaults={"role": role, "created_at": now}
        )
        if not is_new:
            raise AlreadyMemberError("This person is a member already", role=membership.role)
        audit(workspace, actor, "member_added", f"user:{user.pk}", now=now, details={"role": role})
    return membership


def change_role(membership: Membership, role: str, *, actor: str, now: datetime) -> Membership:
    """Give a member another role. Safe to repeat."""
    if role not in Membership.Role.values:
        raise InvalidWorkspaceError(f"No such role: {role}", field="role")
    with transaction.atomic():
        locked = Membership.objects.select_for_update().get(pk=membership.pk)
        if locked.role != role:
            details = {"from": locked.role, "to": role}
            locked.role = role
            locked.save(update_fields=["role"])
            reference = f"user:{locked.user_id}"
            audit(locked.workspace, actor, "role_changed", reference, now=now, details=details)
    return locked


@transaction.atomic
def remove_member(membership: Membership, *, actor: str, now: datetime) -> None:
    """End a person's part in the workspace; what they did stays."""
    reference = f"user:{membership.user_id}"
    membership.delete()
    audit(membership.workspace, actor, "member_removed", reference, now=now)


def ensure_operator(email: str, password: str) -> User:
    """The superuser of the settings, with exactly that password. Safe to repeat.

    A password that is right already is left alone: a new hash would sign the operator out.
    """
    user, _ = User.objects.get_or_create(
        username=email, defaults={"email": email, "is_staff": True, "is_superuser": True}
    )
    if not (user.is_staff and user.is_superuser and user.is_active):
        user.is_staff = user.is_superuser = user.is_active = True
        user.save(update_fields=["is_staff", "is_superuser", "is_active"])
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return user


def ensure_person(email: str, password: str | None) -> User:
    """Somebody who can log in, with exactly that password if one is given. Safe to repeat."""
    person, _ = User.objects.get_or_create(username=email, defaults={"email": email})
    if password and not person.check_password(password):
        person.set_password(password)
        person.save(update_fields=["password"])
    return person


def trimmed_name(name: str) -> str:
    """A name as it is stored; refused where it is none."""
    trimmed = name.strip()
    if not trimmed:
        raise InvalidWorkspaceError("A name is not blank", field="name")
    if len(trimmed) > NAME_LENGTH:
        raise InvalidWorkspaceError(f"A name has at most {NAME_LENGTH} characters", field="name")
    return trimmed


def _free_slug(name: str) -> str:
    slug = slugify(name) or "workspace"
    if not selectors.has_workspace_with_slug(slug):
        return slug
    return f"{slug}-{get_random_string(8, SLUG_CHARACTERS)}"


def _checked_scopes(scopes: Iterable[str], *, is_platform: bool) -> list[str]:
    wanted = set(scopes)
    allowed = SCOPES if is_platform else WORKSPACE_SCOPES
    if unknown := sorted(wanted - set(allowed)):
        raise InvalidWorkspaceError(f"No such scope here: {', '.join(unknown)}", field="scopes")
    if not wanted:
        raise InvalidWorkspaceError("A key has at least one scope", field="scopes")
    return [scope for scope in allowed if scope in wanted]
