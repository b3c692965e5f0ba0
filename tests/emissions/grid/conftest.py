"""The two sources over real sockets, the settings that lead there, and waiting for a flight."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from devstack.simulator.testing import RunningSimulator
from tests.emissions.grid.asking import NOW, PAID


@pytest.fixture
def grids(simulator: RunningSimulator, settings: Any) -> RunningSimulator:
    """Both sources at half past ten, with a key that may see everything."""
    simulator.set_clock(f"{NOW:%Y-%m-%dT%H:%M:%SZ}")
    settings.ELECTRICITYMAPS_BASE_URL = simulator.url + "/electricitymaps/v3"
    settings.ELECTRICITYMAPS_API_KEY = PAID
    settings.ELECTRICITYMAPS_CALLS_PER_DAY = 1000
    settings.UK_CARBON_INTENSITY_URL = simulator.url + "/uk-carbon"
    return simulator


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait until it is so, at most ten seconds."""

    def wait(is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not is_so():
            assert time.monotonic() < deadline, "it did not happen"
            threading.Event().wait(0.01)

    return wait


@pytest.fixture
def asked(grids: RunningSimulator) -> Callable[..., int]:
    """How often an endpoint of Electricity Maps was asked."""

    def count(endpoint: str = "carbon-intensity/latest") -> int:
        return len(grids.journal("electricitymaps", f"/electricitymaps/v3/{endpoint}"))

    return count
