"""The explanation has to lead a person to the same figure."""

import json
import math
from typing import Any

import pytest

from apps.emissions.calc.explain import explain
from apps.emissions.calc.factors import FactorDocument
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


def explained(document: FactorDocument, model: str, **place: str) -> dict[str, Any]:
    resolved = resolve(document, model, **place)
    return explain(document, USAGE, resolved, token_estimate(USAGE, resolved))


def by_hand(numbers: str) -> float:
    names = {"sqrt": math.sqrt, "min": min, "max": max, "__builtins__": {}}
    return float(eval(numbers.replace("^", "**"), names))  # noqa: S307 - our own text


@pytest.mark.parametrize("model", MODELS)
def test_every_step_can_be_redone_from_its_numbers(document: FactorDocument, model: str) -> None:
    for step in explained(document, model)["steps"]:
        assert by_hand(step["numbers"]) == pytest.approx(step["value"], rel=1e-5), step["symbol"]


@pytest.mark.parametrize("model", MODELS)
def test_the_steps_end_at_the_estimate(document: FactorDocument, model: str) -> None:
    steps = {step["symbol"]: step["value"] for step in explained(document, model)["steps"]}
    result = token_estimate(USAGE, resolve(document, model))

    for symbol, quantity in QUANTITY_OF.items():
        assert steps[symbol] == pytest.approx(getattr(result, quantity).central, rel=1e-12)


def test_the_bounds_follow_from_the_stated_factors(document: FactorDocument) -> None:
    explanation = explained(document, "gpt-4o", country="IE")

    for name, factor in explanation["bounds"]["factor"].items():
        stated = explanation["results"][name]
        assert stated["high"] == pytest.approx(stated["central"] * factor)
        assert stated["low"] == pytest.approx(stated["central"] / factor)


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
