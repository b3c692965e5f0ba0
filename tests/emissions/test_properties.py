"""What holds for any counts and any model."""

from dataclasses import astuple, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.interval import Interval, around
from apps.emissions.calc.resolve import resolve
from apps.emissions.calc.tokens import token_estimate
from apps.emissions.calc.usage import TokenUsage

MODELS = st.sampled_from(
    [
        "gpt-4o",
        "o3-mini",
        "claude-opus-4-8",
        "llama-3.1-8b",
        "deepseek-chat",
        "mistral-large-2407",
        "some-new-model",
    ]
)
COUNTS = st.integers(min_value=0, max_value=10**10)
USAGES = st.builds(
    TokenUsage, COUNTS, COUNTS, COUNTS, COUNTS, requests=st.integers(min_value=0, max_value=10**6)
)
CLASSES = st.sampled_from(["input", "cached_input", "cache_write", "output"])
ALMOST = 1 + 1e-12  # room for the last bit of a float


def quantities(estimate: Estimate) -> list[Interval]:
    return [
        estimate.energy_kwh,
        estimate.operational_co2e_grams,
        estimate.embodied_co2e_grams,
        estimate.co2e_grams,
        estimate.water_litres,
    ]


@given(model=MODELS)
def test_no_tokens_cost_nothing(document: FactorDocument, model: str) -> None:
    result = token_estimate(TokenUsage(), resolve(document, model))

    assert quantities(result) == [Interval(0.0, 0.0, 0.0)] * 5


@given(model=MODELS, usage=USAGES)
def test_bounds_enclose_the_central_value(
    document: FactorDocument, model: str, usage: TokenUsage
) -> None:
    for quantity in quantities(token_estimate(usage, resolve(document, model))):
        assert 0 <= quantity.low <= quantity.central <= quantity.high


@given(model=MODELS, usage=USAGES, name=CLASSES, more=COUNTS)
def test_more_tokens_never_cost_less(
    document: FactorDocument, model: str, usage: TokenUsage, name: str, more: int
) -> None:
    resolved = resolve(document, model)
    before = token_estimate(usage, resolved)
    after = token_estimate(replace(usage, **{name: getattr(usage, name) + more}), resolved)

    for less, greater in zip(quantities(before), quantities(after), strict=True):
        for smaller, larger in zip(astuple(less), astuple(greater), strict=True):
            assert smaller <= larger * ALMOST


@given(model=MODELS, usage=USAGES, share=st.floats(min_value=0, max_value=1))
def test_tokens_from_a_cache_never_cost_more_than_fresh_ones(
    document: FactorDocument, model: str, usage: TokenUsage, share: float
) -> None:
    moved = int(usage.input * share)
    cached = replace(usage, input=usage.input - moved, cached_input=usage.cached_input + moved)
    resolved = resolve(document, model)

    energy = token_estimate(cached, resolved).energy_kwh
    assert energy.central <= token_estimate(usage, resolved).energy_kwh.central * ALMOST


@given(model=MODELS, usage=USAGES, calls=st.integers(min_value=1, max_value=10**4))
def test_a_bucket_of_equal_calls_is_their_sum(
    document: FactorDocument, model: str, usage: TokenUsage, calls: int
) -> None:
    one = replace(usage, requests=1)
    many = TokenUsage(
        one.input * calls,
        one.cached_input * calls,
        one.cache_write * calls,
        one.output * calls,
        requests=calls,
    )
    resolved = resolve(document, model)

    for single, all_of_them in zip(
        quantities(token_estimate(one, resolved)),
        quantities(token_estimate(many, resolved)),
        strict=True,
    ):
        assert astuple(all_of_them) == pytest.approx(astuple(single.scaled(calls)), rel=1e-9)


@given(name=st.text(max_size=60))
@settings(max_examples=300)
def test_any_name_finds_a_row(document: FactorDocument, name: str) -> None:
    result = token_estimate(TokenUsage(1000, 0, 0, 500), resolve(document, name))

    assert result.model_found != bool(
        {"model_unknown", "model_missing"} & {notice.code for notice in result.warnings}
    )


@given(model=MODELS, usage=USAGES)
def test_the_same_question_has_the_same_answer(
    document: FactorDocument, model: str, usage: TokenUsage
) -> None:
    first = token_estimate(usage, resolve(document, model))
    resolve.cache_clear()

    assert token_estimate(usage, resolve(document, model)) == first


@given(central=st.floats(min_value=0, max_value=1e12), log_sd=st.floats(min_value=0, max_value=3))
def test_a_lognormal_interval_is_symmetric_in_proportion(central: float, log_sd: float) -> None:
    interval = around(central, log_sd)

    assert interval.low * interval.high == pytest.approx(central**2, rel=1e-9)


@pytest.mark.parametrize(
    "bounds",
    [(1.0, 0.5, 2.0), (-1.0, 0.0, 1.0), (0.0, 1.0, float("inf")), (0.0, float("nan"), 1.0)],
)
def test_nonsense_is_not_an_interval(bounds: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="not an interval"):
        Interval(*bounds)


def test_intervals_add_bound_by_bound() -> None:
    assert Interval(1, 2, 4) + Interval(0, 1, 8) == Interval(1, 3, 12)


@pytest.mark.parametrize(
    "counts",
    [
        {"input": -1},
        {"output": 1.5},
        {"cached_input": True},
        {"requests": -1},
        {"output": 5, "reasoning": 6},
    ],
)
def test_impossible_counts_are_refused(counts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"tokens|token count"):
        TokenUsage(**counts)
