"""Electricity Maps and the UK's Carbon Intensity API as the simulator plays them."""

from typing import Any

import pytest
import requests

from devstack.simulator.testing import RunningSimulator

PAID = "em-simulated-paid-0001"


def maps(
    simulator: RunningSimulator, path: str, key: str | None = PAID, **query: str
) -> requests.Response:
    return requests.get(
        f"{simulator.url}/electricitymaps/v3/{path}",
        params={"disableCallerLookup": "true", **query},
        headers={} if key is None else {"auth-token": key},
        timeout=10,
    )


def uk(simulator: RunningSimulator, path: str) -> requests.Response:
    return requests.get(f"{simulator.url}/uk-carbon/{path}", timeout=10)


def test_latest_has_every_member_of_the_reference(simulator: RunningSimulator) -> None:
    answer = maps(simulator, "carbon-intensity/latest", zone="DE").json()

    assert answer.keys() == {
        *("zone", "carbonIntensity", "datetime", "updatedAt", "createdAt"),
        *("emissionFactorType", "isEstimated", "estimationMethod", "temporalGranularity"),
    }
    assert (answer["zone"], answer["datetime"]) == ("DE", "2026-11-18T10:00:00.000Z")
    assert answer["emissionFactorType"] == "lifecycle"


def test_now_is_the_end_of_history_and_the_beginning_of_the_forecast(
    simulator: RunningSimulator,
) -> None:
    latest = maps(simulator, "carbon-intensity/latest", zone="FR").json()
    history = maps(simulator, "carbon-intensity/history", zone="FR").json()["history"]
    ahead = maps(simulator, "carbon-intensity/forecast", zone="FR").json()["forecast"]

    assert history[-1]["carbonIntensity"] == latest["carbonIntensity"]
    assert ahead[0] == {name: latest[name] for name in ("carbonIntensity", "datetime")}
    assert (len(history), len(ahead)) == (24, 25)
    longer = maps(simulator, "carbon-intensity/forecast", zone="FR", horizonHours="72")
    assert len(longer.json()["forecast"]) == 73


def test_without_a_place_it_answers_for_the_callers_unless_forbidden(
    simulator: RunningSimulator,
) -> None:
    guessed = maps(simulator, "carbon-intensity/latest", disableCallerLookup="false")
    forbidden = maps(simulator, "carbon-intensity/latest")

    assert (guessed.status_code, guessed.json()["zone"]) == (200, "US-CAR-DUK")
    assert forbidden.status_code == 400


@pytest.mark.parametrize(
    ("key", "query", "status", "text"),
    [
        ("em-simulated-revoked-0001", {}, 401, "Invalid auth-token"),
        ("anything", {}, 401, "Invalid auth-token"),
        (None, {}, 401, "Invalid auth-token"),
        ("em-simulated-free-0001", {"zone": "FR"}, 401, "zoneKey=FR"),
        ("em-simulated-free-0001", {}, 200, "carbonIntensity"),
        ("em-simulated-sandbox-0001", {}, 200, "SANDBOX MODE"),
    ],
)
def test_keys_are_of_four_kinds(
    simulator: RunningSimulator, *, key: str | None, query: dict[str, str], status: int, text: str
) -> None:
    response = maps(simulator, "carbon-intensity/latest", key, **{"zone": "DE", **query})

    assert response.status_code == status
    assert text in response.text


@pytest.mark.parametrize(
    ("key", "zones", "access"),
    [(None, 15, None), ("em-simulated-free-0001", 1, 2), (PAID, 15, 1)],
)
def test_zones_tell_what_a_key_may_see(
    simulator: RunningSimulator, *, key: str | None, zones: int, access: int | None
) -> None:
    found: dict[str, Any] = maps(simulator, "zones", key).json()

    assert len(found) == zones
    assert (len(found["DE"]["access"]) if "access" in found["DE"] else None) == access


def test_keys_do_not_stand_in_the_journal(simulator: RunningSimulator) -> None:
    maps(simulator, "carbon-intensity/latest", zone="DE")

    assert PAID not in str(simulator.journal("electricitymaps"))


def test_shares_and_unknown_paths(simulator: RunningSimulator) -> None:
    share = maps(simulator, "carbon-free-energy/latest", zone="FR").json()

    assert (share["value"], share["unit"]) == (94, "%")
    assert maps(simulator, "carbon-intensity/past", zone="FR").status_code == 404
    odd = maps(simulator, "carbon-intensity/forecast", zone="FR", horizonHours="25")
    assert odd.status_code == 400


def test_british_half_hours_have_an_actual_value_once_they_are_over(
    simulator: RunningSimulator,
) -> None:
    (now,) = uk(simulator, "intensity").json()["data"]
    past = uk(simulator, "intensity/2026-11-18T10:30Z/pt24h").json()["data"]
    ahead = uk(simulator, "intensity/2026-11-18T10:30Z/fw48h").json()["data"]

    assert (now["from"], now["intensity"]["actual"]) == ("2026-11-18T10:30Z", None)
    assert (len(past), past[-1]["to"]) == (48, "2026-11-18T10:30Z")
    assert None not in [period["intensity"]["actual"] for period in past]
    assert (len(ahead), ahead[0]["to"], ahead[1]) == (96, "2026-11-18T10:30Z", now)


@pytest.mark.parametrize(
    ("path", "status"), [("intensity/soon/fw48h", 400), ("regional/intensity", 404)]
)
def test_british_refusals_have_a_code_and_a_message(
    simulator: RunningSimulator, path: str, status: int
) -> None:
    response = uk(simulator, path)

    assert response.status_code == status
    assert response.json()["error"].keys() == {"code", "message"}
