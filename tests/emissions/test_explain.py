"""The explanation has to lead a person to the same figure."""

import json
import math
from typing import Any

import pytest

from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.explain import explain
from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.given import NOTHING_GIVEN, Given
from apps.emissions.calc.hardware import HardwareEstimate, hardware_estimate
from apps.emissions.calc.resolve import resolve
from apps.emissions.calc.tokens import token_estimate
from apps.emissions.calc.usage import TokenUsage

USAGE = TokenUsage(2000, 50000, 3000, 800, requests=3)
QUANTITY_OF = {
    "E_it": "it_energy_kwh",
    "E": "energy_kwh",
    "G_op": "operational_co2e_grams",
    "G_emb": "embodied_co2e_grams",
    "G": "co2e_grams",
    "W": "water_litres",
}
MODELS = ["gpt-4o", "llama-3.1-8b", "mistral-large-2407", "some-new-model"]
GIVEN = Given(pue=1.5, gco2e_per_kwh=17.5, tariff_gco2e_per_kwh=250.0, is_batch=True)
MACHINES: list[dict[str, float]] = [
    {"duration_seconds": 120.0},
    {"duration_seconds": 2.5, "power_watts": 700.0},
]
ANY_GIVEN = pytest.mark.parametrize("given", [NOTHING_GIVEN, GIVEN], ids=["usual", "given"])
ANY_MODEL = pytest.mark.parametrize("model", MODELS)
ANY_MACHINE = pytest.mark.parametrize("machine", MACHINES, ids=["time", "power"])


def explained(document: FactorDocument, model: str, **place: Any) -> dict[str, Any]:
    resolved = resolve(document, model, **place)
    return explain(document, USAGE, resolved, token_estimate(USAGE, resolved))


def by_hardware(
    document: FactorDocument, model: str, machine: dict[str, float], given: Given = NOTHING_GIVEN
) -> tuple[HardwareEstimate, dict[str, Any]]:
    resolved = resolve(document, model, country="FI", given=given)
    result = hardware_estimate(resolved, **machine)
    return result, explain(document, USAGE, resolved, result)


def by_hand(numbers: str) -> float:
    names = {
        "sqrt": math.sqrt,
        "min": min,
        "max": max,
        "ceil": math.ceil,
        "log2": math.log2,
        "__builtins__": {},
    }
    return float(eval(numbers.replace("^", "**"), names))  # noqa: S307 - our own text


def assert_redone(explanation: dict[str, Any], result: Estimate) -> None:
    """Each step follows from its numbers, and together they end at the estimate."""
    for step in explanation["steps"]:
        assert by_hand(step["numbers"]) == pytest.approx(step["value"], rel=1e-5), step["symbol"]
    steps = {step["symbol"]: step["value"] for step in explanation["steps"]}
    for symbol, quantity in QUANTITY_OF.items():
        assert steps[symbol] == pytest.approx(getattr(result, quantity).central, rel=1e-12)
    if "G_mb" in steps:
        assert steps["G_mb"] == pytest.approx(result.market_based_co2e_grams.central, rel=1e-12)


@ANY_MODEL
@ANY_GIVEN
def test_every_step_can_be_redone_and_they_end_at_the_estimate(
    document: FactorDocument, model: str, given: Given
) -> None:
    explanation = explained(document, model, given=given)

    assert_redone(explanation, token_estimate(USAGE, resolve(document, model, given=given)))


@ANY_MODEL
@ANY_GIVEN
@ANY_MACHINE
def test_the_steps_of_the_hardware_can_be_redone_and_end_at_the_estimate(
    document: FactorDocument, model: str, given: Given, machine: dict[str, float]
) -> None:
    result, explanation = by_hardware(document, model, machine, given)

    assert_redone(explanation, result.estimate)


@pytest.mark.parametrize(
    ("machine", "symbols"),
    [
        (MACHINES[0], "P_t GPUs E_it E_acc E G_op G_emb G W"),
        (MACHINES[1], "E_it E_acc E G_op G_emb G W"),
    ],
)
def test_the_hardware_is_told_with_its_time_and_its_machine(
    document: FactorDocument, machine: dict[str, float], symbols: str
) -> None:
    result, explanation = by_hardware(document, "gpt-4o", machine)

    assert explanation["method"] == "hardware"
    assert " ".join(step["symbol"] for step in explanation["steps"]) == symbols
    assert explanation["hardware"]["duration_seconds"] == machine["duration_seconds"]
    assert explanation["hardware"]["metered_power_watts"] == machine.get("power_watts")
    assert explanation["hardware"]["accelerators"] == result.accelerators
    assert explanation["usage"]["output"] == USAGE.output
    assert json.dumps(explanation, allow_nan=False)


@ANY_MACHINE
def test_the_doubts_of_the_hardware_are_its_own(
    document: FactorDocument, machine: dict[str, float]
) -> None:
    result, explanation = by_hardware(document, "gpt-4o", machine)
    bounds = explanation["bounds"]
    beyond = {"grid", "embodied", "water"}
    own = [sd for part, sd in bounds["parts"].items() if part not in beyond]

    assert bounds["log_sd"]["energy_kwh"] == pytest.approx(math.hypot(*own))
    assert_bounds_follow(explanation)
    assert explanation["results"]["energy_kwh"] == result.estimate.energy_kwh.as_dict()


def test_a_published_figure_is_of_tokens_and_not_of_time(document: FactorDocument) -> None:
    _, explanation = by_hardware(document, "mistral-large-2407", MACHINES[0])

    assert "water_litres" in explanation["bounds"]["factor"]
    assert explanation["bounds"]["total"].startswith("low = operational low")
    assert explanation["formula_with_numbers"].startswith("G_op + G_emb")


def test_the_numbers_that_were_given_are_the_numbers_that_are_told(
    document: FactorDocument,
) -> None:
    explanation = explained(document, "gpt-4o", given=GIVEN)
    numbers = {step["symbol"]: step["numbers"] for step in explanation["steps"]}
    notes = {source["of"]: source["note"] for source in explanation["sources"]}

    assert explanation["asked"]["given"]["pue"] == 1.5
    assert explanation["matched"]["operator"]["pue"] == 1.5
    assert explanation["matched"]["grid"]["gco2e_per_kwh"] == 17.5
    assert explanation["matched"]["grid"]["basis"] == "given"
    assert numbers["E"].endswith(" * 1.5")
    assert " * 17.5 * " in numbers["G_op"]
    assert " * 250 + " in numbers["G_mb"]
    assert numbers["J_acc"].startswith("1 * (")
    assert notes["PUE"] == "given by the caller: 1.5"
    assert notes["grid intensity"] == "given by the caller: 17.5 gCO2e/kWh"
    assert notes["tariff"] == "given by the caller: 250 gCO2e/kWh"
    parts = explanation["bounds"]["parts"]
    assert (parts["pue"], parts["grid"], parts["tariff"]) == (0.03, 0.10, 0.10)
    assert "batch_tier_factor" in [one["name"] for one in explanation["coefficients"]]


def test_nothing_given_is_nothing_told(document: FactorDocument) -> None:
    explanation = explained(document, "gpt-4o")

    assert not any("given by" in source["note"] for source in explanation["sources"])
    assert "tariff" not in explanation["bounds"]["parts"]
    assert "G_mb" not in [step["symbol"] for step in explanation["steps"]]
    assert "hardware" not in explanation


def assert_bounds_follow(explanation: dict[str, Any]) -> None:
    for name, factor in explanation["bounds"]["factor"].items():
        stated = explanation["results"][name]
        assert stated["high"] == pytest.approx(stated["central"] * factor)
        assert stated["low"] == pytest.approx(stated["central"] / factor)


@ANY_GIVEN
def test_the_bounds_follow_from_the_stated_factors(document: FactorDocument, given: Given) -> None:
    assert_bounds_follow(explained(document, "gpt-4o", country="IE", given=given))


def test_an_explanation_is_plain_json_and_names_its_version(document: FactorDocument) -> None:
    explanation = explained(document, "gpt-4o", provider="aws", region="eu-west-1")

    assert json.loads(json.dumps(explanation, allow_nan=False))["factor_version"] == "2026.11.1"
    assert explanation["matched"]["operator"]["operator"] == "aws:eu-west-1"
    assert explanation["asked"]["region"] == "eu-west-1"
    assert {"server_factor", "deployment_factor"} <= {
        coefficient["name"] for coefficient in explanation["coefficients"]
    }


def test_a_disclosed_figure_claims_no_lognormal_water(document: FactorDocument) -> None:
    assert "water_litres" not in explained(document, "mistral-large-2407")["bounds"]["factor"]


def test_the_grids_attribution_is_among_the_sources(document: FactorDocument) -> None:
    notes = {source["of"]: source["note"] for source in explained(document, "gpt-4o")["sources"]}

    assert "Ember" in notes["grid_countries.csv"]
    assert "CC-BY-4.0" in notes["grid_countries.csv"]
