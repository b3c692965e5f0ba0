"""What holds for any counts and any model."""

from dataclasses import astuple, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.given import Given
from apps.emissions.calc.hardware import hardware_estimate
from apps.emissions.calc.interval import Interval, around
from apps.emissions.calc.rates import JOULES_PER_KWH
from apps.emissions.calc.resolve import resolve
from apps.emissions.calc.tokens import context_work, token_estimate
from apps.emissions.calc.usage import MOST_TOKENS, TokenUsage

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
INTENSITIES = st.one_of(st.none(), st.floats(min_value=0, max_value=2000))
GIVEN = st.builds(
    Given,
    st.one_of(st.none(), st.floats(min_value=1, max_value=3)),
    INTENSITIES,
    INTENSITIES,
    st.booleans(),
)
COUNTS = st.integers(min_value=0, max_value=10**10)
USAGES = st.builds(
    TokenUsage, COUNTS, COUNTS, COUNTS, COUNTS, requests=st.integers(min_value=0, max_value=10**6)
)
CLASSES = st.sampled_from(["input", "cached_input", "cache_write", "output"])
INTERVALS = st.lists(
    st.floats(min_value=1e-9, max_value=1e12) | st.just(0.0), min_size=3, max_size=3
).map(lambda bounds: Interval(*sorted(bounds)))
ALMOST = 1 + 1e-12  # room for the last bit of a float


def quantities(estimate: Estimate) -> list[Interval]:
    return [
        estimate.energy_kwh,
        estimate.it_energy_kwh,
        estimate.operational_co2e_grams,
        estimate.embodied_co2e_grams,
        estimate.co2e_grams,
        estimate.market_based_co2e_grams,
        estimate.water_litres,
    ]


@given(model=MODELS)
def test_no_tokens_cost_nothing(document: FactorDocument, model: str) -> None:
    result = token_estimate(TokenUsage(), resolve(document, model))

    assert quantities(result) == [Interval(0.0, 0.0, 0.0)] * 7


@given(model=MODELS, usage=USAGES, known=GIVEN)
def test_bounds_enclose_the_central_value(
    document: FactorDocument, model: str, usage: TokenUsage, known: Given
) -> None:
    for quantity in quantities(token_estimate(usage, resolve(document, model, given=known))):
        assert 0 <= quantity.low <= quantity.central <= quantity.high


@given(model=MODELS, known=GIVEN, usage=USAGES, more=st.tuples(CLASSES, COUNTS))
def test_more_tokens_never_cost_less(
    document: FactorDocument, model: str, known: Given, usage: TokenUsage, more: tuple[str, int]
) -> None:
    resolved, (name, count) = resolve(document, model, given=known), more
    before = token_estimate(usage, resolved)
    after = token_estimate(replace(usage, **{name: getattr(usage, name) + count}), resolved)

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

    less, more = token_estimate(cached, resolved), token_estimate(usage, resolved)
    for smaller, larger in zip(astuple(less.energy_kwh), astuple(more.energy_kwh), strict=True):
        assert smaller <= larger * ALMOST


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


@given(model=MODELS, hours=st.floats(min_value=0, max_value=1e6), known=GIVEN)
def test_twice_the_time_of_the_hardware_costs_twice_as_much(
    document: FactorDocument, model: str, hours: float, known: Given
) -> None:
    resolved = resolve(document, model, given=known)
    once = hardware_estimate(resolved, duration_seconds=hours * 3600).estimate
    twice = hardware_estimate(resolved, duration_seconds=hours * 7200).estimate

    for single, double in zip(quantities(once), quantities(twice), strict=True):
        assert 0 <= single.low <= single.central <= single.high
        assert astuple(double) == pytest.approx(astuple(single.scaled(2)), rel=1e-12)


@given(interval=INTERVALS, factor=st.sampled_from([1000.0, 3.6e6, 1e6, 1 / 3.6e6]))
def test_a_change_of_units_and_back_is_no_change(interval: Interval, factor: float) -> None:
    """Grams and tonnes, kWh and Wh, kWh and joules."""
    assert astuple(interval.scaled(factor).scaled(1 / factor)) == pytest.approx(
        astuple(interval), rel=1e-15
    )


@given(model=MODELS, usage=USAGES)
def test_the_kilowatt_hours_of_the_servers_are_their_joules(
    document: FactorDocument, model: str, usage: TokenUsage
) -> None:
    resolved = resolve(document, model)
    joules = token_estimate(usage, resolved).it_energy_kwh.scaled(JOULES_PER_KWH)

    assert joules.central == pytest.approx(
        context_work(usage, resolved).joules * resolved.coefficients.server_factor, rel=1e-12
    )


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
    ("counts", "named"),
    [
        ({"input": -1}, "input"),
        ({"output": 1.5}, "output"),
        ({"cached_input": True}, "cached_input"),
        ({"requests": -1}, "requests"),
        ({"cache_write": None}, "cache_write"),
        ({"output": 5, "reasoning": 6}, "reasoning"),
        *(
            ({name: MOST_TOKENS + 1}, name)
            for name in ("input", "cached_input", "cache_write", "output", "reasoning", "requests")
        ),
    ],
)
def test_impossible_counts_are_refused_by_their_name(counts: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=f"{named}.* token"):
        TokenUsage(**counts)


def test_the_largest_counts_have_an_estimate(document: FactorDocument) -> None:
    usage = TokenUsage(MOST_TOKENS, MOST_TOKENS, MOST_TOKENS, MOST_TOKENS, MOST_TOKENS)

    assert token_estimate(usage, resolve(document, "gpt-4o")).co2e_grams.central > 0
