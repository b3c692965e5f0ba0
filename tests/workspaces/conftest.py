"""Two workspaces, and the doors to them."""

import pytest
from rest_framework.test import APIClient

from apps.workspaces.models import Workspace
from tests.factories import ProjectFactory, WorkspaceFactory


@pytest.fixture
def mine(db: None) -> Workspace:  # noqa: ARG001 - a fixture asks for another by name
    workspace = WorkspaceFactory.create(name="Mine", slug="mine")
    ProjectFactory.create(workspace=workspace, name="My project")
    return workspace


@pytest.fixture
def theirs(db: None) -> Workspace:  # noqa: ARG001 - a fixture asks for another by name
    workspace = WorkspaceFactory.create(name="Theirs", slug="theirs")
    ProjectFactory.create(workspace=workspace, name="Their project")
    return workspace


@pytest.fixture
def api() -> APIClient:
    return APIClient()
