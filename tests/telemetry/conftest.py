"""A workspace with published factors, and the providers' simulator as its connections find it."""

from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.emissions.selectors import CurrentFactors, current_factors
from apps.emissions.services import NEWEST, load_catalogue, seed_factor_set
from apps.telemetry.models import ProviderConnection
from apps.workspaces.models import Workspace
from devstack.simulator.testing import RunningSimulator, running_simulator
from tests.factories import WorkspaceFactory, bearer, new_key
from tests.telemetry.metering import NOW, START, connected


DAYS_AHEAD = 3650
"""The invented past begins that long after the present: there is only what a test adds."""


@pytest.fixture
def factors(db: None) -> CurrentFactors:
    seed_factor_set(load_catalogue(NEWEST), publish=True, now=START)
    return current_factors()


@pytest.fixture
def workspace(factors: CurrentFactors) -> Workspace:
    return WorkspaceFactory.create(name="Mine", slug="mine")


@pytest.fixture
def theirs(factors: CurrentFactors) -> Workspace:
    return WorkspaceFactory.create(name="Theirs", slug="theirs")


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
    for name, url in base_urls(_running_meters).items():
        setattr(settings, name, url)
    return _running_meters


def base_urls(simulator: RunningSimulator) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": f"{simulator.url}/openai/v1",
        "ANTHROPIC_BASE_URL": f"{simulator.url}/anthropic",
        "OPENROUTER_BASE_URL": f"{simulator.url}/openrouter/api/v1",
    }


@pytest.fixture
def program(workspace: Workspace, settings: Any) -> APIClient:
    """A client with a key of the workspace that may do everything."""
    settings.ROOT_URLCONF = "tests.telemetry.site"
    return APIClient(headers=bearer(new_key(workspace)))
