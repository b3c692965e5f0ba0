"""What there is: workspaces, keys and memberships, as a caller may find them."""

from contextlib import suppress
from typing import Final
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from apps.workspaces.errors import ProjectNotFoundError, WorkspaceNotFoundError
from apps.workspaces.models import ApiKey, Membership, Project, Workspace

KEY_FIELDS: Final = [field.attname for field in ApiKey._meta.concrete_fields]  # noqa: SLF001 - Django's documented way
WORKSPACE_FIELDS: Final = [field.attname for field in Workspace._meta.concrete_fields]  # noqa: SLF001 - likewise
KEY: Final = f"""
SELECT {", ".join(f"key.{name}" for name in KEY_FIELDS)},
    {", ".join(f"workspace.{name}" for name in WORKSPACE_FIELDS)}
FROM workspaces_apikey AS key
LEFT JOIN workspaces_workspace AS workspace ON workspace.id = key.workspace_id
WHERE key.lookup_id = %s
"""  # noqa: S608 - our own column names


def workspaces() -> QuerySet[Workspace]:
    """Every workspace, by name: for the operator."""
    return Workspace.objects.order_by("name", "id")


def workspace_by_public_id(public_id: UUID) -> Workspace:
    workspace = Workspace.objects.filter(public_id=public_id).first()
    if workspace is None:
        raise WorkspaceNotFoundError("No such workspace")
    return workspace


def workspace_by_slug_or_id(text: str) -> Workspace:
    """The workspace a person names on the command line."""
    try:
        return workspace_by_public_id(UUID(text))
    except ValueError:
        workspace = Workspace.objects.filter(slug=text).first()
    if workspace is None:
        raise WorkspaceNotFoundError(f"No workspace has the slug {text!r}")
    return workspace


def has_workspace_named(name: str) -> bool:
    """Whether the name is taken, whatever its case, as the database compares it."""
    return (
        Workspace.objects.annotate(lowered=Lower("name"))
        .filter(lowered=Lower(Value(name)))
        .exists()
    )


def has_workspace_with_slug(slug: str) -> bool:
    return Workspace.objects.filter(slug=slug).exists()


def key_by_lookup_id(lookup_id: str) -> ApiKey | None:
    """The key with its workspace.

    Every request with a key asks this, and no answer is remembered. The statement is one text:
    to have it put together anew would take a third of the time of a short request.
    """
    with connection.cursor() as cursor:
        cursor.execute(KEY, [lookup_id])
        row = cursor.fetchone()
    if row is None:
        return None
    key = ApiKey.from_db(connection.alias, KEY_FIELDS, row[: len(KEY_FIELDS)])
    if key.workspace_id is not None:
        workspace = row[len(KEY_FIELDS) :]
        key.workspace = Workspace.from_db(connection.alias, WORKSPACE_FIELDS, workspace)
    return key


def memberships_of(user: User) -> QuerySet[Membership]:
    """The workspaces a person belongs to, the oldest first."""
    return Membership.objects.filter(user=user).select_related("workspace").order_by("workspace_id")


def projects(workspace: Workspace, *, include_archived: bool = False) -> QuerySet[Project]:
    """A workspace's projects, newest first."""
    found = Project.objects.filter(workspace=workspace).order_by("-created_at", "-pk")
    return found if include_archived else found.filter(archived_at=None)


def project_of(workspace: Workspace, public_id: str) -> Project:
    """One project, archived or not; another workspace's is not found."""
    found = None
    with suppress(ValueError):
        found = Project.objects.filter(workspace=workspace, public_id=UUID(public_id)).first()
    if found is None:
        raise ProjectNotFoundError("No such project in this workspace")
    return found


def project_named(workspace: Workspace, name: str) -> Project:
    """The project that has the name, whatever its case, as the database compares it."""
    named = Project.objects.filter(workspace=workspace).annotate(lowered=Lower("name"))
    return named.get(lowered=Lower(Value(name)))
