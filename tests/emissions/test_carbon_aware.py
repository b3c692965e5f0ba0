"""The two endpoints that speak as the Carbon Aware SDK does."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.contract import ContractClient
from tests.emissions.optimizing import client, grids, week_of

__all__ = ["client", "grids"]  # fixtures

BEST = "/api/v1/carbon-aware/emissions/bylocations/best"
CURRENT = "/api/v1/carbon-aware/emissions/forecasts/current"


def asked(client: ContractClient, path: str, *locations: str, **more: Any) -> Any:
    query = [("location", name) for name in locations] + list(more.items())
    return client.get(f"{path}?{urlencode(query)}")


def rows(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()
    return found


def fault(answer: Any) -> str:
    assert answer.status_code == 400, answer.content
    (name,) = answer.json()["error"]["details"]["fields"]
    return str(name).partition(".")[0]


def test_the_cleanest_place_of_now_is_named_as_it_was_asked(client: ContractClient) -> None:
    (best,) = rows(asked(client, BEST, "eastus", "westeurope", "FR"))

    assert best == {
        "location": "FR",
        "time": "2026-11-18T10:00:00Z",
        "rating": 31.0,
        "duration": "01:00:00",
    }


@pytest.mark.usefixtures("grids")
def test_places_of_one_zone_are_equal_and_all_are_named(client: ContractClient) -> None:
    found = rows(asked(client, BEST, "eu-north-1", "SE", "europe-north2", "eastus"))

    assert [row["location"] for row in found] == ["eu-north-1", "SE", "europe-north2"]


def test_past_hours_are_read_from_what_is_stored(client: ContractClient) -> None:
    week_of("FR", lambda hour: 10.0 if hour == 3 else 50.0)
    week_of("DE", lambda _: 400.0)

    found = rows(
        asked(client, BEST, "FR", "DE", time="2026-11-16T00:00:00Z", toTime="2026-11-16T23:00:00Z")
    )

    assert [(row["location"], row["time"]) for row in found] == [("FR", "2026-11-16T03:00:00Z")]
    (hour,) = rows(asked(client, BEST, "DE", time="2026-11-16T05:20:00Z"))
    assert (hour["time"], hour["rating"]) == ("2026-11-16T05:00:00Z", 400)


def test_hours_of_which_nothing_is_stored_have_no_content(client: ContractClient) -> None:
    assert asked(client, BEST, "FR", time="2020-01-01T00:00:00Z").status_code == 204


@pytest.mark.usefixtures("grids")
def test_a_forecast_is_rolled_over_the_window(client: ContractClient) -> None:
    (found,) = rows(
        asked(
            client,
            CURRENT,
            "eastus",
            dataStartAt="2026-11-18T12:00:00Z",
            dataEndAt="2026-11-18T18:00:00Z",
            windowSize=120,
        )
    )

    assert (found["location"], found["windowSize"]) == ("eastus", 120)
    assert found["requestedAt"] == "2026-11-18T10:30:00Z"
    assert (found["dataStartAt"], found["dataEndAt"]) == (
        "2026-11-18T12:00:00Z",
        "2026-11-18T18:00:00Z",
    )
    assert [point["timestamp"][11:16] for point in found["forecastData"]] == [
        "12:00",
        "13:00",
        "14:00",
        "15:00",
        "16:00",
    ]
    least = min(point["value"] for point in found["forecastData"])
    assert [point["value"] for point in found["optimalDataPoints"]] == [least]
    assert found["isPattern"] is False


def test_partly_covered_hours_weigh_by_the_time_covered_and_ties_are_all_told(
    client: ContractClient,
) -> None:
    week_of("FR", lambda hour: 100.0 if hour == 11 else 40.0)

    (found,) = rows(asked(client, CURRENT, "FR", windowSize=60, dataEndAt="2026-11-18T14:00:00Z"))

    assert [(point["timestamp"][11:16], point["value"]) for point in found["forecastData"]] == [
        ("10:30", 70),
        ("11:00", 100),
        ("12:00", 40),
        ("13:00", 40),
    ]
    assert [point["timestamp"][11:16] for point in found["optimalDataPoints"]] == ["12:00", "13:00"]
    assert found["isPattern"] is True


def test_without_a_forecast_there_are_no_points_and_a_reason(client: ContractClient) -> None:
    for location in ("eastus", "FR"):
        (found,) = rows(asked(client, CURRENT, location))

        assert found["forecastData"] == found["optimalDataPoints"] == []
        assert "No days of" in found["reason"]


@pytest.mark.usefixtures("grids")
def test_a_window_longer_than_the_range_has_no_points(client: ContractClient) -> None:
    (found,) = rows(asked(client, CURRENT, "FR", windowSize=72 * 60))

    assert found["forecastData"] == found["optimalDataPoints"] == []


def test_what_makes_no_sense_is_refused_by_name(client: ContractClient) -> None:
    early, late = "2026-11-18T12:00:00Z", "2026-11-18T13:00:00Z"
    for path in (BEST, CURRENT):
        assert fault(asked(client, path)) == "location"
        assert fault(asked(client, path, "FR", "atlantis")) == "location"
        assert fault(asked(client, path, *["FR"] * 21)) == "location"
    assert fault(asked(client, BEST, "FR", time=late, toTime=early)) == "toTime"
    assert fault(asked(client, BEST, "FR", toTime=early)) == "time"
    assert fault(asked(client, BEST, "FR", time="0001-01-01T00:00:00+14:00")) == "time"
    assert fault(asked(client, CURRENT, "FR", dataStartAt=late, dataEndAt=early)) == "dataEndAt"
    assert fault(asked(client, CURRENT, "FR", dataEndAt="2026-11-18T10:30:00Z")) == "dataEndAt"
    assert fault(asked(client, CURRENT, "FR", dataStartAt="9999-12-31T23:00:00Z")) == "dataStartAt"
    for size in (0, -5, "9" * 30, "nan", 1.5):
        assert fault(asked(client, CURRENT, "FR", windowSize=size)) == "windowSize"
