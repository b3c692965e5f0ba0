"""POST /schedule: the best window, or none and why."""

from typing import Any

import pytest

from devstack.simulator.testing import RunningSimulator
from tests.contract import ContractClient
from tests.emissions.optimizing import client, fault, grids, told, week_of

__all__ = ["client", "grids"]  # fixtures


def scheduled(client: ContractClient, **members: Any) -> dict[str, Any]:
    return told(client, "/schedule", {"region": "us-west-2", "duration_hours": 4, **members})


def nothing(found: dict[str, Any], why: str) -> None:
    assert found["optimal_window"] is None
    assert found["window"]["why_none"] == why
    assert found["reason"] == found["window"]["reason"] != ""
    assert set(found["savings_potential"].values()) == {None}


@pytest.mark.usefixtures("grids")
def test_the_published_example_is_answered_with_every_field_it_shows(
    client: ContractClient,
) -> None:
    found = scheduled(client)

    assert (found["region"], found["zone"]) == ("us-west-2", "US-NW-PACW")
    window = found["optimal_window"]
    assert window["duration_hours"] == 4
    assert window["start_time"].endswith("Z")
    assert isinstance(found["current_intensity"], float)
    assert found["savings_potential"]["current_vs_optimal_gco2_kwh"] == pytest.approx(
        found["current_intensity"] - window["avg_carbon_intensity"]
    )
    assert found["savings_potential"]["start_now_vs_optimal_gco2_kwh"] >= 0
    assert found["is_estimate"] is True


def test_the_window_with_the_lowest_mean_wins_and_the_saving_is_against_now(
    client: ContractClient,
) -> None:
    week_of("US-NW-PACW", lambda hour: 50.0 if hour in {20, 21} else 150.0)

    found = scheduled(client, duration_hours=2)

    assert found["optimal_window"]["start_time"] == "2026-11-18T20:00:00Z"
    assert found["optimal_window"]["end_time"] == "2026-11-18T22:00:00Z"
    assert found["optimal_window"]["avg_carbon_intensity"] == 50
    assert found["savings_potential"]["start_now_vs_optimal_gco2_kwh"] == 100
    assert found["savings_potential"]["start_now_vs_optimal_percentage"] == pytest.approx(200 / 3)
    assert found["window"]["forecast"]["kind"] == "pattern"
    assert "no forecast" in found["reason"]


def test_an_interruptible_job_takes_the_best_hours(client: ContractClient) -> None:
    week_of("US-NW-PACW", lambda hour: 50.0 if hour in {13, 20} else 150.0)

    spans = scheduled(client, duration_hours=2, interruptible=True)["optimal_window"]["spans"]

    assert [span["start_time"] for span in spans] == [
        "2026-11-18T13:00:00Z",
        "2026-11-18T20:00:00Z",
    ]
    assert len(scheduled(client, duration_hours=2)["optimal_window"]["spans"]) == 1


def test_a_window_lies_between_not_before_and_the_deadline(client: ContractClient) -> None:
    week_of("US-NW-PACW")

    found = scheduled(
        client,
        duration_hours=2,
        not_before="2026-11-18T17:30:00+02:00",
        deadline="2026-11-18T20:00:00Z",
    )

    assert found["optimal_window"]["start_time"] == "2026-11-18T15:30:00Z"
    assert found["optimal_window"]["end_time"] == "2026-11-18T17:30:00Z"
    assert scheduled(client, not_before="2020-01-01T00:00:00Z")["optimal_window"] is not None


def test_where_nothing_fits_there_is_a_reason_and_no_shorter_window(
    client: ContractClient,
) -> None:
    nothing(scheduled(client), "no_forecast")
    week_of("US-NW-PACW")

    nothing(scheduled(client, deadline="2026-11-18T14:29:00Z"), "deadline_too_early")
    nothing(scheduled(client, duration_hours=100), "horizon_too_short")
    nothing(scheduled(client, not_before="2026-12-24T00:00:00Z"), "horizon_too_short")


@pytest.mark.usefixtures("grids")
def test_a_job_of_two_days_finds_room_in_three(client: ContractClient) -> None:
    assert scheduled(client, duration_hours=48)["optimal_window"]["duration_hours"] == 48
    nothing(scheduled(client, duration_hours=73), "horizon_too_short")


def test_a_publisher_that_fails_leaves_the_reason(
    grids: RunningSimulator, client: ContractClient
) -> None:
    grids.add_fault("electricitymaps", "reset")

    found = scheduled(client)

    nothing(found, "no_forecast")
    assert found["intensity"]["rung"] == "zone_average"
    assert found["intensity"]["is_estimate"] is True


def test_a_window_and_the_present_have_the_same_kind_of_factors(
    grids: RunningSimulator, client: ContractClient, settings: Any
) -> None:
    settings.ELECTRICITYMAPS_API_KEY = ""

    found = scheduled(client, region="eu-west-2")

    assert grids.journal("uk_carbon")
    assert found["window"]["forecast"]["emission_factor_type"] == "direct"
    assert found["intensity"]["emission_factor_type"] == "direct"
    assert found["window"]["forecast"]["step_minutes"] == 30


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"region": "nowhere"}, "region"),
        ({"duration_hours": 0}, "duration_hours"),
        ({"duration_hours": -4}, "duration_hours"),
        ({"deadline": "2026-11-18T10:00:00Z"}, "deadline"),
        (
            {"not_before": "2026-11-19T10:00:00Z", "deadline": "2026-11-19T09:00:00Z"},
            "deadline",
        ),
        ({"not_before": "9999-12-31T23:59:59Z"}, "not_before"),
        ({"not_before": "2026-11-19T10:00:00"}, "not_before"),
        ({"interruptible": "yes"}, "interruptible"),
    ],
)
def test_a_bad_member_is_named(client: ContractClient, members: dict[str, Any], name: str) -> None:
    assert fault(client, "/schedule", {"region": "us-west-2", **members}) == name


def test_the_shortest_and_the_farthest_that_may_be_asked_are_answered(
    client: ContractClient,
) -> None:
    week_of("US-NW-PACW")

    assert scheduled(client, duration_hours=1e-6)["optimal_window"] is not None
    nothing(scheduled(client, duration_hours=8760), "horizon_too_short")
    assert scheduled(client, deadline="9999-12-31T23:59:59-14:00")["optimal_window"] is not None
