"""POST /estimate, as the published contract has it and beyond it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.emissions.services import seed_factor_set
from tests.contract import ContractClient
from tests.contract_token_api import hold
from tests.emissions.conftest import expected
from tests.emissions.estimating import (
    BATCH,
    CALL,
    FIVE_DIGITS,
    HARDWARE,
    ONE,
    QUANTITIES,
    VERSION,
    client,
    estimated,
)
from tests.factories import NOW

__all__ = ["client"]  # a fixture


def as_asked(case: dict[str, Any]) -> dict[str, Any]:
    """A worked example in the words of the API."""
    usage = case["usage"]
    cached, written = usage.get("cached_input"), usage.get("cache_write")
    hardware = case.get("hardware")
    return {
        "model": case["model"],
        **case["place"],
        "prompt_tokens": usage["input"] + (cached or 0) + (written or 0),
        "completion_tokens": usage["output"],
        "cached_tokens": cached,
        "cache_write_tokens": written,
        "requests": usage.get("requests"),
        "method": "hardware" if hardware else "token",
        "duration_ms": int(hardware["duration_seconds"] * 1000) if hardware else None,
    }


def test_the_worked_examples_come_out_over_http(client: ContractClient) -> None:
    for case in expected("worked_examples"):
        body = estimated(client, **as_asked(case))

        assert body["energy_kwh"] == pytest.approx(case["energy_kwh"], rel=FIVE_DIGITS)
        assert body["co2e_grams"] == pytest.approx(case["co2e_grams"], rel=FIVE_DIGITS)
        assert body["co2_per_1k_tokens_used"] == pytest.approx(
            case["grams_per_1k_tokens"], rel=FIVE_DIGITS
        )
        assert body["calculation_details"]["coefficient_per_1k"] == body["co2_per_1k_tokens_used"]
        assert body["estimated_co2_grams"] == body["co2e_grams"]["central"]
        assert (body["confidence"], body["tier"]) == (case["confidence"], case["tier"])


def test_a_plain_call_says_what_it_rests_on(client: ContractClient) -> None:
    body = estimated(client)

    assert body["billed_event"] is False
    assert body["total_tokens"] == body["calculation_details"]["total_tokens"] == 150
    assert body["method"] == body["calculation_details"]["method"] == "token"
    assert body["factor_version"] == body["methodology_version"] == VERSION
    assert (body["model_matched"], body["model_found"]) == ("gpt-4o*", True)
    assert body["grid"] == {
        "gco2e_per_kwh": 383.55,
        "zone": "US",
        "source": "https://ember-energy.org/data/yearly-electricity-data/",
        "year": 2024,
        "is_estimate": True,
    }
    assert body["source"] == (
        f"factors {VERSION}; model gpt-4o*; grid US 2024 (ember-energy.org); PUE openai 2025"
    )
    assert body["equivalents"] == ["about 16 s of a 10 W LED lamp"]
    assert body["warnings"] == []
    assert body.keys().isdisjoint({"warning", "hardware_context", "comparison", "market_based"})
    for name in (*QUANTITIES, "water_litres"):
        assert body[name]["low"] < body[name]["central"] < body[name]["high"]


def test_the_formula_can_be_worked_out_by_hand(client: ContractClient) -> None:
    for members in (
        {"prompt_tokens": 55_000, "cached_tokens": 50_000, "cache_write_tokens": 3000},
        HARDWARE,
        HARDWARE | {"power_watts": 700.5},
        {"model": "mistral-large-2407", "completion_tokens": 400},
    ):
        body = estimated(client, **members)
        left, right = body["calculation_details"]["formula"].split(" = ")

        assert worked_out(left) == pytest.approx(body["estimated_co2_grams"], rel=1e-5)
        assert float(right.removesuffix(" gCO2e")) == pytest.approx(body["estimated_co2_grams"])


def worked_out(formula: str) -> float:
    """With the words taken away, only numbers and the four operations are left."""
    bare = formula.replace("g per 1,000 output tokens as published", "")
    bare = "".join(
        word + " "
        for word in bare.replace("x", "*").replace("(", " ( ").replace(")", " ) ").split()
        if word in "+*/()" or word[0].isdigit()
    )
    return float(eval(bare, {"__builtins__": {}}))  # noqa: S307 - our own arithmetic, no names


def test_every_answer_takes_its_time_and_any_origin(client: ContractClient) -> None:
    good = client.post(ONE, CALL, headers={"Origin": "https://elsewhere.example"})
    bad = client.post(ONE, {}, headers={"Origin": "https://elsewhere.example"})

    for answer in (good, bad):
        assert answer.headers["X-Response-Time"].endswith("ms")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "X-Response-Time" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("path", [ONE, BATCH])
def test_a_preflight_is_answered(client: ContractClient, path: str) -> None:
    answer = client.options(path)

    hold("OPTIONS /estimate", answer)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"


def test_the_hardware_method_shows_its_machine_and_the_other_result(client: ContractClient) -> None:
    body = estimated(client, **HARDWARE)
    by_tokens = estimated(client, datacenter_country="FI")

    context = body["hardware_context"]
    assert (context["country"], context["gco2e_per_kwh"]) == ("FI", 72.25)
    assert (context["duration_ms"], context["sharing_requests"]) == (120_000, 64)
    assert context["metered_power_watts"] is None
    assert body["comparison"]["token_co2_grams"] == by_tokens["estimated_co2_grams"]
    assert body["comparison"]["hardware_co2_grams"] == body["estimated_co2_grams"]
    assert body["comparison"]["ratio"] == pytest.approx(93, abs=10)
    assert "green_datacenter_tip" not in body


def test_a_metered_power_takes_the_place_of_an_assumed_machine(client: ContractClient) -> None:
    body = estimated(client, **HARDWARE, power_watts=1000)

    assert body["hardware_context"]["accelerators"] is None
    assert body["hardware_context"]["metered_power_watts"] == 1000
    assert body["energy_kwh"]["central"] == pytest.approx(
        120 / 3600 * body["hardware_context"]["pue"]
    )


def test_no_tokens_cost_nothing(client: ContractClient) -> None:
    body = estimated(client, prompt_tokens=0, completion_tokens=0)
    hardware = estimated(client, prompt_tokens=0, completion_tokens=0, **HARDWARE)

    assert body["estimated_co2_grams"] == body["co2_per_1k_tokens_used"] == 0
    assert body["equivalents"] == []
    assert hardware["comparison"]["ratio"] is None


@pytest.mark.parametrize(
    ("members", "codes"),
    [
        ({"model": "some-new-model"}, ["model_unknown"]),
        ({"model": ""}, ["model_missing"]),
        ({"datacenter_country": "qq"}, ["country_unknown"]),
        ({"provider": "nobody"}, ["provider_unknown"]),
        ({"provider": "aws", "region": "moon-1"}, ["region_unknown"]),
        ({"model": "o3-mini"}, ["hidden_tokens"]),
        ({"model": "o3-mini", "reasoning_tokens": 40}, []),
        ({"model": "mistral-large-2407"}, ["disclosure_applied"]),
        ({"grid_intensity_gco2e_per_kwh": 50}, ["grid_given"]),
        ({"batch": True}, ["batch_tier"]),
        ({"model": "new", "country": "QQ"}, ["model_unknown", "country_unknown"]),
    ],
)
def test_what_is_not_known_is_estimated_with_a_warning(
    client: ContractClient, members: dict[str, Any], codes: list[str]
) -> None:
    body = estimated(client, **members)

    assert [warning["code"] for warning in body["warnings"]] == codes
    texts = " ".join(warning["text"] for warning in body["warnings"])
    assert body.get("warning", "") == texts
    assert ("warning" in body) == bool(codes)


def test_a_dirty_grid_gets_a_tip_and_a_clean_one_none(client: ContractClient) -> None:
    assert "Sweden" in estimated(client, country="PL")["green_datacenter_tip"]
    assert "green_datacenter_tip" not in estimated(client, country="FR")


def test_a_given_intensity_is_used_as_it_is(client: ContractClient) -> None:
    usual = estimated(client)
    given = estimated(client, grid_intensity_gco2e_per_kwh=2 * 383.55)

    assert given["grid"]["gco2e_per_kwh"] == 767.1
    assert given["operational_co2e_grams"]["central"] == pytest.approx(
        2 * usual["operational_co2e_grams"]["central"]
    )


def test_the_country_may_be_said_under_both_names_and_members_nobody_knows_are_ignored(
    client: ContractClient,
) -> None:
    twice = estimated(client, datacenter_country="FI", country="fi", tenant_id="client-acme")

    assert twice["co2e_grams"] == estimated(client, country="FI")["co2e_grams"]


def test_the_explanation_is_asked_with_what_was_given(client: ContractClient) -> None:
    plain = urlsplit(estimated(client, model="a b&c")["explanation_url"])
    full = estimated(
        client,
        **HARDWARE,
        cached_tokens=60,
        cache_write_tokens=10,
        reasoning_tokens=20,
        requests=2,
        provider="aws",
        region="eu-west-1",
        grid_intensity_gco2e_per_kwh=99.5,
        power_watts=700,
        batch=True,
    )

    assert f"{plain.scheme}://{plain.netloc}{plain.path}" == (
        "http://testserver/methodology/explain"
    )
    assert parse_qs(plain.query) == {
        "model": ["a b&c"],
        "input": ["100"],
        "output": ["50"],
        "factors": [VERSION],
    }
    assert parse_qs(urlsplit(full["explanation_url"]).query) == {
        "model": ["gpt-4o"],
        "provider": ["aws"],
        "region": ["eu-west-1"],
        "country": ["FI"],
        "input": ["30"],
        "cached_input": ["60"],
        "cache_write": ["10"],
        "output": ["50"],
        "reasoning": ["20"],
        "requests": ["2"],
        "method": ["hardware"],
        "duration_ms": ["120000"],
        "power_watts": ["700.0"],
        "batch": ["true"],
        "gco2e_per_kwh": ["99.5"],
        "factors": [VERSION],
    }


def test_an_older_version_can_be_asked_for(client: ContractClient, newer: dict[str, Any]) -> None:
    before = estimated(client)
    seed_factor_set(newer, publish=True, now=NOW)
    now, then = estimated(client), estimated(client, factor_version=VERSION)

    assert now["factor_version"] == newer["version"]
    assert now["estimated_co2_grams"] > before["estimated_co2_grams"]
    assert then == before


def test_nothing_is_stored_and_the_database_is_not_asked(client: ContractClient) -> None:
    estimated(client)

    with CaptureQueriesContext(connection) as asked:
        client.post(ONE, CALL)

    assert len(asked) == 0
