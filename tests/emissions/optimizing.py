"""Asking the optimizer at one moment, with the grids' publishers simulated or without a key."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from apps.emissions.models import GridSample
from devstack.simulator.testing import RunningSimulator
from tests.contract import ContractClient

NOW = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)
THIS_HOUR = NOW.replace(minute=0)
HOUR = timedelta(hours=1)
API = "/api/v1"
NUMBER = (int, float)
OPTIMIZE = f"{API}/optimize"
TRAINING: dict[str, Any] = {"workload": "training", "priority": "carbon"}


@pytest.fixture
def client(
    db: None,  # noqa: ARG001 - a fixture is asked for by its name
    api: Callable[..., ContractClient],
) -> Iterator[ContractClient]:
    """Half past ten; nobody outside is known."""
    with time_machine.travel(NOW, tick=False):
        yield api()


@pytest.fixture
def grids(simulator: RunningSimulator, settings: Any) -> RunningSimulator:
    """Electricity Maps with a key that may see everything, and the UK's own source."""
    simulator.set_clock(f"{NOW:%Y-%m-%dT%H:%M:%SZ}")
    settings.ELECTRICITYMAPS_BASE_URL = simulator.url + "/electricitymaps/v3"
    settings.ELECTRICITYMAPS_API_KEY = "em-simulated-paid-0001"
    settings.ELECTRICITYMAPS_CALLS_PER_DAY = 1000
    settings.UK_CARBON_INTENSITY_URL = simulator.url + "/uk-carbon"
    return simulator


def week_of(zone: str, values: Callable[[int], float] = lambda hour: hour * 10.0) -> None:
    """Five days of stored hours, each with the value of its hour of the day."""
    GridSample.objects.bulk_create(
        GridSample(
            zone=zone,
            at=at,
            gco2e_per_kwh=values(at.hour),
            source="electricitymaps",
            emission_factor_type="lifecycle",
            is_estimated=False,
            read_at=at,
        )
        for at in (THIS_HOUR - HOUR * number for number in range(1, 5 * 24 + 1))
    )


def told(client: ContractClient, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The body of a good answer; the contract client holds it against the document."""
    answer = client.get(API + path) if body is None else client.post(API + path, body)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    assert found["status"] == "success"
    assert found["request_id"].startswith("carbon_req_")
    return found


def optimized(client: ContractClient, **members: Any) -> dict[str, Any]:
    found: dict[str, Any] = told(client, "/optimize", {**TRAINING, **members})["recommendation"]
    return found


def fault(client: ContractClient, path: str, body: Any) -> str:
    """The member that a refusal names."""
    answer = client.post(API + path, body)
    assert answer.status_code == 400, answer.content
    error = answer.json()["error"]
    assert error["code"] == "validation_error"
    (name,) = error["details"]["fields"]
    return str(name)


def holds(found: dict[str, Any], members: dict[str, Any]) -> None:
    """The members are there and of these types."""
    for name, kind in members.items():
        assert isinstance(found[name], kind), name
