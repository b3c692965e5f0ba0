"""A workspace with published factors, and the providers' simulator as its connections find it."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from apps.emissions.selectors import CurrentFactors, current_factors
from apps.telemetry.models import PollRun, ProviderConnection
from apps.telemetry.services import polling
from apps.workspaces.models import Project, Workspace
from devstack.simulator.testing import RunningSimulator, running_simulator
from tests.factories import ProjectFactory, WorkspaceFactory, bearer, new_key
from tests.published import publish_newest_factors
from tests.telemetry.metering import NOW, START, bucket, connected, row, take
from tests.telemetry.using import ASKED, CONNECTIONS, Poll

DAYS_AHEAD = 3650
"""The invented past begins that long after the present: there is only what a test adds."""


@pytest.fixture
def factors(db: None) -> CurrentFactors:  # noqa: ARG001 - a fixture is asked for by its name
    publish_newest_factors(now=START)
    return current_factors()


@pytest.fixture
def workspace(factors: CurrentFactors) -> Workspace:  # noqa: ARG001 - a fixture is asked for by its name
    return WorkspaceFactory.create(name="Mine", slug="mine")


@pytest.fixture
def theirs(factors: CurrentFactors) -> Workspace:  # noqa: ARG001 - a fixture is asked for by its name
    return WorkspaceFactory.create(name="Theirs", slug="theirs")


@pytest.fixture
def at_half_past_ten() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def search(workspace: Workspace) -> Project:
    return ProjectFactory.create(workspace=workspace, name="Search")


@pytest.fixture
def connection(workspace: Workspace) -> ProviderConnection:
    return connected(workspace)


@pytest.fixture(scope="session")
def _running_meters() -> Iterator[RunningSimulator]:
    with running_simulator(days=-DAYS_AHEAD) as running:
        yield running


@pytest.fixture
def meters(_running_meters: RunningSimulator, settings: Any) -> RunningSimulator:
    """The three providers without any usage but what a test adds, at half past ten."""
    _running_meters.reset()
    _running_meters.set_clock(f"{NOW:%Y-%m-%dT%H:%M:%SZ}")
    settings.PROVIDER_BASE_URLS = urls_by_provider(_running_meters)
    return _running_meters


def base_urls(simulator: RunningSimulator) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": f"{simulator.url}/openai/v1",
        "ANTHROPIC_BASE_URL": f"{simulator.url}/anthropic",
        "OPENROUTER_BASE_URL": f"{simulator.url}/openrouter/api/v1",
        "LITELLM_BASE_URL": f"{simulator.url}/litellm",
    }


def urls_by_provider(simulator: RunningSimulator) -> dict[str, str]:
    """The same as the settings keep them."""
    urls = base_urls(simulator).items()
    return {name.partition("_")[0].lower(): url for name, url in urls}


@pytest.fixture
def program(workspace: Workspace) -> APIClient:
    """A client with a key of the workspace that may do everything."""
    return APIClient(headers=bearer(new_key(workspace)))


@pytest.fixture
def poll(meters: RunningSimulator, connection: ProviderConnection) -> Poll:
    """Poll the connection at a moment, at which the provider lives too."""

    def read(at: datetime = NOW) -> list[PollRun]:
        meters.set_clock(f"{at:%Y-%m-%dT%H:%M:%SZ}")
        return polling.poll(connection.pk, now=at, clock=lambda: at + timedelta(seconds=2))

    return read


@pytest.fixture
def connect(program: APIClient, meters: RunningSimulator) -> Callable[..., Any]:  # noqa: ARG001 - a fixture is asked for by its name
    """Ask over the API to connect an account of the simulated Anthropic."""
    return lambda **changes: program.post(CONNECTIONS, {**ASKED, **changes}, format="json")


@pytest.fixture
def six_rows(connection: ProviderConnection) -> ProviderConnection:
    """Six rows in three hours."""
    take(
        connection,
        bucket(0, row("gpt-4.1", 1000, 500, input_cache_read=50), row("o3", 10, 20)),
        bucket(1, row("gpt-4.1", 2000, 700, requests=5), row(None, 30, 40)),
        bucket(2, row("gpt-4.1", 3000, 900), row("o3", 50, 60)),
    )
    return connection
