"""The smallest valid row of each model, and credentials that open something."""

from datetime import UTC, datetime
from typing import Any

import factory
from django.contrib.auth.models import User
from factory.django import DjangoModelFactory

from apps.workspaces import services
from apps.workspaces.models import Membership, Project, Workspace
from apps.workspaces.roles import WORKSPACE_SCOPES

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User

    username = factory.Sequence("person{}@example.com".format)
    email = factory.SelfAttribute("username")


class WorkspaceFactory(DjangoModelFactory[Workspace]):
    class Meta:
        model = Workspace

    name = factory.Sequence("Workspace {}".format)
    slug = factory.Sequence("workspace-{}".format)
    created_at = NOW
    updated_at = NOW


class ProjectFactory(DjangoModelFactory[Project]):
    class Meta:
        model = Project

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence("Project {}".format)
    created_at = NOW


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    workspace = factory.SubFactory(WorkspaceFactory)
    user = factory.SubFactory(UserFactory)
    role = "owner"
    created_at = NOW


def new_key(workspace: Workspace | None, **changes: Any) -> str:
    """The text of a new key: of the workspace with every scope, or of the platform."""
    scopes = WORKSPACE_SCOPES if workspace else ("platform",)
    usual = {"mode": "live", "name": "Tests", "scopes": scopes, "is_platform": workspace is None}
    chosen: dict[str, Any] = {**usual, "actor": "tests", "now": NOW, **changes}
    return services.create_api_key(workspace, **chosen)[1]


def bearer(key: str) -> dict[str, str]:
    """The header a program sends."""
    return {"Authorization": f"Bearer {key}"}
