"""The token method: joules at the accelerator from token counts and the length of the context."""

from dataclasses import dataclass, replace

from apps.emissions.calc.estimate import Estimate, Notice
from apps.emissions.calc.interval import band
from apps.emissions.calc.resolve import Resolved
from apps.emissions.calc.usage import TokenUsage


@dataclass(frozen=True, slots=True)
class ContextWork:
    """How the context weighs on the tokens, and the accelerator joules that follow."""

    prompt_tokens: float
    context_tokens: float
    decode_growth: float
    prefill_growth: float
    joules: float


def context_work(usage: TokenUsage, resolved: Resolved) -> ContextWork:
    """Of a bucket of many calls only the mean context is known, so the mean is what counts."""
    factors, energy = resolved.coefficients, resolved.energy
    calls = usage.requests or 1
    prompt = (usage.input + usage.cached_input + usage.cache_write) / calls
    context = prompt + usage.output / (2 * calls)
    excess = max(0.0, context - factors.context_free_tokens)
    decode_growth = 1.0 + excess / energy.decode_context_tokens
    prefill_growth = 1.0 + prompt / factors.prefill_context_tokens
    fresh = usage.input + factors.cache_write_factor * usage.cache_write
    joules = usage.output * energy.output_joules * decode_growth + energy.input_joules * (
        fresh * prefill_growth + factors.cache_read_factor * usage.cached_input
    )
    if resolved.asked.given.is_batch:
        joules *= factors.batch_tier_factor
    return ContextWork(prompt, context, decode_growth, prefill_growth, joules)


def token_estimate(usage: TokenUsage, resolved: Resolved) -> Estimate:
    """Energy, emissions and water of these tokens, with 90 % bounds."""
    joules = context_work(usage, resolved).joules
    estimate = resolved.estimate(joules, resolved.rates, "token")
    if resolved.row.disclosed_gco2e_per_1k_output is None:
        return estimate
    return _with_disclosure(estimate, usage, resolved)


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
    total = band((row.disclosed_gco2e_per_1k_output or 0.0) * thousands, share)
    has_tariff = resolved.place.tariff_gco2e_per_kwh is not None
    return replace(
        estimate,
        co2e_grams=total,
        market_based_co2e_grams=estimate.market_based_co2e_grams if has_tariff else total,
        water_litres=water,
        confidence="measured",
        warnings=(*estimate.warnings, Notice("disclosure_applied", text)),
    )
