"""Many readers at once: one question outside, no call beyond the budget, and little waiting."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from apps.emissions.grid.base import Intensity
from apps.emissions.services.grid import intensity_now
from apps.emissions.services.grid_history import keep_history
from apps.emissions.services.grid_sources import grid_status
from devstack.simulator.testing import RunningSimulator
from tests.emissions.grid.asking import AVERAGES, NOW

pytestmark = pytest.mark.django_db


def ask(zone: str) -> Intensity:
    """A live answer reads no table of the database, so any thread may have it."""
    return intensity_now([zone], now=NOW, averages=AVERAGES)[zone]


def test_eight_readers_at_once_ask_outside_once(
    grids: RunningSimulator, asked: Callable[..., int]
) -> None:
    grids.set_latency("electricitymaps", 0.2)

    with ThreadPoolExecutor(8) as readers:
        answers = list(readers.map(ask, ["FR"] * 8))

    assert {answer.rung for answer in answers} == {"live_measured"}
    assert len({answer.gco2e_per_kwh for answer in answers}) == 1
    assert (asked(), asked("zones")) == (1, 1)


def test_many_zones_are_read_side_by_side(
    grids: RunningSimulator, settings: Any, asked: Callable[..., int]
) -> None:
    grids.set_latency("electricitymaps", 0.1)
    grids.add_fixture(path="/electricitymaps/v3/zones", body={})  # nothing known of the plan
    zones = [f"ZZ-{number}" for number in range(58)]

    answers = intensity_now(zones, now=NOW, averages=AVERAGES)

    assert {answer.rung for answer in answers.values()} == {"live_measured"}
    assert asked() == 58
    assert grid_status(now=NOW).calls_today == 59
    assert settings.ELECTRICITYMAPS_API_KEY not in str(grids.journal())


def test_a_slow_source_keeps_nobody_waiting_for_long(
    grids: RunningSimulator, settings: Any
) -> None:
    # An account of its own: its last answer comes when the test is over, and counts for nobody.
    settings.ELECTRICITYMAPS_API_KEY = "em-simulated-paid-0001b"
    ask("FR")  # what the plan holds is known from here on
    grids.set_latency("electricitymaps", 20)

    began = time.monotonic()
    answer = ask("DE")

    assert time.monotonic() - began < 4
    assert (answer.rung, answer.gco2e_per_kwh) == ("zone_average", 334.0)
    grids.set_latency("electricitymaps", 0)


def test_no_call_is_made_beyond_the_days_budget(grids: RunningSimulator, settings: Any) -> None:
    settings.ELECTRICITYMAPS_CALLS_PER_DAY = 5
    grids.add_fixture(path="/electricitymaps/v3/zones", body={})
    zones = [f"ZZ-{number}" for number in range(20)]

    answers = intensity_now(zones, now=NOW, averages=AVERAGES)

    assert len(grids.journal("electricitymaps")) == 5
    assert [answer.rung for answer in answers.values()].count("live_measured") == 4
    refused = next(answer for answer in answers.values() if answer.rung == "unknown")
    assert "Today's 5 calls are used up" in refused.reason
    status = grid_status(now=NOW)
    assert (status.calls_today, status.calls_per_day) == (5, 5)


def test_history_leaves_half_of_the_budget_to_readers(
    grids: RunningSimulator, settings: Any
) -> None:
    settings.ELECTRICITYMAPS_CALLS_PER_DAY = 6
    settings.UK_CARBON_INTENSITY_URL = ""

    keep_history(["DE", "FR", "GB", "IE", "SG", "SE-SE3"], now=NOW)
    assert len(grids.journal("electricitymaps")) == 3

    assert ask("FR").rung == "live_measured"
    assert grid_status(now=NOW).calls_today == 4
