"""Samples without an intensity: that of their hour and place, and never a failure for it."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.emissions.cloud import catalogue
from apps.emissions.models import GridSample
from apps.telemetry.models import UsageSample
from apps.workspaces.models import Workspace
from devstack.simulator.testing import RunningSimulator, running_simulator
from tests.factories import bearer, new_key
from tests.telemetry.metering import NOW
from tests.telemetry.samples.conftest import samples_of
from tests.telemetry.samples.published import EXAMPLE, LOOKED_UP

pytestmark = pytest.mark.django_db
Send = Callable[..., Any]
THIS_HOUR = NOW.replace(minute=0, second=0)
HOUR = timedelta(hours=1)
PLACES = [{"provider": region.provider, "region": region.region} for region in catalogue().regions]


@pytest.fixture
def grids(simulator: RunningSimulator, settings: Any) -> RunningSimulator:
    return leading_to(simulator, settings)


@pytest.fixture
def mortal(settings: Any) -> Iterator[tuple[RunningSimulator, Callable[[], None]]]:
    """A publisher of the test's own, and how to kill it."""
    running = running_simulator()
    simulator = leading_to(running.__enter__(), settings)
    alive = [running]

    def kill() -> None:
        alive.pop().__exit__(None, None, None)

    yield simulator, kill
    if alive:
        kill()


def leading_to(simulator: RunningSimulator, settings: Any) -> RunningSimulator:
    """Electricity Maps with a key that may see everything."""
    simulator.set_clock(f"{NOW:%Y-%m-%dT%H:%M:%SZ}")
    settings.ELECTRICITYMAPS_BASE_URL = simulator.url + "/electricitymaps/v3"
    settings.ELECTRICITYMAPS_API_KEY = "em-simulated-paid-0001"
    settings.ELECTRICITYMAPS_CALLS_PER_DAY = 1000
    return simulator


def stored(hours_ago: int, grams: float, zone: str = "IE") -> None:
    at = THIS_HOUR - hours_ago * HOUR
    GridSample.objects.create(
        zone=zone,
        at=at,
        gco2e_per_kwh=grams,
        source="electricitymaps",
        emission_factor_type="lifecycle",
        is_estimated=False,
        read_at=at,
    )


def at(hours_ago: float, **more: Any) -> dict[str, Any]:
    return LOOKED_UP | {"measured_at": (NOW - hours_ago * HOUR).isoformat()} | more


def test_each_sample_has_the_intensity_of_its_own_hour(send: Send) -> None:
    stored(1, 111.11111)
    stored(200, 222)

    found = [row["sample"] for row in send([at(1), at(200), at(201), EXAMPLE]).json()["results"]]

    assert [row["carbon_intensity_grams_co2e_per_kwh"] for row in found] == [
        "111.1111",
        "222.0000",
        "301.0000",
        "400.0000",
    ]
    assert [row["intensity_source"] for row in found] == [
        "Electricity Maps, IE, 2026-11-18 09:00 UTC, measured",
        "Electricity Maps, IE, 2026-11-10 02:00 UTC, measured",
        "Electricity Maps, IE, the mean of 2025, estimated",
        "given by the caller",
    ]
    assert [row["intensity_is_estimate"] for row in found] == [False, False, True, False]


@pytest.mark.usefixtures("grids")
def test_the_present_hour_is_live(send: Send) -> None:
    body = send(at(0, region="eu-west-3")).json()

    assert body["intensity_source"] == "Electricity Maps, FR, 2026-11-18 10:00 UTC, measured"
    assert body["intensity_is_estimate"] is False


def test_ten_thousand_samples_of_many_zones_and_hours_need_few_queries(
    grids: RunningSimulator, workspace: Workspace
) -> None:
    client = Client(headers=bearer(new_key(workspace)))
    rows = [at(number % 500, **PLACES[number % len(PLACES)]) for number in range(10_000)]

    with CaptureQueriesContext(database) as queries:
        answer = client.post(samples_of(workspace), rows, "application/json")

    assert answer.json()["accepted"] == 10_000
    assert len(queries) <= 9  # as many as for one zone and hour that nobody stored
    zones = {region.zone for region in catalogue().regions}
    latest = grids.journal("electricitymaps", "/electricitymaps/v3/carbon-intensity/latest")
    assert 1 < len(latest) <= len(zones)


def test_a_publisher_that_is_killed_between_two_requests_delays_and_fails_nothing(
    send: Send, mortal: tuple[RunningSimulator, Callable[[], None]]
) -> None:
    _, kill = mortal
    first = send(at(0, region="eu-west-3")).json()

    kill()
    began = time.monotonic()
    again = send([at(0, region="eu-west-3"), at(0, region="eu-central-1")])

    assert again.status_code == 201
    assert time.monotonic() - began < 7
    kept, other = (row["sample"] for row in again.json()["results"])
    assert kept["intensity_source"] == first["intensity_source"]  # of the last five minutes
    assert other["intensity_source"] == "Electricity Maps, DE, the mean of 2025, estimated"


def test_a_publisher_that_hangs_is_not_waited_for_longer_than_its_patience(
    send: Send, grids: RunningSimulator, settings: Any
) -> None:
    # An account of its own: its last answers come when the test is over, and count for nobody else.
    settings.ELECTRICITYMAPS_API_KEY = "em-simulated-paid-0001a"
    grids.set_latency("electricitymaps", 4)

    began = time.monotonic()
    answer = send([at(0, **place) for place in PLACES])

    assert answer.status_code == 201
    assert time.monotonic() - began < 8
    assert UsageSample.objects.filter(is_intensity_estimate=False).count() == 0


def test_a_key_makes_a_sample_whose_intensity_is_newer_by_then_the_same(send: Send) -> None:
    first = send(at(1, external_id="a")).json()
    stored(1, 111)

    again = send(at(1, external_id="a")).json()

    assert again == first
    assert Decimal(again["carbon_intensity_grams_co2e_per_kwh"]) != 111
