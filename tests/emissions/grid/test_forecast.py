"""A zone's next hours: from a source, from the last days, or not at all and why."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from apps.emissions.grid.base import Forecast, Outlook
from apps.emissions.models import GridSample
from apps.emissions.services.grid_forecast import forecast
from devstack.simulator.testing import RunningSimulator
from tests.emissions.grid.asking import FREE, HOUR, NOW, THIS_HOUR, recorded

pytestmark = pytest.mark.django_db

PATH = "carbon-intensity/forecast"


def week_of(zone: str, factors: str = "lifecycle") -> None:
    """Five days, each hour with the value of its number times ten."""
    GridSample.objects.bulk_create(
        GridSample(
            zone=zone,
            at=at,
            gco2e_per_kwh=at.hour * 10,
            source="electricitymaps",
            emission_factor_type=factors,
            is_estimated=False,
            read_at=at,
        )
        for at in (THIS_HOUR - HOUR * number for number in range(1, 5 * 24 + 1))
    )


def found(outlook: Outlook) -> Forecast:
    assert outlook.forecast is not None
    return outlook.forecast


@pytest.mark.usefixtures("grids")
def test_a_forecast_covers_the_hours_that_were_asked_for() -> None:
    outlook = forecast("FR", hours=24, now=NOW)

    ahead = found(outlook)
    assert (ahead.kind, ahead.emission_factor_type, outlook.is_stale) == (
        "forecast",
        "lifecycle",
        False,
    )
    assert [point.at for point in ahead.points] == [THIS_HOUR + HOUR * n for n in range(25)]
    assert outlook.reason == "The forecast of Electricity Maps, made at 2026-11-18 10:30 UTC."
    assert len(found(forecast("FR", hours=3, now=NOW)).points) == 4
    assert len(found(forecast("FR", hours=72, now=NOW)).points) == 73


def test_within_half_an_hour_it_is_read_once_and_begins_with_the_present(
    asked: Callable[..., int],
) -> None:
    forecast("FR", hours=24, now=NOW)
    later = NOW + timedelta(minutes=29)

    assert found(forecast("FR", hours=2, now=later)).points[0].at == THIS_HOUR
    assert asked(PATH) == 1


def test_an_older_one_is_handed_out_while_it_is_renewed(
    asked: Callable[..., int], eventually: Callable[[Callable[[], bool]], None]
) -> None:
    forecast("FR", hours=24, now=NOW)
    later = NOW + timedelta(minutes=40)

    outlook = forecast("FR", hours=24, now=later)

    assert outlook.is_stale
    assert found(outlook).points[0].at == THIS_HOUR + HOUR
    assert outlook.reason.startswith("A newer one is being read.")
    eventually(lambda: not forecast("FR", hours=24, now=later).is_stale)
    assert asked(PATH) == 2


def test_a_source_that_died_leaves_its_last_forecast_marked(grids: RunningSimulator) -> None:
    forecast("FR", hours=24, now=NOW)
    grids.add_fault("electricitymaps", 503)

    outlook = forecast("FR", hours=24, now=NOW + 4 * HOUR)

    assert outlook.is_stale
    assert found(outlook).points[0].at == THIS_HOUR + 4 * HOUR
    assert "answered 503" in outlook.reason


def test_holes_stay_holes(grids: RunningSimulator) -> None:
    answer = recorded("forecast_reversed_with_null_and_twice")
    grids.add_fixture(path=f"/electricitymaps/v3/{PATH}", **answer)

    points = found(forecast("DE", hours=24, now=NOW)).points

    assert [point.at.hour for point in points] == [10, 12, 13]


def test_a_plan_without_forecasts_gets_the_pattern_and_its_name(
    settings: Any, asked: Callable[..., int]
) -> None:
    settings.ELECTRICITYMAPS_API_KEY = FREE
    week_of("DE")
    week_of("DE", "direct")

    outlook = forecast("DE", hours=24, now=NOW)

    ahead = found(outlook)
    assert (ahead.kind, ahead.source, ahead.step) == ("pattern", "electricitymaps", HOUR)
    assert [point.gco2e_per_kwh for point in ahead.points] == [
        (10 + n) % 24 * 10 for n in range(25)
    ]
    assert "does not hold DE" in outlook.reason
    assert "no forecast" in outlook.reason
    assert asked(PATH) == 0


def test_without_a_key_britain_has_half_hours_in_direct_factors(
    grids: RunningSimulator, settings: Any
) -> None:
    settings.ELECTRICITYMAPS_API_KEY = ""

    ahead = found(forecast("GB", hours=48, now=NOW))

    assert (ahead.source, ahead.emission_factor_type) == ("uk_carbon_intensity", "direct")
    assert (ahead.step, ahead.points[0].at, len(ahead.points)) == (HOUR / 2, NOW, 95)
    wished = forecast("GB", hours=48, now=NOW, emission_factor_type="lifecycle")
    assert wished.forecast is None
    assert not grids.journal("electricitymaps")


def test_life_cycle_goes_before_direct_where_both_are_known(grids: RunningSimulator) -> None:
    ahead = found(forecast("GB", hours=24, now=NOW))
    direct = found(forecast("GB", hours=24, now=NOW, emission_factor_type="direct"))

    assert (ahead.source, ahead.emission_factor_type) == ("electricitymaps", "lifecycle")
    assert (direct.source, direct.emission_factor_type) == ("uk_carbon_intensity", "direct")
    grids.add_fault("electricitymaps", 404, path="/carbon-intensity")
    assert found(forecast("GB", hours=72, now=NOW)).source == "uk_carbon_intensity"


def test_who_wishes_for_no_type_is_not_given_direct_values_of_a_source_that_has_both(
    grids: RunningSimulator, asked: Callable[..., int]
) -> None:
    grids.add_fault("electricitymaps", 404, path="/carbon-intensity", on_calls=[1])

    assert forecast("FR", hours=24, now=NOW).forecast is None
    assert asked(PATH) == 1


def test_where_nothing_is_known_there_is_a_reason(settings: Any) -> None:
    settings.ELECTRICITYMAPS_API_KEY = ""

    outlook = forecast("DE", hours=24, now=NOW)

    assert outlook.forecast is None
    assert outlook.reason == "No key of Electricity Maps is set. No days of DE are stored."


@pytest.mark.parametrize("hours", [0, 73])
def test_hours_beyond_what_anybody_forecasts_are_refused(hours: int) -> None:
    with pytest.raises(ValueError, match="1 to 72"):
        forecast("DE", hours=hours, now=NOW)
