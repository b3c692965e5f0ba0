"""Clients that send samples, and the published example of one."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine

from apps.workspaces.models import Workspace
from tests.factories import new_key
from tests.telemetry.metering import NOW


@pytest.fixture(autouse=True)
def _clock(request: pytest.FixtureRequest) -> Any:
    if "live_server" in request.fixturenames:
        yield
        return
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def program(api: Callable[..., Any], workspace: Workspace) -> Any:
    return api(new_key(workspace))


@pytest.fixture
def send(program: Any, workspace: Workspace) -> Callable[..., Any]:
    """POST samples of the workspace; options are the query string and headers."""

    def post(body: Any, query: str = "", **options: Any) -> Any:
        return program.post(f"{samples_of(workspace)}{query}", body, **options)

    return post


@pytest.fixture
def report(program: Any, workspace: Workspace) -> Callable[..., Any]:
    """GET the summary of the workspace."""

    def get(**query: str) -> Any:
        return program.get(f"/api/v1/workspaces/{workspace.public_id}/reports/summary", query)

    return get


def samples_of(workspace: Workspace) -> str:
    return f"/api/v1/workspaces/{workspace.public_id}/usage-samples"
