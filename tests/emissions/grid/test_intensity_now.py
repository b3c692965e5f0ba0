"""Which intensity is the answer: each rung, each fault outside, and that there always is one."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.emissions.grid.base import Intensity
from apps.emissions.models import GridSample
from apps.emissions.services.grid import intensity_now, shares_now
from apps.emissions.services.grid_sources import grid_status
from devstack.simulator.testing import RunningSimulator
from tests.emissions.grid.asking import (
    AVERAGES,
    FREE,
    HOUR,
    NOW,
    PAID,
    REVOKED,
    SANDBOX,
    THIS_HOUR,
    recorded,
)

pytestmark = pytest.mark.django_db

LATEST = "/electricitymaps/v3/carbon-intensity/latest"


def ask(zone: str = "DE", now: datetime = NOW, **more: Any) -> Intensity:
    return intensity_now([zone], now=now, averages=AVERAGES, **more)[zone]


def sample(at: datetime, value: float, **more: Any) -> GridSample:
    told = {"zone": "DE", "source": "electricitymaps", "emission_factor_type": "lifecycle"} | more
    return GridSample(at=at, gco2e_per_kwh=value, is_estimated=False, read_at=at, **told)


def week(value: float = 300.0, **more: Any) -> None:
    """Five days of this hour, around `value`, and of the hour before, far away from it."""
    for day in range(1, 6):
        sample(THIS_HOUR - timedelta(days=day), value + day - 3, **more).save()
        sample(THIS_HOUR - timedelta(days=day, hours=1), 900, **more).save()


@pytest.mark.usefixtures("grids")
def test_a_measurement_of_now_goes_first_and_says_so() -> None:
    answer = ask("FR")

    assert (answer.rung, answer.is_estimate) == ("live_measured", False)
    assert (answer.at, answer.age) == (THIS_HOUR, timedelta(minutes=30))
    assert answer.source == "electricitymaps"
    assert answer.reason == "Live: measured, says Electricity Maps for 2026-11-18 10:00 UTC."


@pytest.mark.usefixtures("grids")
def test_an_estimate_of_now_is_marked() -> None:
    answer = ask("DE")

    assert (answer.rung, answer.is_estimated, answer.is_estimate) == ("live_estimated", True, True)
    assert answer.estimation_method == "TIME_SLICER_AVERAGE"


def test_within_five_minutes_nobody_outside_is_asked_again(
    grids: RunningSimulator, asked: Callable[..., int]
) -> None:
    first, second = ask("FR"), ask("FR", now=NOW + timedelta(minutes=4))

    assert (asked(), second.rung) == (1, "live_measured")
    assert second.gco2e_per_kwh == first.gco2e_per_kwh
    assert second.age == timedelta(minutes=34)
    assert grids.journal("electricitymaps", "/electricitymaps/v3/zones")


def test_a_value_of_a_few_minutes_is_handed_out_at_once_while_it_is_renewed(
    grids: RunningSimulator, asked: Callable[..., int], eventually: Any
) -> None:
    ask("FR")
    later = NOW + timedelta(minutes=7)
    grids.set_latency("electricitymaps", 0.3)

    began = time.monotonic()
    answer = ask("FR", now=later)
    took_s = time.monotonic() - began

    assert (answer.rung, took_s < 0.25) == ("stale", True)
    assert "A newer value is being read" in answer.reason
    eventually(lambda: asked() == 2 and ask("FR", now=later).rung == "live_measured")
    assert asked() == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": 401},
        {"kind": 404},
        {"kind": 400},
        {"kind": 403},
        {"kind": 429},
        {"kind": 429, "params": {"retry_after": 30}},
        {"kind": 503, "params": {"html": True}},
        {"kind": "reset"},
        {"kind": "empty_body"},
    ],
)
def test_whatever_goes_wrong_outside_there_is_a_marked_answer(
    grids: RunningSimulator, fault: dict[str, Any]
) -> None:
    grids.add_fault("electricitymaps", path="/carbon-intensity", **fault)

    answer = ask()

    assert (answer.rung, answer.gco2e_per_kwh, answer.is_estimate) == ("zone_average", 334.0, True)
    assert "The mean of the zone in 2025, by Electricity Maps, stands in." in answer.reason


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("latest_null", "has no value"),
        ("latest_wrong_zone", "answered for another zone than DE"),
        ("latest_from_tomorrow", "dated in the future"),
        ("error_in_200", "has no value for DE"),
        ("endpoint_not_in_plan", "Request unauthorized"),
        ("sandbox_by_disclaimer", "sandbox key"),
    ],
)
def test_what_must_not_be_used_is_not_used_and_the_reason_is_told(
    grids: RunningSimulator, name: str, reason: str
) -> None:
    grids.add_fixture(path=LATEST, **recorded(name))

    answer = ask()

    assert (answer.rung, answer.gco2e_per_kwh) == ("zone_average", 334.0)
    assert reason in answer.reason


def test_a_zone_outside_the_plan_does_not_spoil_the_others(
    grids: RunningSimulator, settings: Any, asked: Callable[..., int]
) -> None:
    settings.ELECTRICITYMAPS_API_KEY = FREE

    answers = intensity_now(["DE", "FR"], now=NOW, averages=AVERAGES)

    assert [answers[zone].rung for zone in ("DE", "FR")] == ["live_estimated", "zone_average"]
    assert "plan of Electricity Maps does not hold FR" in answers["FR"].reason
    assert asked() == 1
    assert grid_status(now=NOW).trouble is None
    assert grids.journal("electricitymaps", LATEST)[0]["status"] == 200


def test_a_refusal_by_the_plan_is_remembered_for_that_zone_alone(
    grids: RunningSimulator, asked: Callable[..., int]
) -> None:
    grids.add_fixture(path=LATEST, query={"zone": "FR"}, **recorded("zone_not_in_plan"))

    for minutes in (0, 10, 20):
        ask("FR", now=NOW + timedelta(minutes=minutes))
    answer = ask("SE-SE3")

    assert (asked(), answer.rung) == (2, "live_measured")


@pytest.mark.parametrize(
    ("key", "kind"), [(REVOKED, "auth"), (SANDBOX, "sandbox_key"), ("with space", "auth")]
)
def test_a_key_that_does_not_work_is_tried_once_and_told_to_the_operator(
    grids: RunningSimulator, settings: Any, asked: Callable[..., int], key: str, kind: str
) -> None:
    settings.ELECTRICITYMAPS_API_KEY = key

    rungs = {ask(zone).rung for zone in ("DE", "FR", "DE")}

    assert rungs == {"zone_average"}
    assert asked() <= 1
    trouble = grid_status(now=NOW).trouble
    assert trouble is not None
    assert trouble.kind == kind
    assert key not in trouble.reason
    settings.ELECTRICITYMAPS_API_KEY = PAID
    assert ask("FR").rung == "live_measured"
    assert grids.journal("electricitymaps")


def test_after_a_429_nobody_is_asked_for_a_while(
    grids: RunningSimulator, asked: Callable[..., int]
) -> None:
    grids.add_fault("electricitymaps", 429, path="/carbon-intensity")

    for zone in ("DE", "FR", "GB", "SE-SE3"):
        assert ask(zone).rung == "zone_average"

    assert asked() == 1


def test_a_source_that_died_leaves_its_last_values_marked_as_old(
    grids: RunningSimulator,
) -> None:
    before = ask("FR")
    grids.add_fault("electricitymaps", "reset")

    answer = ask("FR", now=NOW + 2 * HOUR)

    assert (answer.rung, answer.gco2e_per_kwh) == ("stale", before.gco2e_per_kwh)
    assert (answer.at, answer.age) == (THIS_HOUR, timedelta(hours=2, minutes=30))
    assert "could not be reached" in answer.reason
    assert "stands in" in answer.reason


def test_a_dead_source_fails_fast_for_many_zones(
    grids: RunningSimulator, asked: Callable[..., int]
) -> None:
    grids.add_fault("electricitymaps", "reset")
    zones = [f"ZZ-{number}" for number in range(58)]

    answers = intensity_now(zones, now=NOW, averages=AVERAGES)

    assert {answer.rung for answer in answers.values()} == {"unknown"}
    assert asked() < 2 * 58


def test_an_old_value_is_not_live_however_fresh_the_answer(grids: RunningSimulator) -> None:
    grids.add_fixture(path=LATEST, **recorded("latest_nine_hours_old"))

    answer = ask()

    assert (answer.rung, answer.age) == ("stale", timedelta(hours=9, minutes=30))
    assert "nothing newer" in answer.reason


def test_a_clock_that_is_a_little_ahead_is_forgiven(grids: RunningSimulator) -> None:
    grids.add_fixture(path=LATEST, **recorded("latest_two_minutes_ahead"))

    answer = ask()

    assert (answer.rung, answer.age) == ("live_measured", timedelta())


def test_without_a_live_value_the_pattern_of_the_last_days_stands_in(settings: Any) -> None:
    settings.ELECTRICITYMAPS_API_KEY = ""
    week()
    sample(THIS_HOUR - timedelta(days=8), 5000).save()  # too old
    week(50, emission_factor_type="direct")  # other factors

    answer = ask()

    assert (answer.rung, answer.gco2e_per_kwh) == ("recent_pattern", 300.0)
    assert answer.age == timedelta(days=1, minutes=30)
    assert answer.reason == (
        "No key of Electricity Maps is set. The mean of this hour over 5 of the last days, "
        "by Electricity Maps, stands in."
    )


def test_two_days_are_no_pattern(settings: Any) -> None:
    settings.ELECTRICITYMAPS_API_KEY = ""
    for day in (1, 2):
        sample(THIS_HOUR - timedelta(days=day), 300).save()

    assert ask().rung == "zone_average"


def test_tables_come_last_and_what_they_do_not_know_is_unknown(settings: Any) -> None:
    settings.ELECTRICITYMAPS_API_KEY = ""

    answers = intensity_now(["DE", "US-AK", "XX"], now=NOW, averages=AVERAGES)

    assert [answer.rung for answer in answers.values()] == [
        "zone_average",
        "country_average",
        "unknown",
    ]
    assert (answers["DE"].at, answers["DE"].source) == (
        datetime(2025, 1, 1, tzinfo=UTC),
        "electricitymaps_annual",
    )
    assert (answers["US-AK"].gco2e_per_kwh, answers["US-AK"].source) == (380.0, "ember")
    assert "with other factors" in answers["US-AK"].reason
    assert (answers["XX"].gco2e_per_kwh, answers["XX"].at, answers["XX"].age) == (None, None, None)
    assert all(answer.is_estimate for answer in answers.values())


def test_the_catalogue_of_the_release_is_the_table_when_none_is_given(settings: Any) -> None:
    settings.ELECTRICITYMAPS_API_KEY = ""

    answer = intensity_now(["FR"], now=NOW)["FR"]

    assert (answer.rung, answer.source) == ("zone_average", "electricitymaps_annual")


def test_the_uk_without_a_key_is_live_in_direct_factors_and_never_among_life_cycle_ones(
    grids: RunningSimulator, settings: Any
) -> None:
    settings.ELECTRICITYMAPS_API_KEY = ""

    direct = intensity_now(["GB", "DE"], now=NOW, emission_factor_type="direct", averages=AVERAGES)
    whole = ask("GB")

    assert (direct["GB"].source, direct["GB"].rung) == ("uk_carbon_intensity", "live_estimated")
    assert (direct["DE"].rung, direct["DE"].gco2e_per_kwh) == ("unknown", None)
    assert {answer.emission_factor_type for answer in direct.values()} == {"direct"}
    assert (whole.rung, whole.emission_factor_type) == ("zone_average", "lifecycle")
    assert not grids.journal("electricitymaps")


def test_direct_values_of_britain_fall_back_from_the_free_source_to_the_paid_one(
    grids: RunningSimulator,
) -> None:
    grids.add_fault("uk_carbon", 404)

    answer = ask("GB", emission_factor_type="direct")

    assert (answer.source, answer.emission_factor_type) == ("electricitymaps", "direct")


def test_a_cache_that_is_down_leaves_the_tables(grids: RunningSimulator, settings: Any) -> None:
    settings.CACHES = {
        "default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/2"}
    }

    answer = ask("FR")

    assert (answer.rung, answer.gco2e_per_kwh) == ("zone_average", 31.0)
    assert "The cache is down" in answer.reason
    assert not grids.journal("electricitymaps")
    status = grid_status(now=NOW)
    assert status.trouble is not None
    assert status.trouble.kind == "no_cache"


def test_no_zones_no_answers(grids: RunningSimulator) -> None:
    assert intensity_now([], now=NOW) == {}
    assert not grids.journal()


def test_shares_are_live_or_none(grids: RunningSimulator, settings: Any) -> None:
    shares = shares_now("carbon_free", ["FR", "DE"], now=NOW)
    assert [share.percent for share in shares.values() if share] == [94, 58]

    grids.add_fault("electricitymaps", 404)
    assert shares_now("renewable", ["FR"], now=NOW) == {"FR": None}

    settings.ELECTRICITYMAPS_API_KEY = ""
    assert shares_now("carbon_free", ["FR"], now=NOW) == {"FR": None}
