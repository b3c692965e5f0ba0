"""POST /optimize: live, from the tables, and what it refuses."""

from typing import Any

import pytest

from apps.emissions.services import scheduling
from devstack.simulator.testing import RunningSimulator
from tests.contract import ContractClient
from tests.emissions.optimizing import (
    NOW,
    NUMBER,
    OPTIMIZE,
    TRAINING,
    client,
    grids,
    holds,
    optimized,
    told,
    week_of,
)

__all__ = ["client", "grids"]  # fixtures

P4D = {"instance_type": "p4d.24xlarge"}
RECOMMENDED: dict[str, Any] = {
    "region": str,
    "zone": str,
    "instance_type": str,
    "carbon_intensity_gco2_kwh": NUMBER,
    "renewable_percentage": NUMBER,
    "estimated_co2_emissions_kg": NUMBER,
    "estimated_co2_emissions_g": NUMBER,
    "power_consumption_kwh": NUMBER,
    "duration_hours": NUMBER,
}
WINDOW: dict[str, Any] = {
    "start_time": str,
    "end_time": str,
    "avg_carbon_intensity": NUMBER,
    "duration_hours": NUMBER,
}


def asked_for_training(client: ContractClient) -> dict[str, Any]:
    """The first request that the published examples show."""
    return optimized(client, region="us-west-2", duration_hours=24)


@pytest.mark.usefixtures("grids")
def test_the_published_example_is_answered_with_every_field_it_shows(
    client: ContractClient,
) -> None:
    found = asked_for_training(client)

    assert (found["workload_type"], found["priority"]) == ("training", "carbon")
    assert found["timestamp"] == f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    assert found["recommendations"]
    for row in found["recommendations"]:
        holds(row, RECOMMENDED)
        holds(row["optimal_time_window"], WINDOW)
        assert row["region"] == "us-west-2"
        assert row["estimated_co2_emissions_g"] == row["co2e_grams"]["central"]
        assert row["estimated_co2_emissions_kg"] * 1000 == pytest.approx(
            row["co2e_grams"]["central"]
        )
    holds(
        found["carbon_savings"],
        {
            "potential_savings_kg": NUMBER,
            "potential_savings_percentage": NUMBER,
            "comparison": str,
        },
    )
    assert all(isinstance(each, str) for each in found["service_optimizations"])
    assert found["metadata"]["total_regions_analyzed"] == 1
    assert found["metadata"]["duration_hours"] == 24
    assert found["metadata"]["api_data_freshness"] == "Real-time (5min cache)"


@pytest.mark.usefixtures("grids")
def test_a_live_answer_says_where_each_intensity_comes_from(client: ContractClient) -> None:
    first = asked_for_training(client)["recommendations"][0]

    assert first["intensity"] == {
        "gco2e_per_kwh": first["carbon_intensity_gco2_kwh"],
        "source": "electricitymaps",
        "at": "2026-11-18T10:00:00Z",
        "age_seconds": 1800,
        "rung": "live_measured",
        "reason": "Live: measured, says Electricity Maps for 2026-11-18 10:00 UTC.",
        "emission_factor_type": "lifecycle",
        "is_estimate": False,
        "estimation_method": None,
    }
    assert first["is_estimate"] is True  # its power is modelled all the same
    assert first["window"]["forecast"]["kind"] == "forecast"
    assert first["window"]["why_none"] is None


def test_without_a_key_the_yearly_means_answer_and_say_why(client: ContractClient) -> None:
    found = optimized(client, duration_hours=48)

    assert found["metadata"]["total_regions_analyzed"] == 38
    assert found["metadata"]["rungs"].keys() == {"zone_average"}
    for row in found["recommendations"]:
        assert row["cloud"] == "aws"
        assert row["intensity"]["rung"] == "zone_average"
        assert row["intensity"]["is_estimate"] is row["is_estimate"] is True
        assert row["intensity"]["reason"].startswith("No key of Electricity Maps is set.")
        assert row["optimal_time_window"] is None
        assert row["window"]["why_none"] == "no_forecast"
        assert "intensity_estimated" in [each["code"] for each in row["caveats"]]


@pytest.mark.parametrize("kind", ["reset", 500, 429, 401])
def test_a_publisher_that_fails_fails_nobody(
    grids: RunningSimulator, client: ContractClient, kind: str | int
) -> None:
    grids.add_fault("electricitymaps", kind)

    found = optimized(client, region="us-west-2", start_region="us-east-1")

    first = found["recommendations"][0]
    assert first["intensity"]["rung"] == "zone_average"
    assert first["intensity"]["is_estimate"] is True
    assert "stands in" in first["estimate_reason"]
    assert found["carbon_savings"]["own"]["basis"] == "now"
    for path in ("/regions", "/regions/us-west-2"):
        told(client, path)


@pytest.mark.usefixtures("grids")
def test_a_slow_publisher_costs_windows_and_not_the_answer(
    client: ContractClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduling, "PATIENCE_S", 0.0)

    found = optimized(client, start_region="us-east-1")

    assert {row["window"]["why_none"] for row in found["recommendations"]} == {"not_in_time"}
    assert found["recommendations"][0]["intensity"]["rung"].startswith("live")
    assert found["carbon_savings"]["own"]["basis"] == "now"


@pytest.mark.usefixtures("grids")
def test_options_come_in_the_order_of_their_score(client: ContractClient) -> None:
    for priority in ("carbon", "performance", "balanced"):
        rows = optimized(client, priority=priority, cloud="all", limit=50)["recommendations"]
        scores = [row["score"] for row in rows]

        assert scores == sorted(scores, reverse=True)
        assert [row["rank"] for row in rows] == list(range(1, 51))
        assert {row["unit"] for row in rows} == {"gpu_hour"}
        assert not any(row["is_lower_bound"] for row in rows)


def test_bounds_lie_around_what_is_told_and_add_up(client: ContractClient) -> None:
    row = optimized(client, count=3, duration_hours=7)["recommendations"][0]

    for name in ("energy_kwh", "operational_co2e_grams", "embodied_co2e_grams", "co2e_grams"):
        assert row[name]["low"] <= row[name]["central"] <= row[name]["high"]
    assert row["power_consumption_kwh"] == row["energy_kwh"]["central"]
    assert row["operational_co2e_grams"]["central"] == pytest.approx(
        row["power_consumption_kwh"] * row["carbon_intensity_gco2_kwh"]
    )
    assert row["co2e_grams"]["central"] == pytest.approx(
        row["operational_co2e_grams"]["central"] + row["embodied_co2e_grams"]["central"]
    )
    assert row["usd"]["total"] == pytest.approx(row["usd"]["per_hour"] * 21)


def test_a_caller_narrows_the_choice(client: ContractClient) -> None:
    found = optimized(
        client,
        workload="general",
        cloud=["gcp", "azure"],
        allowed_countries=["de", "FR"],
        min_vcpus=4,
        min_memory_gb=8,
        max_usd_per_hour=1.5,
        arch="x86_64",
    )

    assert found["metadata"]["clouds"] == ["azure", "gcp"]
    assert found["recommendations"]
    for row in found["recommendations"]:
        assert row["cloud"] in {"gcp", "azure"}
        assert row["country"] in {"DE", "FR"}
        assert row["arch"] == "x86_64"
        assert row["usd"]["per_hour"] <= 1.5


def test_what_nothing_meets_is_answered_with_the_reason(client: ContractClient) -> None:
    for members, reason in (
        ({"workload": "serverless", "cloud": "gcp"}, "No instance type for serverless"),
        ({"allowed_countries": ["AQ"]}, "No region meets the limits."),
        ({"min_gpus": 5000}, "No instance type for training"),
    ):
        found = optimized(client, **members)

        assert found["recommendations"] == []
        assert found["carbon_savings"] is None
        assert found["reason"].startswith(reason)


def test_incomplete_power_is_told_apart_and_never_ranked(client: ContractClient) -> None:
    found = optimized(client, workload="inference", instance_type="inf2.xlarge")

    assert found["recommendations"] == []
    assert found["reason"].startswith("The power of every candidate is incomplete")
    assert found["lower_bounds"][0]["is_lower_bound"] is True
    assert "power_is_lower_bound" in [each["code"] for each in found["lower_bounds"][0]["caveats"]]


def test_the_fair_saving_is_against_the_callers_own_region_and_start(
    client: ContractClient,
) -> None:
    week_of("US-MIDA-PJM", lambda _: 400.0)
    week_of("FR", lambda hour: 10.0 if hour == 15 else 50.0)

    found = optimized(
        client, start_region="us-east-1", allowed_countries=["FR"], instance_type="p4d.24xlarge"
    )

    own = found["carbon_savings"]["own"]
    first = found["recommendations"][0]
    assert own["basis"] == "pattern"
    assert first["window"]["forecast"]["kind"] == "pattern"
    assert first["optimal_time_window"]["start_time"] == "2026-11-18T15:00:00Z"
    assert first["optimal_time_window"]["avg_carbon_intensity"] == 10
    assert own["start_region"] == "us-east-1"
    assert own["by_time"]["saved_grams"] == pytest.approx(first["power_consumption_kwh"] * 40)
    assert own["total"]["saved_grams"] == pytest.approx(
        own["by_place"]["saved_grams"] + own["by_time"]["saved_grams"]
    )
    assert own["total"]["baseline_grams"] == own["by_place"]["baseline_grams"]


def test_without_an_own_region_the_saving_says_what_is_missing(client: ContractClient) -> None:
    savings = optimized(client)["carbon_savings"]

    assert savings["own"] is None
    assert "start_region" in savings["own_reason"]


def test_another_cloud_than_the_callers_own_is_compared_by_work(client: ContractClient) -> None:
    found = optimized(client, cloud="gcp", start_region="us-east-1")

    own = found["carbon_savings"]["own"]
    assert own["instance_type"] != found["recommendations"][0]["instance_type"]
    assert own["total"]["saved_percent"] > 0


def test_advice_follows_from_the_ranking(client: ContractClient) -> None:
    found = optimized(client, workload="general", cloud="aws", limit=50)

    first = found["recommendations"][0]
    idle = [each for each in found["service_optimizations"] if "when idle" in each]
    assert len(idle) == 1
    assert idle[0].startswith(first["instance_type"])
    (processor,) = [each for each in found["service_optimizations"] if "arm64" in each]
    assert " % more CO2e per vCPU-hour than " in processor


def test_the_frontier_trades_cost_for_carbon(client: ContractClient) -> None:
    points = optimized(client, cloud="all")["frontier"]

    assert len(points) > 1
    usd = [point["usd_per_unit"] for point in points]
    grams = [point["co2e_grams_per_unit"] for point in points]
    assert usd == sorted(usd)
    assert grams == sorted(grams, reverse=True)


def test_scripts_of_any_site_may_ask(client: ContractClient) -> None:
    assert client.post(OPTIMIZE, TRAINING).headers["Access-Control-Allow-Origin"] == "*"
    assert client.options(OPTIMIZE).headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"
