"""The client of the UK's Carbon Intensity API, over a real socket."""

from datetime import timedelta
from typing import Any

import pytest

from apps.common.outside import OutsideError
from apps.emissions.grid.errors import NoDataError, UnusableAnswerError
from apps.emissions.grid.uk_carbon_intensity import UkCarbonIntensity
from devstack.simulator.testing import RunningSimulator
from tests.emissions.grid.asking import NOW

HALF_HOUR = timedelta(minutes=30)


@pytest.fixture
def uk(grids: RunningSimulator) -> UkCarbonIntensity:
    return UkCarbonIntensity(grids.url + "/uk-carbon", wait=lambda _: None)


def period(forecast: Any, actual: Any, at: str = "2026-11-18T10:30Z") -> dict[str, Any]:
    return {"from": at, "intensity": {"forecast": forecast, "actual": actual, "index": "low"}}


def test_the_half_hour_in_progress_is_a_forecast_of_direct_emissions(
    uk: UkCarbonIntensity,
) -> None:
    reading = uk.latest("GB", "direct", now=NOW)

    assert (reading.at, reading.emission_factor_type) == (NOW, "direct")
    assert (reading.is_estimated, reading.estimation_method) == (True, "FORECAST")


def test_an_actual_value_goes_before_the_forecast(
    uk: UkCarbonIntensity, grids: RunningSimulator
) -> None:
    grids.add_fixture(path="/uk-carbon/intensity", body={"data": [period(120, 0)]})

    reading = uk.latest("GB", "direct", now=NOW)

    assert (reading.gco2e_per_kwh, reading.is_estimated) == (0, False)


def test_two_days_of_half_hours_begin_with_the_one_in_progress(uk: UkCarbonIntensity) -> None:
    ahead = uk.forecast("GB", "direct", hours=48, now=NOW)

    assert [point.at for point in ahead.points] == [NOW + HALF_HOUR * n for n in range(95)]
    assert len(uk.forecast("GB", "direct", hours=3, now=NOW).points) == 6


def test_history_is_the_last_day(uk: UkCarbonIntensity) -> None:
    day = uk.history("GB", "direct", now=NOW)

    assert (len(day), day[-1].at) == (48, NOW - HALF_HOUR)
    assert not any(reading.is_estimated for reading in day)


@pytest.mark.parametrize(("zone", "factors"), [("FR", "direct"), ("GB", "lifecycle")])
def test_it_knows_nothing_else(uk: UkCarbonIntensity, zone: str, factors: Any) -> None:
    assert not uk.covers(zone, factors)
    with pytest.raises(NoDataError):
        uk.latest(zone, factors, now=NOW)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"data": []}, NoDataError),
        ({"data": [period(None, None)]}, NoDataError),
        ({"data": [period("low", None)]}, UnusableAnswerError),
        ({"data": [period(100, None, "2027-01-01T00:00Z")]}, UnusableAnswerError),
        ({"data": [period(100, None, "soon")]}, UnusableAnswerError),
        ({"data": "none"}, UnusableAnswerError),
        ([], UnusableAnswerError),
    ],
)
def test_what_cannot_be_used_is_refused(
    uk: UkCarbonIntensity, grids: RunningSimulator, body: Any, error: type[OutsideError]
) -> None:
    grids.add_fixture(path="/uk-carbon/intensity", body=body)

    with pytest.raises(error):
        uk.latest("GB", "direct", now=NOW)
