"""The client of Electricity Maps against recorded answers and faults, over a real socket."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from apps.common.outside import BusyError, OutsideError, RefusedError
from apps.common.secrets import Secret
from apps.emissions.grid.electricitymaps import ElectricityMaps
from apps.emissions.grid.errors import (
    BudgetSpentError,
    NoDataError,
    NotInPlanError,
    SandboxKeyError,
    UnusableAnswerError,
)
from devstack.simulator.testing import RunningSimulator
from tests.emissions.grid.asking import (
    FREE,
    HOUR,
    NOW,
    PAID,
    REVOKED,
    SANDBOX,
    THIS_HOUR,
    recorded,
)

Maps = Callable[..., ElectricityMaps]
LATEST = "/electricitymaps/v3/carbon-intensity/latest"


@pytest.fixture
def maps(grids: RunningSimulator) -> Maps:
    def made(key: str = PAID, spend: Callable[[], None] = lambda: None) -> ElectricityMaps:
        url = f"{grids.url}/electricitymaps/v3"
        return ElectricityMaps(url, Secret(key), spend, wait=lambda _: None)

    return made


@pytest.fixture
def answering(grids: RunningSimulator) -> Callable[..., None]:
    """Let a recorded answer stand at an endpoint."""

    def answer(name: str, endpoint: str = "carbon-intensity/latest") -> None:
        grids.add_fixture(path=f"/electricitymaps/v3/{endpoint}", **recorded(name))

    return answer


def test_a_reading_says_where_when_how_much_and_whether_it_was_measured(maps: Maps) -> None:
    reading = maps().latest("FR", "lifecycle", now=NOW)

    assert (reading.zone, reading.at, reading.source) == ("FR", THIS_HOUR, "electricitymaps")
    assert 20 < reading.gco2e_per_kwh < 50
    assert (reading.is_estimated, reading.estimation_method) == (False, None)
    assert maps().latest("DE", "lifecycle", now=NOW).estimation_method == "TIME_SLICER_AVERAGE"


def test_every_question_names_its_zone_its_factors_and_forbids_a_guess(
    maps: Maps, grids: RunningSimulator
) -> None:
    maps().latest("FR", "direct", now=NOW)

    entry = grids.journal("electricitymaps")[-1]
    assert entry["query"] == [
        ["zone", "FR"],
        ["emissionFactorType", "direct"],
        ["disableCallerLookup", "true"],
    ]
    assert entry["headers"]["auth-token"].startswith("****")
    assert entry["headers"]["user-agent"].startswith("carbon-platform/")


def test_direct_factors_are_lower_than_life_cycle(maps: Maps) -> None:
    direct, whole = (maps().latest("DE", kind, now=NOW) for kind in ("direct", "lifecycle"))

    assert direct.gco2e_per_kwh < whole.gco2e_per_kwh
    assert (direct.emission_factor_type, whole.emission_factor_type) == ("direct", "lifecycle")


@pytest.mark.parametrize(
    ("name", "value", "is_estimated"),
    [
        ("latest_measured", 390, False),
        ("latest_estimated", 390, True),
        ("latest_v4", 390, False),
        ("latest_oldest_shape", 302, True),
        ("latest_two_minutes_ahead", 390, False),
        ("owner_disclaimer", 390, False),
    ],
)
def test_every_known_shape_is_understood(
    maps: Maps, answering: Any, *, name: str, value: float, is_estimated: bool
) -> None:
    answering(name)

    reading = maps().latest("DE", "lifecycle", now=NOW)

    assert (reading.gco2e_per_kwh, reading.is_estimated) == (value, is_estimated)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("latest_null", NoDataError),
        ("latest_text", UnusableAnswerError),
        ("latest_negative", UnusableAnswerError),
        ("latest_wrong_zone", UnusableAnswerError),
        ("latest_direct", UnusableAnswerError),
        ("latest_from_tomorrow", UnusableAnswerError),
        ("sandbox_by_method", SandboxKeyError),
        ("sandbox_by_disclaimer", SandboxKeyError),
        ("error_in_200", NoDataError),
        ("endpoint_not_in_plan", NotInPlanError),
        ("zone_not_in_plan", NotInPlanError),
        ("no_recent_data", NoDataError),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_name(
    maps: Maps, answering: Any, name: str, error: type[OutsideError]
) -> None:
    answering(name)

    with pytest.raises(error):
        maps().latest("DE", "lifecycle", now=NOW)


@pytest.mark.parametrize(("name", "kind"), [("wrong_key", "auth"), ("bad_request", "bad_request")])
def test_only_one_of_three_401_blames_the_key(
    maps: Maps, answering: Any, name: str, kind: str
) -> None:
    answering(name)

    with pytest.raises(RefusedError) as refused:
        maps().latest("DE", "lifecycle", now=NOW)
    assert refused.value.kind == kind


def test_keys_are_told_apart(maps: Maps) -> None:
    with pytest.raises(RefusedError, match="Invalid auth-token"):
        maps(REVOKED).latest("DE", "lifecycle", now=NOW)
    with pytest.raises(SandboxKeyError):
        maps(SANDBOX).latest("DE", "lifecycle", now=NOW)
    with pytest.raises(SandboxKeyError):
        maps(SANDBOX).history("DE", "lifecycle", now=NOW)
    with pytest.raises(SandboxKeyError):
        maps(SANDBOX).share("DE", "renewable", now=NOW)
    with pytest.raises(NotInPlanError):
        maps(FREE).forecast("DE", "lifecycle", hours=24, now=NOW)
    with pytest.raises(NotInPlanError):
        maps(FREE).latest("FR", "lifecycle", now=NOW)


@pytest.mark.parametrize(
    ("fault", "tries", "kind", "retry_after"),
    [
        ({"kind": 429}, 1, "rate_limited", None),
        ({"kind": 429, "params": {"retry_after": 30}}, 1, "rate_limited", 30.0),
        ({"kind": 503, "params": {"html": True}}, 2, "transient", None),
        ({"kind": "reset"}, 2, "transient", None),
        ({"kind": "truncated_json"}, 2, "malformed_response", None),
    ],
)
def test_a_busy_service_is_asked_a_second_time_at_most(
    maps: Maps,
    grids: RunningSimulator,
    asked: Callable[..., int],
    *,
    fault: dict[str, Any],
    tries: int,
    kind: str,
    retry_after: float | None,
) -> None:
    grids.add_fault("electricitymaps", **fault)

    with pytest.raises(BusyError) as busy:
        maps().latest("DE", "lifecycle", now=NOW)

    assert (busy.value.kind, busy.value.retry_after) == (kind, retry_after)
    assert asked() == tries
    assert PAID not in str(busy.value)


def test_each_try_is_paid_for_and_none_is_made_on_credit(
    maps: Maps, grids: RunningSimulator, asked: Callable[..., int]
) -> None:
    grids.add_fault("electricitymaps", 503)
    left = [1]

    def spend() -> None:
        if not left[0]:
            raise BudgetSpentError("used up")
        left[0] -= 1

    with pytest.raises(BudgetSpentError):
        maps(spend=spend).latest("DE", "lifecycle", now=NOW)
    assert asked() == 1


@pytest.mark.parametrize(("hours", "points"), [(1, 25), (24, 25), (25, 73), (72, 73)])
def test_a_forecast_is_hourly_from_the_hour_in_progress(
    maps: Maps, *, hours: int, points: int
) -> None:
    ahead = maps().forecast("FR", "lifecycle", hours=hours, now=NOW)

    assert [point.at for point in ahead.points] == [THIS_HOUR + HOUR * n for n in range(points)]
    assert (ahead.zone, ahead.step, ahead.kind) == ("FR", HOUR, "forecast")
    assert ahead.points[0].gco2e_per_kwh == maps().latest("FR", "lifecycle", now=NOW).gco2e_per_kwh


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("forecast_v3", {10: 390, 11: 377, 12: 350, 13: 360}),
        ("forecast_v4", {10: 390, 11: 377, 12: 350, 13: 360}),
        ("forecast_reversed_with_null_and_twice", {10: 390, 12: 350, 13: 360}),
        ("forecast_with_yesterday", {10: 390, 11: 377}),
    ],
)
def test_a_forecast_is_put_in_order_and_keeps_its_holes(
    maps: Maps, answering: Any, name: str, expected: dict[int, float]
) -> None:
    answering(name, "carbon-intensity/forecast")

    ahead = maps().forecast("DE", "lifecycle", hours=24, now=NOW)

    assert [(point.at.hour, point.gco2e_per_kwh) for point in ahead.points] == [*expected.items()]
    assert ahead.generated_at == NOW - timedelta(minutes=18)


@pytest.mark.parametrize(
    ("name", "error"),
    [("forecast_uneven", UnusableAnswerError), ("forecast_empty", NoDataError)],
)
def test_a_forecast_that_is_none_is_refused(
    maps: Maps, answering: Any, name: str, error: type[OutsideError]
) -> None:
    answering(name, "carbon-intensity/forecast")

    with pytest.raises(error):
        maps().forecast("DE", "lifecycle", hours=24, now=NOW)


def test_no_answer_for_another_zone_is_taken(maps: Maps, answering: Any) -> None:
    answering("forecast_v3", "carbon-intensity/forecast")
    answering("history_v4", "carbon-intensity/history")
    answering("share_number", "renewable-energy/latest")

    for ask in (
        lambda: maps().forecast("FR", "lifecycle", hours=24, now=NOW),
        lambda: maps().history("FR", "lifecycle", now=NOW),
        lambda: maps().share("FR", "renewable", now=NOW),
    ):
        with pytest.raises(UnusableAnswerError, match="another zone than FR"):
            ask()


def test_history_is_the_last_day_without_empty_hours(maps: Maps, answering: Any) -> None:
    day = maps().history("FR", "lifecycle", now=NOW)
    assert [reading.at for reading in day] == [THIS_HOUR - HOUR * n for n in range(23, -1, -1)]

    answering("history_v3", "carbon-intensity/history")
    short = maps().history("DE", "lifecycle", now=NOW)
    assert [reading.gco2e_per_kwh for reading in short] == [410, 400]

    answering("history_v4", "carbon-intensity/history")
    assert len(maps().history("DE", "lifecycle", now=NOW)) == 1

    answering("history_sandbox", "carbon-intensity/history")
    with pytest.raises(SandboxKeyError):
        maps().history("DE", "lifecycle", now=NOW)


def test_a_share_may_be_written_as_text(maps: Maps, answering: Any) -> None:
    assert maps().share("FR", "renewable", now=NOW).percent == 27
    assert maps().share("FR", "carbon_free", now=NOW).percent == 94
    for name in ("share_number", "share_text"):
        answering(name, "renewable-energy/latest")
        assert maps().share("DE", "renewable", now=NOW).percent == 58
    answering("share_nonsense", "renewable-energy/latest")
    with pytest.raises(UnusableAnswerError):
        maps().share("DE", "renewable", now=NOW)


def test_access_is_what_the_key_may_see(maps: Maps, answering: Any) -> None:
    assert maps().access()["FR"] == {"*"}
    assert maps(FREE).access() == {"DE": {"carbon-intensity/latest", "carbon-intensity/history"}}
    answering("zones_public", "zones")
    assert maps().access() == {}
    answering("zones_v4", "zones")
    assert maps().access() == {"DE": {"carbon-intensity/latest", "carbon-intensity/forecast"}}
