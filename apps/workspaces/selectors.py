"""What there is: workspaces, keys and memberships, as a caller may find them."""

from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from apps.workspaces.errors import WorkspaceNotFoundError
from apps.workspaces.models import ApiKey, Membership, Workspace


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
