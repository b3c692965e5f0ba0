"""Software carbon intensity: grams per functional unit, and none where nobody counted it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.telemetry.models import FactorOverride, ProviderConnection
from apps.telemetry.selectors import Bounds
from apps.telemetry.selectors.model_usage import per
from apps.workspaces.models import Workspace
from tests.telemetry.metering import HOUR, NOW, START
from tests.telemetry.spread import push
from tests.telemetry.using import A_DAY as DAY
from tests.telemetry.using import SUMMARY, span

SCI = "/api/v1/telemetry/sci"
BOUNDS = ("low", "central", "high")


def score(program: APIClient, **asked: Any) -> Any:
    answer = program.get(SCI, DAY | asked)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize(
    ("asked", "units"),
    [
        ({"unit": "request"}, 20),
        ({"unit": "1k_tokens"}, 8.36),
        ({"unit": "1k_output_tokens"}, 2.22),
        ({"units": "4"}, 4),
    ],
)
@pytest.mark.usefixtures("six_rows")
def test_the_score_is_operational_and_embodied_over_the_unit(
    program: APIClient, asked: dict[str, str], units: float
) -> None:
    body = score(program, **asked)

    total = program.get(SUMMARY, DAY).json()["total"]
    formula = body["formula"]
    assert formula["r_units"] == units
    assert formula["e_kwh"] == total["energy_kwh"]
    assert formula["e_times_i_grams"] == total["operational_co2e_grams"]
    assert formula["m_grams"] == total["embodied_co2e_grams"]
    for bound in BOUNDS:
        grams = formula["e_times_i_grams"][bound] + formula["m_grams"][bound]
        assert body["score_grams_per_unit"][bound] == pytest.approx(grams / units)
        parts = (body[f"{part}_grams_per_unit"][bound] for part in ("operational", "embodied"))
        assert body["score_grams_per_unit"][bound] == pytest.approx(sum(parts))
    intensity = formula["e_times_i_grams"]["central"] / formula["e_kwh"]["central"]
    assert formula["i_gco2e_per_kwh"] == pytest.approx(intensity)
    assert body["method"] == "location-based"
    assert "unit_not_told" not in {left["code"] for left in body["excluded"]}


def test_the_published_examples_come_out() -> None:
    operational, embodied = Decimal("1.5") * 400, Decimal(20)
    whole = Bounds(*(operational + embodied,) * 3)

    assert per(whole, Decimal(1000)).central == Decimal("0.62")  # Impact Framework 1.1.0
    provider = Bounds(*(Decimal(6_500_000),) * 3)
    assert per(provider, Decimal(50_000_000)).central == Decimal("0.13")  # SCI for AI, 1,000 tokens


def test_an_agreed_tariff_does_not_move_the_score(program: APIClient, workspace: Workspace) -> None:
    FactorOverride.objects.create(
        workspace=workspace,
        kind="tariff",
        value=0,
        evidence="contract",
        starts_at=START - HOUR,
        created_by="tests",
        created_at=START,
    )
    push(workspace, START + HOUR)

    body = score(program, unit="request")

    total = program.get(SUMMARY, DAY).json()["total"]
    assert total["market_based_co2e_grams"]["central"] < total["co2e_grams"]["central"]
    assert body["score_grams_per_unit"]["central"] == pytest.approx(total["co2e_grams"]["central"])


@pytest.mark.parametrize(
    ("unit", "label", "names"),
    [
        ("session", "session_id", ("a", "b", "a")),
        ("developer", "developer_id", ("a", "b", "a")),
        ("customer", "customer", ("a", "b", "a")),
    ],
)
def test_only_usage_that_names_one_is_in_the_score_of_a_label(
    program: APIClient,
    six_rows: ProviderConnection,
    unit: str,
    label: str,
    names: tuple[str, ...],
) -> None:
    for minute, name in enumerate(names):
        facts: dict[str, Any] = {label: name}
        push(six_rows.workspace, START + timedelta(minutes=minute), **facts)

    body = score(program, unit=unit)

    assert body["formula"]["r_units"] == 2
    assert body["tokens"] == 4500
    (left,) = [one for one in body["excluded"] if one["code"] == "unit_not_told"]
    assert left["tokens"] == 8360
    energy = program.get(SUMMARY, DAY | {"connection_id": ""}).json()["total"]["energy_kwh"]
    assert body["formula"]["e_kwh"] == energy


def test_usage_that_tells_no_requests_is_left_out_of_a_score_per_request(
    program: APIClient, workspace: Workspace
) -> None:
    push(workspace, START, requests=None, model="o3")
    push(workspace, START, requests=5)

    body = score(program, unit="request")

    assert (body["formula"]["r_units"], body["tokens"]) == (5, 1500)
    assert body["excluded"][0] | {"reason": ""} == {
        "code": "unit_not_told",
        "reason": "",
        "tokens": 1500,
    }


@pytest.mark.parametrize("unit", ["request", "session", "developer", "customer"])
def test_without_a_count_there_is_no_score(
    program: APIClient, workspace: Workspace, unit: str
) -> None:
    push(workspace, START, requests=None)

    answer = program.get(SCI, DAY | {"unit": unit})

    assert answer.status_code == 422
    error = answer.json()["error"]
    assert (error["code"], error["details"]["unit"]) == ("functional_unit_not_counted", unit)


def test_nothing_used_has_no_score_of_tokens_either(program: APIClient) -> None:
    assert program.get(SCI, {"unit": "1k_tokens"}).status_code == 422


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "unit"),
        ({"unit": "request", "units": "3"}, "unit"),
        ({"unit": "page"}, "unit"),
        ({"units": "0"}, "units"),
        ({"units": "-1"}, "units"),
        ({"units": "NaN"}, "units"),
        (span(NOW - timedelta(days=93), NOW) | {"unit": "session"}, "start_time"),
    ],
)
def test_a_unit_that_makes_no_sense_is_refused(
    program: APIClient, asked: dict[str, str], field: str
) -> None:
    answer = program.get(SCI, asked)

    assert answer.status_code == 400
    assert list(answer.json()["error"]["details"]["fields"]) == [field]
