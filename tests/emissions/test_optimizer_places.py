"""GET /regions, POST /calculate and /compare: places by name, live and from the tables."""

from typing import Any

import pytest

from tests.contract import ContractClient
from tests.emissions.optimizing import (
    API,
    NUMBER,
    client,
    fault,
    grids,
    holds,
    told,
    week_of,
)

__all__ = ["client", "grids"]  # fixtures

P4D = {"instance_type": "p4d.24xlarge"}
THREE = ("us-east-1", "us-west-2", "ca-central-1")
COMPARED: dict[str, Any] = {
    "region": str,
    "zone": str,
    "instance_type": str,
    "carbon_intensity_gco2_kwh": NUMBER,
    "co2_emissions_kg": NUMBER,
    "co2_emissions_g": NUMBER,
    "power_consumption_kwh": NUMBER,
    "renewable_percentage": NUMBER,
}


@pytest.mark.usefixtures("grids")
def test_all_regions_are_listed_the_cleanest_first(client: ContractClient) -> None:
    found = told(client, "/regions")

    assert found["total_regions"] == len(found["regions"]) == 38
    values = [region["carbon_intensity"] for region in found["regions"]]
    assert values == sorted(values)
    for region in found["regions"]:
        holds(
            region,
            {
                "region": str,
                "zone": str,
                "carbon_intensity": NUMBER,
                "renewable_percentage": NUMBER,
                "is_estimate": bool,
            },
        )
        assert region["is_estimate"] is (region["intensity"]["rung"] != "live_measured")
    assert told(client, "/regions?cloud=all")["total_regions"] > 140
    assert {each["cloud"] for each in told(client, "/regions?cloud=gcp")["regions"]} == {"gcp"}


@pytest.mark.usefixtures("grids")
def test_one_region_shows_its_next_day(client: ContractClient) -> None:
    found = told(client, "/regions/us-west-2")["region_details"]

    holds(
        found,
        {
            "region": str,
            "zone": str,
            "current_carbon_intensity": NUMBER,
            "renewable_percentage": NUMBER,
            "fossil_free_percentage": NUMBER,
            "forecast_24h": dict,
            "optimal_hours_utc": list,
            "timestamp": str,
        },
    )
    day = found["forecast_24h"]
    assert day["minimum"] < day["average"] < day["maximum"]
    assert 0 < len(found["optimal_hours_utc"]) < 24
    assert found["renewable_basis"].startswith("live")


def test_optimal_hours_are_those_below_the_average_of_the_next_24(client: ContractClient) -> None:
    week_of("US-NW-PACW", lambda hour: 100.0 if hour in {3, 22} else 200.0)

    week_of("FR", lambda _: 30.1)

    found = told(client, "/regions/aws:us-west-2")["region_details"]

    assert told(client, "/regions/eu-west-3")["region_details"]["optimal_hours_utc"] == []
    assert found["optimal_hours_utc"] == [3, 22]
    assert found["forecast_24h"]["average"] == pytest.approx((2 * 100 + 22 * 200) / 24)
    assert found["forecast"]["kind"] == "pattern"


def test_a_region_without_a_forecast_says_so(client: ContractClient) -> None:
    found = told(client, "/regions/us-west-2")["region_details"]

    assert found["forecast_24h"] is None
    assert found["optimal_hours_utc"] == []
    assert "No days of US-NW-PACW are stored" in found["forecast_reason"]


def test_a_region_nobody_knows_is_not_found(client: ContractClient) -> None:
    for name in ("us-moon-1", "US-MIDA-PJM", "%00", "x" * 300):
        answer = client.get(f"{API}/regions/{name}")

        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"
    assert client.get(f"{API}/regions?cloud=oracle").status_code == 400


def test_a_calculation_is_worked_out_by_hand(client: ContractClient) -> None:
    found = told(client, "/calculate", {"region": "us-east-1", **P4D, "duration_hours": 24})

    row = found["calculation"]
    holds(row, {**COMPARED, "carbon_intensity_used": NUMBER})
    assert row["zone"] == "US-MIDA-PJM"
    assert row["carbon_intensity_used"] == row["carbon_intensity_gco2_kwh"] == 418
    assert row["power_consumption_kwh"] == pytest.approx(90.8 * row["pue"], rel=1e-2)
    assert row["co2_emissions_g"] == pytest.approx(
        row["power_consumption_kwh"] * 418 + row["embodied_co2e_grams"]["central"]
    )
    assert f"= {row['co2_emissions_g']:.6g} g" in row["formula"]


def test_a_comparison_tells_the_best_and_the_worst(client: ContractClient) -> None:
    options = [{"region": region, **P4D} for region in THREE]

    found = told(client, "/compare", {"options": options, "duration_hours": 24})

    rows, analysis = found["comparisons"], found["analysis"]
    assert [row["region"] for row in rows] == ["ca-central-1", "us-west-2", "us-east-1"]
    for row in rows:
        holds(row, COMPARED)
    assert (analysis["best_option"], analysis["worst_option"]) == (rows[0], rows[-1])
    difference = rows[-1]["co2_emissions_kg"] - rows[0]["co2_emissions_kg"]
    assert analysis["difference_kg"] == pytest.approx(difference)
    assert analysis["difference_percentage"] == pytest.approx(
        100 * difference / rows[-1]["co2_emissions_kg"]
    )
    assert analysis["total_options_compared"] == 3


def test_incomplete_power_compares_with_itself_and_with_nothing_else(
    client: ContractClient,
) -> None:
    inf2 = [
        {"region": region, "instance_type": "inf2.xlarge"}
        for region in ("us-east-1", "eu-west-3", "ca-central-1")
    ]

    alone = told(client, "/compare", {"options": inf2, "duration_hours": 720})
    mixed = told(client, "/compare", {"options": [*inf2, {"region": "us-east-1", **P4D}]})

    assert [row["region"] for row in alone["comparisons"]] == [
        "eu-west-3",
        "ca-central-1",
        "us-east-1",
    ]
    assert all(row["is_lower_bound"] for row in alone["comparisons"])
    assert [row["instance_type"] for row in mixed["comparisons"]] == ["p4d.24xlarge"]
    assert len(mixed["lower_bounds"]) == 3


def test_five_hundred_options_are_compared_and_no_more(client: ContractClient) -> None:
    option = {"region": "us-east-1", **P4D}

    assert (
        told(client, "/compare", {"options": [option] * 500})["analysis"]["total_options_compared"]
        == 500
    )
    for count in (0, 501, 10_000):
        assert fault(client, "/compare", {"options": [option] * count}) == "options"


def test_names_are_read_without_case_and_with_their_cloud(client: ContractClient) -> None:
    for region, instance in (
        ("AWS:US-EAST-1", "aws:ec2:p4d.24xlarge"),
        ("Us-East-1", "P4D.24xlarge"),
    ):
        body = {"region": region, "instance_type": instance}
        row = told(client, "/calculate", body)["calculation"]

        assert (row["region"], row["instance_type"]) == ("us-east-1", "p4d.24xlarge")
