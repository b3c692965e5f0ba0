"""The intensity of past hours and of the present one: which it is, and how often one asks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from apps.emissions.models import GridSample
from apps.emissions.services.grid_hours import hour_intensities, zone_of
from devstack.simulator.testing import RunningSimulator

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)
THIS_HOUR = NOW.replace(minute=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONTHS_AGO = THIS_HOUR - 100 * DAY
SANDBOX = "em-simulated-sandbox-0001"


@pytest.fixture
def grids(simulator: RunningSimulator, settings: Any) -> RunningSimulator:
    """Electricity Maps at half past ten, with a key that may see everything."""
    simulator.set_clock(f"{NOW:%Y-%m-%dT%H:%M:%SZ}")
    settings.ELECTRICITYMAPS_BASE_URL = simulator.url + "/electricitymaps/v3"
    settings.ELECTRICITYMAPS_API_KEY = "em-simulated-paid-0001"
    settings.ELECTRICITYMAPS_CALLS_PER_DAY = 1000
    return simulator


@pytest.fixture
def calls(grids: RunningSimulator) -> Callable[[], int]:
    """How often Electricity Maps was asked for a latest value."""
    path = "/electricitymaps/v3/carbon-intensity/latest"
    return lambda: len(grids.journal("electricitymaps", path))


def stored(at: datetime, grams: float, zone: str = "DE", **more: Any) -> None:
    told: dict[str, Any] = {"source": "electricitymaps", "emission_factor_type": "lifecycle"}
    told |= {"is_estimated": False, "read_at": at} | more
    GridSample.objects.create(zone=zone, at=at, gco2e_per_kwh=grams, **told)


def week(grams: float = 300.0, **more: Any) -> None:
    """Five days of the hour before this one, and of this one far away from it."""
    for day in range(1, 6):
        stored(THIS_HOUR - DAY * day - HOUR, grams + day - 3, **more)
        stored(THIS_HOUR - DAY * day, 900, **more)


def asked(at: datetime, zone: str = "DE") -> tuple[float, str, bool]:
    return tuple(hour_intensities([(zone, at)], now=NOW)[zone, at])  # type: ignore[return-value]


def test_the_stored_hour_goes_first() -> None:
    stored(MONTHS_AGO, 123.4)

    assert asked(MONTHS_AGO) == (
        123.4,
        "Electricity Maps, DE, 2026-08-10 10:00 UTC, measured",
        False,
    )


def test_an_hour_that_was_estimated_says_so() -> None:
    stored(MONTHS_AGO, 123.4, is_estimated=True, estimation_method="TIME_SLICER_AVERAGE")

    assert asked(MONTHS_AGO)[1:] == ("Electricity Maps, DE, 2026-08-10 10:00 UTC, estimated", True)


def test_of_two_words_on_an_hour_the_measured_one_counts() -> None:
    stored(MONTHS_AGO, 1, source="another", is_estimated=True, read_at=NOW)
    stored(MONTHS_AGO, 2)

    assert asked(MONTHS_AGO)[0] == 2


@pytest.mark.parametrize(
    "other",
    [
        {"emission_factor_type": "direct"},
        {"zone": "FR"},
        {"at": MONTHS_AGO - HOUR},
        {"estimation_method": "SANDBOX_MODE_DATA"},
    ],
)
def test_other_factors_zones_hours_and_invented_values_never_stand_in(other: Any) -> None:
    stored(**{"at": MONTHS_AGO, "grams": 1.0} | other)

    assert asked(MONTHS_AGO)[1] == "Electricity Maps, DE, the mean of 2025, estimated"


def test_the_hour_in_progress_is_live(grids: RunningSimulator, calls: Callable[[], int]) -> None:
    _, told, is_estimate = asked(THIS_HOUR, "FR")

    assert (told, is_estimate) == ("Electricity Maps, FR, 2026-11-18 10:00 UTC, measured", False)
    assert calls() == 1
    assert grids.journal("electricitymaps")


@pytest.mark.usefixtures("grids")
def test_many_zones_and_hours_need_as_many_queries_as_one(calls: Callable[[], int]) -> None:
    zones = ("DE", "FR", "IE", "SE-SE3")
    hours = [THIS_HOUR - number * HOUR for number in range(400)]

    with CaptureQueriesContext(database) as queries:
        found = hour_intensities([(zone, at) for zone in zones for at in hours], now=NOW)

    assert len(found) == len(zones) * len(hours)
    assert len(queries) == 2  # the stored hours, and the pattern of the last days
    assert calls() == len(zones)


def test_nothing_wanted_asks_nobody(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert hour_intensities([], now=NOW) == {}


def test_an_hour_of_the_last_days_is_as_it_was_on_the_other_days() -> None:
    week()

    assert asked(THIS_HOUR - 6 * DAY - HOUR) == (
        300.0,
        "Electricity Maps, DE, this hour of the last days, estimated",
        True,
    )


@pytest.mark.parametrize(
    "other", [{"emission_factor_type": "direct"}, {"estimation_method": "SANDBOX_MODE_DATA"}]
)
def test_a_pattern_is_of_the_same_factors(other: Any) -> None:
    week(**other)

    assert "the mean of 2025" in asked(THIS_HOUR - HOUR)[1]


def test_there_is_no_pattern_for_older_hours_nor_for_hours_to_come() -> None:
    week()

    for at in (THIS_HOUR - 8 * DAY, THIS_HOUR + HOUR, THIS_HOUR + 23 * HOUR):
        assert asked(at)[1] == "Electricity Maps, DE, the mean of 2025, estimated"


def test_two_days_are_no_pattern() -> None:
    for day in (1, 2):
        stored(THIS_HOUR - DAY * day - HOUR, 1)

    assert "the mean of 2025" in asked(THIS_HOUR - HOUR)[1]


def test_a_year_has_its_own_mean() -> None:
    told = [asked(datetime(year, 5, 1, tzinfo=UTC), "AE")[:2] for year in (2019, 2022, 2026)]

    assert told == [
        (348.0, "Electricity Maps, AE, the mean of 2025, estimated"),
        (406.0, "Electricity Maps, AE, the mean of 2022, estimated"),
        (348.0, "Electricity Maps, AE, the mean of 2025, estimated"),
    ]


def test_a_zone_of_which_nothing_is_known_has_no_answer() -> None:
    places = [("ATLANTIS", at) for at in (THIS_HOUR, MONTHS_AGO, THIS_HOUR - HOUR)]

    assert hour_intensities(places, now=NOW) == {}


@pytest.mark.usefixtures("grids")
def test_invented_numbers_of_a_sandbox_key_are_not_used(settings: Any) -> None:
    settings.ELECTRICITYMAPS_API_KEY = SANDBOX

    assert asked(THIS_HOUR)[1] == "Electricity Maps, DE, the mean of 2025, estimated"


@pytest.mark.parametrize("kind", [503, "reset", "empty_body", 429])
def test_a_publisher_in_trouble_gives_way_to_the_pattern(
    grids: RunningSimulator, kind: Any
) -> None:
    grids.add_fault("electricitymaps", kind)
    for day in range(1, 6):
        stored(THIS_HOUR - DAY * day, 200)

    assert asked(THIS_HOUR) == (
        200.0,
        "Electricity Maps, DE, this hour of the last days, estimated",
        True,
    )


def test_a_publisher_that_goes_away_leaves_its_last_word(grids: RunningSimulator) -> None:
    live = asked(THIS_HOUR, "FR")
    grids.add_fault("electricitymaps", "reset")

    later = NOW + timedelta(minutes=50)
    place = ("FR", THIS_HOUR + HOUR)
    found = hour_intensities([place], now=later)[place]

    assert found == (live[0], "Electricity Maps, FR, 2026-11-18 10:00 UTC, the last known", True)


def test_the_zone_of_a_region_is_found_without_case_and_by_another_name_of_the_cloud() -> None:
    assert zone_of("Amazon Web Services", "EU-West-1") == "IE"
    assert zone_of("aws", "europe-west1") is None
    assert zone_of("nobody", "eu-west-1") is None
