"""One fresh simulator per test, its clock standing still on a Wednesday."""

from collections.abc import Iterator

import pytest

from devstack.simulator.testing import RunningSimulator, running_simulator

NOW = "2026-11-18T10:30:00Z"


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as running:
        running.set_clock(NOW)
        yield running


@pytest.fixture
def silent() -> Iterator[RunningSimulator]:
    """A simulator without an invented past: it reports only what a test adds."""
    with running_simulator(days=0) as running:
        running.set_clock(NOW)
        yield running
