"""Two workspaces, and the doors to them."""

import pytest
from redis import Redis
from rest_framework.test import APIClient

from apps.workspaces.models import Workspace
from tests.factories import ProjectFactory, WorkspaceFactory


@pytest.fixture
def mine(db: None) -> Workspace:
    workspace = WorkspaceFactory.create(name="Mine", slug="mine")
    ProjectFactory.create(workspace=workspace, name="My project")
    return workspace


@pytest.fixture
def theirs(db: None) -> Workspace:
    workspace = WorkspaceFactory.create(name="Theirs", slug="theirs")
    ProjectFactory.create(workspace=workspace, name="Their project")
    return workspace


@pytest.fixture
def api() -> APIClient:
    return APIClient()


@pytest.fixture
def counters(settings: object) -> "Redis":
    from django.conf import settings as current

    counters = Redis.from_url(current.THROTTLE_REDIS_URL)
    counters.flushdb()
    return counters
