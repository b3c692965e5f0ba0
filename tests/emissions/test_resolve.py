"""Where a model is taken to run, and what falls back when a name is unknown."""

import pytest

from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.resolve import Resolved, resolve
from apps.emissions.calc.tokens import token_estimate
from apps.emissions.calc.usage import TokenUsage


def codes(resolved: Resolved) -> list[str]:
    return [notice.code for notice in resolved.warnings]


@pytest.mark.parametrize(
    ("model", "provider", "operator"),
    [
        ("gpt-4o", None, "openai"),
        ("gpt-4o", "azure", "azure"),
        ("gpt-4o", " Azure ", "azure"),
        ("gpt-oss-120b", None, "open-weights-host"),
        ("llama-3.1-8b", None, "open-weights-host"),
        ("llama-3.1-8b", "openrouter", "open-weights-host"),
        ("claude-sonnet-4-5", "openrouter", "anthropic"),
        ("some-new-model", None, "*"),
        ("some-new-model", "openrouter", "*"),
        ("some-new-model", "mistral", "mistral"),
    ],
)
def test_the_operator_is_the_callers_else_the_models(
    document: FactorDocument, model: str, provider: str | None, operator: str
) -> None:
    resolved = resolve(document, model, provider)

    assert resolved.place.operator.operator == operator
    assert "provider_unknown" not in codes(resolved)


@pytest.mark.parametrize("provider", ["aws", "bedrock", "amazon"])
def test_a_region_brings_its_own_overhead_and_country(
    document: FactorDocument, provider: str
) -> None:
    resolved = resolve(document, "claude-opus-4-8", provider, "eu-west-1")

    assert resolved.place.operator.operator == "aws:eu-west-1"
    assert (resolved.place.pue, resolved.grid.zone, resolved.grid.basis) == (1.11, "IE", "operator")
    assert resolved.grid.is_estimate
    assert codes(resolved) == []


def test_an_unknown_region_is_not_used_and_said(document: FactorDocument) -> None:
    resolved = resolve(document, "claude-opus-4-8", "aws", "mars-north-1")

    assert resolved.place.operator.operator == "aws"
    assert codes(resolved) == ["region_unknown"]


def test_an_unknown_operator_is_an_average_one_and_said(document: FactorDocument) -> None:
    resolved = resolve(document, "gpt-4o", "garage")

    assert resolved.place.operator.operator == "*"
    assert resolved.place.sigma_pue == 0.087
    assert codes(resolved) == ["provider_unknown"]


@pytest.mark.parametrize("country", ["FR", "fr", " FRA "])
def test_the_callers_country_selects_the_grid(document: FactorDocument, country: str) -> None:
    grid = resolve(document, "gpt-4o", country=country).grid

    assert (grid.zone, grid.gco2e_per_kwh, grid.basis, grid.is_estimate) == (
        "FR",
        44.18,
        "country",
        False,
    )


def test_a_country_without_a_row_falls_back_to_the_world_and_says_so(
    document: FactorDocument,
) -> None:
    resolved = resolve(document, "gpt-4o", country="XX")

    assert (resolved.grid.zone, resolved.grid.basis) == ("ZZ", "world")
    assert resolved.place.sigma_grid == 0.6
    assert codes(resolved) == ["country_unknown"]


def test_a_country_without_water_data_takes_the_worlds(document: FactorDocument) -> None:
    assert resolve(document, "gpt-4o", country="AL").place.water_litres_per_kwh == 3.908


def test_an_operator_without_water_data_takes_the_industrys(document: FactorDocument) -> None:
    assert resolve(document, "gpt-4o", "oracle").place.wue_litres_per_kwh == 0.84


@pytest.mark.parametrize("name", [None, "", "   ", "/"])
def test_no_model_is_the_medium_tier_and_said(document: FactorDocument, name: str | None) -> None:
    resolved = resolve(document, name)

    assert (resolved.row.pattern, resolved.row.tier) == ("*", "medium")
    assert codes(resolved) == ["model_missing"]


def test_a_resolution_is_remembered_for_its_document(document: FactorDocument) -> None:
    assert resolve(document, "gpt-4o") is resolve(document, "gpt-4o")


def test_a_disclosure_gives_total_and_water_but_not_energy(document: FactorDocument) -> None:
    usage = TokenUsage(input=100, output=400)
    disclosed = token_estimate(usage, resolve(document, "mistral-large-2407"))
    modelled = token_estimate(usage, resolve(document, "mistral-large-2411"))

    assert disclosed.co2e_grams.as_dict() == pytest.approx(
        {"low": 0.798, "central": 1.14, "high": 1.482}
    )
    assert disclosed.water_litres.as_dict() == pytest.approx(
        {"low": 0.0315, "central": 0.045, "high": 0.0585}
    )
    assert disclosed.energy_kwh == modelled.energy_kwh
    assert [notice.code for notice in disclosed.warnings] == ["disclosure_applied"]
    assert (disclosed.confidence, modelled.confidence) == ("measured", "benchmarked")
    assert modelled.warnings == ()


def test_the_disclosure_is_of_mistral_large_2_only(document: FactorDocument) -> None:
    disclosed = [
        row.pattern for row in document.models if row.disclosed_gco2e_per_1k_output is not None
    ]

    assert disclosed == ["mistral-large-2407*", "mistral-large-2"]
