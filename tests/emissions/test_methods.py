"""The same tokens under several methods: each as published, each with its reason to differ."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.emissions import services
from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.interval import Interval
from apps.emissions.calc.methods.ecologits import (
    EcologitsCase,
    EcologitsSite,
    ecologits_impact,
    ecologits_result,
)
from apps.emissions.calc.methods.results import MethodResult, central
from apps.emissions.calc.resolve import resolve
from apps.emissions.calc.tokens import token_estimate
from apps.emissions.calc.usage import TokenUsage
from apps.emissions.services.comparison import compare

NOW = datetime(2026, 11, 21, tzinfo=UTC)
USAGE = TokenUsage(input=1000, output=500)
SITE = EcologitsSite(1.1, 1.2, 383.55, "as written here")
COUNTS = st.integers(min_value=0, max_value=10**7)
MODELS = ("gpt-4o", "mistral-large-2", "llama-3.1-405b", "gemini-1.5-flash", "gpt-5-pro", "x", "")

EDGES = (
    TokenUsage(),
    TokenUsage(input=1),
    TokenUsage(cached_input=1),
    TokenUsage(cache_write=1),
    TokenUsage(output=1),
    TokenUsage(10**9, 10**9, 10**9, 10**9, requests=0),
)

# published coefficient; ours per 1,000 tokens of 1,000 in and 500 out with its bounds; of output
FLAT = {
    "gpt-4o": (0.3, 0.126, 0.024, 0.660, 0.268),
    "gpt-4o-mini": (0.1, 0.017, 0.003, 0.096, 0.029),
    "gpt-4-turbo": (0.35, 0.215, 0.043, 1.079, 0.442),
    "gpt-3.5-turbo": (0.08, 0.038, 0.007, 0.208, 0.063),
    "claude-3-5-sonnet": (0.3, 0.128, 0.023, 0.708, 0.269),
    "claude-3-opus": (0.45, 0.252, 0.048, 1.325, 0.544),
    "claude-3-haiku": (0.1, 0.024, 0.004, 0.148, 0.045),
    "mistral-large-2": (2.85, 0.950, 0.665, 1.235, 2.850),
    "mistral-small": (0.8, 0.005, 0.001, 0.022, 0.007),
    "gemini-1-5-flash": (0.075, 0.009, 0.002, 0.051, 0.013),
    "gemini-1-5-pro": (0.12, 0.067, 0.011, 0.417, 0.155),
    "gemini-2-0-flash": (0.08, 0.011, 0.002, 0.063, 0.016),
    "llama-3-70b": (0.25, 0.066, 0.015, 0.289, 0.096),
    "llama-3-8b": (0.05, 0.010, 0.002, 0.045, 0.014),
}


@pytest.fixture
def _published(db: None, catalogue: dict[str, object]) -> None:  # noqa: ARG001 - it opens the database
    services.seed_factor_set(catalogue, publish=True, now=NOW)


def by_name(model: str, usage: TokenUsage = USAGE, **place: str) -> dict[str, MethodResult]:
    return {result.name: result for result in compare(model, usage, **place)}


def hand_made(active_b: float, total_b: float, pue: float, grid: float) -> tuple[float, float]:
    impact = ecologits_impact(EcologitsCase(active_b, total_b, pue, grid), USAGE.output)
    return impact.energy_kwh, impact.co2e_grams


@pytest.mark.usefixtures("_published")
def test_ours_comes_first_and_is_the_estimate_of_every_figure() -> None:
    first, *others = compare("gpt-4o", USAGE, country="IE")
    estimate, _ = services.estimate("gpt-4o", USAGE, country="IE")

    assert first.name == "ours"
    assert [other.name for other in others] == ["ecologits", "carbon_llm"]
    assert (first.energy_kwh, first.co2e_grams) == (estimate.energy_kwh, estimate.co2e_grams)
    assert first.version == estimate.factor_version


@pytest.mark.usefixtures("_published")
def test_ecologits_is_given_our_sizes_and_its_own_data_centre() -> None:
    found = by_name("mistral-large-2411")["ecologits"]

    energy, grams = hand_made(122.6, 122.6, 1.16, 35.89)
    assert found.energy_kwh == Interval(energy, energy, energy)
    assert found.co2e_grams == Interval(grams, grams, grams)


@pytest.mark.usefixtures("_published")
def test_ecologits_reaches_from_least_size_and_pue_to_largest() -> None:
    found = by_name("claude-sonnet-4-5")["ecologits"].energy_kwh

    assert isinstance(found, Interval)
    assert found.low == hand_made(21.2, 348, 1.09, 383.55)[0]
    assert found.high == hand_made(132, 5570, 1.14, 383.55)[0]
    assert found.central == pytest.approx((found.low * found.high) ** 0.5)


@pytest.mark.usefixtures("_published")
def test_a_country_that_the_caller_names_prevails_over_the_one_of_ecologits() -> None:
    found = by_name("mistral-large-2411", country="FRA")["ecologits"]

    assert central(found.co2e_grams or 0.0) == hand_made(122.6, 122.6, 1.16, 44.18)[1]


@pytest.mark.usefixtures("_published")
def test_an_operator_that_ecologits_does_not_list_keeps_our_place() -> None:
    found = by_name("claude-sonnet-4-5", provider="aws", region="eu-west-1")["ecologits"]

    assert isinstance(found.energy_kwh, Interval)
    assert isinstance(found.co2e_grams, Interval)
    smallest, largest = hand_made(21.2, 348, 1.11, 279.79), hand_made(132, 5570, 1.11, 279.79)
    assert (found.energy_kwh.low, found.co2e_grams.low) == smallest
    assert (found.energy_kwh.high, found.co2e_grams.high) == largest
    assert "aws:eu-west-1" in found.note


@given(COUNTS, COUNTS, COUNTS)
def test_ecologits_sees_output_tokens_alone(
    document: FactorDocument, fresh: int, cached: int, output: int
) -> None:
    row = resolve(document, "gpt-4o").row

    with_prompt = ecologits_result(row, TokenUsage(fresh, cached, 0, output), SITE)
    assert with_prompt == ecologits_result(row, TokenUsage(output=output), SITE)


@pytest.mark.usefixtures("_published")
def test_the_flat_coefficient_counts_all_tokens_alike() -> None:
    for model, (coefficient, *_) in FLAT.items():
        found = by_name(model, TokenUsage(1000, 7000, 500, 1500))["carbon_llm"]

        assert found.is_available, model
        assert found.co2e_grams == pytest.approx(coefficient * 10), model
        assert found.energy_kwh is None, model


@pytest.mark.parametrize("model", FLAT)
def test_beside_the_flat_coefficient_stands_what_ours_gives(
    document: FactorDocument, model: str
) -> None:
    resolved = resolve(document, model)
    both = token_estimate(USAGE, resolved).co2e_grams.scaled(1 / 1.5)
    alone = token_estimate(TokenUsage(output=1000), resolved).co2e_grams
    _, middle, low, high, output_alone = FLAT[model]

    assert [both.central, both.low, both.high] == pytest.approx([middle, low, high], abs=0.00051)
    assert alone.central == pytest.approx(output_alone, abs=0.00051)


@pytest.mark.usefixtures("_published")
@pytest.mark.parametrize(
    ("name", "is_listed"),
    [
        ("openai/gpt-4o-2024-08-06", True),
        ("gpt-4o-audio-preview", False),
        ("claude-3-5-sonnet-20241022", True),
        ("mistral-large-2407", True),
        ("mistral-large-2411", False),
        ("gemini-1.5-flash", True),
        ("gemini-1.5-flash-8b", False),
        ("meta-llama/Meta-Llama-3-8B-Instruct", True),
        ("llama-3.1-8b", False),
        ("some-new-model", False),
    ],
)
def test_a_coefficient_is_taken_for_its_model_alone(name: str, *, is_listed: bool) -> None:
    found = by_name(name)["carbon_llm"]

    assert found.is_available is is_listed
    assert (found.co2e_grams is not None) is is_listed


@pytest.mark.usefixtures("_published")
def test_the_heaviest_reason_comes_first() -> None:
    long_prompt = by_name("gpt-4o", TokenUsage(1000, 900_000, 0, 500))["ecologits"].difference
    answer_alone = by_name("gpt-4o", TokenUsage(output=500))["ecologits"].difference

    assert long_prompt.index("901,000 prompt tokens") < long_prompt.index("GPUs")
    assert "prompt tokens" not in answer_alone


@pytest.mark.usefixtures("_published")
def test_the_stated_ratio_is_the_ratio() -> None:
    ours, ecologits, flat = compare("gpt-4o", USAGE)

    energy = central(ecologits.energy_kwh or 0) / central(ours.energy_kwh or 0)
    grams = central(flat.co2e_grams or 0) / central(ours.co2e_grams or 0)
    assert f"{energy:.2g} times our energy" in ecologits.difference
    assert f"{grams:.2g} times our emissions" in flat.difference


@pytest.mark.usefixtures("_published")
@pytest.mark.parametrize("model", MODELS)
def test_every_method_answers_and_gives_its_reason_whatever_was_counted(model: str) -> None:
    for usage in EDGES:
        for result in compare(model, usage):
            assert result.difference
            assert result.leaves_out
            assert result.source_url
            assert result.is_available == (result.co2e_grams is not None)
