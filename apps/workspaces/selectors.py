"""What there is: workspaces, keys and memberships, as a caller may find them."""

from contextlib import suppress
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from apps.workspaces.errors import ProjectNotFoundError, WorkspaceNotFoundError
from apps.workspaces.models import ApiKey, Membership, Project, Workspace


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
    return ApiKey.objects.select_related("workspace").filter(lookup_id=lookup_id).first()


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
