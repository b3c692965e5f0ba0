"""The token method: joules at the accelerator from token counts and the length of the context."""

from dataclasses import dataclass, replace

from apps.emissions.calc.estimate import Estimate, Notice
from apps.emissions.calc.interval import band
from apps.emissions.calc.resolve import Resolved
from apps.emissions.calc.usage import TokenUsage

_HIDDEN_TOKENS = Notice(
    "hidden_tokens",
    "This model reasons before it answers: the output tokens have to contain the hidden ones.",
)


@dataclass(frozen=True, slots=True)
class ContextWork:
    """How the context weighs on the tokens, and the accelerator joules that follow."""

    prompt_tokens: float
    context_tokens: float
    decode_growth: float
    prefill_growth: float
    joules: float


def context_work(usage: TokenUsage, resolved: Resolved) -> ContextWork:
    """Of a bucket of many calls only the mean context is known, so the mean is what counts.

    `columns` repeats this operation by operation, and a test holds the two to the same bits.
    """
    factors, energy = resolved.coefficients, resolved.energy
    calls = usage.requests or 1
    prompt = (usage.input + usage.cached_input + usage.cache_write) / calls
    context = prompt + usage.output / (2 * calls)
    excess = max(0.0, context - factors.context_free_tokens)
    decode_growth = 1.0 + excess / energy.decode_context_tokens
    prefill_growth = 1.0 + prompt / factors.prefill_context_tokens
    fresh = usage.input + factors.cache_write_factor * usage.cache_write
    decoded = usage.output * energy.output_joules * decode_growth
    read = energy.input_joules * (
        fresh * prefill_growth + factors.cache_read_factor * usage.cached_input
    )
    joules = (decoded + read) * resolved.tier_factor
    return ContextWork(prompt, context, decode_growth, prefill_growth, joules)


def token_estimate(usage: TokenUsage, resolved: Resolved) -> Estimate:
    """Energy, emissions and water of these tokens, with 90 % bounds."""
    joules = context_work(usage, resolved).joules
    estimate = resolved.estimate(joules, resolved.rates, "token")
    if resolved.row.disclosed_gco2e_per_1k_output is None:
        return estimate
    return _with_disclosure(estimate, usage, resolved)


def asking_for_hidden_tokens(estimate: Estimate, usage: TokenUsage) -> Estimate:
    """With a reminder, where somebody counted the tokens of a reasoning model by what they saw."""
    if estimate.tier != "reasoning" or usage.reasoning is not None:
        return estimate
    return replace(estimate, warnings=(*estimate.warnings, _HIDDEN_TOKENS))


def _with_disclosure(estimate: Estimate, usage: TokenUsage, resolved: Resolved) -> Estimate:
    """The maker's own life-cycle figure replaces the total and the water; the rest is modelled."""
    row, share = resolved.row, resolved.coefficients.disclosure_band
    thousands = usage.output / 1000
    water = estimate.water_litres
    if row.disclosed_water_litres_per_1k_output is not None:
        water = band(row.disclosed_water_litres_per_1k_output * thousands, share)
    text = (
        "Total and water follow the maker's published assessment of this model; "
        "energy, operational and embodied emissions are modelled and do not add up to it."
    )
    notices = [Notice("disclosure_applied", text)]
    if resolved.place.tariff_gco2e_per_kwh is not None:
        text = (
            "The given tariff is not used: the maker does not publish what share of the total is "
            "electricity, so the market-based figure is that total."
        )
        notices.append(Notice("tariff_not_used", text))
    total = band((row.disclosed_gco2e_per_1k_output or 0.0) * thousands, share)
    return replace(
        estimate,
        co2e_grams=total,
        market_based_co2e_grams=total,
        water_litres=water,
        confidence="measured",
        warnings=(*estimate.warnings, *notices),
    )
