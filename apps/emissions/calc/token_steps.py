"""The arithmetic of a token estimate, step by step, with this request's numbers filled in."""

from apps.emissions.calc.rates import JOULES_PER_KWH
from apps.emissions.calc.resolve import Resolved
from apps.emissions.calc.steps import (
    Step,
    emission_steps,
    shown,
    site_step,
    size_step,
    total_steps,
    water_step,
)
from apps.emissions.calc.tokens import ContextWork, context_work
from apps.emissions.calc.usage import TokenUsage


def token_steps(usage: TokenUsage, resolved: Resolved) -> list[Step]:
    work, row, energy = context_work(usage, resolved), resolved.row, resolved.energy
    return [
        size_step("P_a", "active", row.active_b_low, row.active_b_high, energy.active_b),
        size_step("P_t", "total", row.total_b_low, row.total_b_high, energy.total_b),
        _reference_step(resolved),
        *_per_token_steps(resolved),
        *_context_steps(usage, resolved, work),
        _joules_step(usage, resolved, work),
        *_beyond_the_accelerator(usage, resolved, work),
    ]


def _reference_step(resolved: Resolved) -> Step:
    energy, c = resolved.energy, resolved.coefficients
    value = energy.reference_joules
    meaning = "accelerator energy of one output token at the reference batch"
    if resolved.row.joules_per_output_token is not None:
        return Step("e_ref", meaning, "J", "metered", shown(value), value, ("reference_batch",))
    active, total = shown(energy.active_b), shown(energy.total_b)
    numbers = (
        f"{shown(c.decode_scale)} * {active}^{shown(c.decode_active_exponent)}"
        f" * ({total} / {active})^{shown(c.decode_spread_exponent)}"
        f" * {shown(c.reference_batch)}^({shown(c.decode_batch_exponent)})"
    )
    names = (
        "decode_scale",
        "decode_active_exponent",
        "decode_spread_exponent",
        "reference_batch",
        "decode_batch_exponent",
    )
    return Step("e_ref", meaning, "J", "k * P_a^a * (P_t / P_a)^b * batch^c", numbers, value, names)


def _per_token_steps(resolved: Resolved) -> list[Step]:
    energy, c = resolved.energy, resolved.coefficients
    return [
        Step(
            "e_out",
            "accelerator energy of one output token in a real fleet",
            "J",
            "D * e_ref",
            f"{shown(c.deployment_factor)} * {shown(energy.reference_joules)}",
            energy.output_joules,
            ("deployment_factor",),
        ),
        Step(
            "e_in",
            "accelerator energy of one fresh prompt token",
            "J",
            "min(operations * P_a * 10^9 / eta, cap * e_out)",
            f"min({shown(c.prefill_flop_per_parameter)} * {shown(energy.active_b)} * 10^9"
            f" / {shown(c.prefill_flop_per_joule)},"
            f" {shown(c.prefill_cap)} * {shown(energy.output_joules)})",
            energy.input_joules,
            ("prefill_flop_per_parameter", "prefill_flop_per_joule", "prefill_cap"),
        ),
        Step(
            "c_d",
            "context at which the energy of an output token has doubled",
            "tokens",
            "min(max(per_b * P_t, least), most)",
            f"min(max({shown(c.decode_context_tokens_per_b)} * {shown(energy.total_b)},"
            f" {shown(c.decode_context_min)}), {shown(c.decode_context_max)})",
            energy.decode_context_tokens,
            ("decode_context_tokens_per_b", "decode_context_min", "decode_context_max"),
        ),
    ]


def _context_steps(usage: TokenUsage, resolved: Resolved, work: ContextWork) -> list[Step]:
    c, calls = resolved.coefficients, usage.requests or 1
    prompt, context = work.prompt_tokens, work.context_tokens
    return [
        Step(
            "prompt",
            "prompt tokens of one call",
            "tokens",
            "(input + cached_input + cache_write) / requests",
            f"({usage.input} + {usage.cached_input} + {usage.cache_write}) / {calls}",
            prompt,
        ),
        Step(
            "ctx",
            "mean context while the answer is written",
            "tokens",
            "prompt + output / (2 * requests)",
            f"{shown(prompt)} + {usage.output} / (2 * {calls})",
            context,
        ),
        Step(
            "k_dec",
            "growth of output energy with the context",
            "1",
            "1 + max(0, ctx - free) / c_d",
            f"1 + max(0, {shown(context)} - {shown(c.context_free_tokens)})"
            f" / {shown(resolved.energy.decode_context_tokens)}",
            work.decode_growth,
            ("context_free_tokens",),
        ),
        Step(
            "k_pre",
            "growth of prompt energy with the prompt",
            "1",
            "1 + prompt / s_0",
            f"1 + {shown(prompt)} / {shown(c.prefill_context_tokens)}",
            work.prefill_growth,
            ("prefill_context_tokens",),
        ),
    ]


def _joules_step(usage: TokenUsage, resolved: Resolved, work: ContextWork) -> Step:
    c, energy = resolved.coefficients, resolved.energy
    numbers = (
        f"{usage.output} * {shown(energy.output_joules)} * {shown(work.decode_growth)}"
        f" + ({usage.input} + {shown(c.cache_write_factor)} * {usage.cache_write})"
        f" * {shown(energy.input_joules)} * {shown(work.prefill_growth)}"
        f" + {usage.cached_input} * {shown(c.cache_read_factor)} * {shown(energy.input_joules)}"
    )
    formula = (
        "output * e_out * k_dec + (input + f_w * cache_write) * e_in * k_pre"
        " + cached_input * f_c * e_in"
    )
    names: tuple[str, ...] = ("cache_write_factor", "cache_read_factor")
    if resolved.asked.given.is_batch:
        formula, numbers = f"f_b * ({formula})", f"{shown(c.batch_tier_factor)} * ({numbers})"
        names = (*names, "batch_tier_factor")
    return Step("J_acc", "accelerator energy", "J", formula, numbers, work.joules, names)


def _beyond_the_accelerator(usage: TokenUsage, resolved: Resolved, work: ContextWork) -> list[Step]:
    c, place = resolved.coefficients, resolved.place
    accelerator = work.joules / JOULES_PER_KWH
    it_kwh = accelerator * c.server_factor
    to_kwh = f"{shown(work.joules)} / {shown(JOULES_PER_KWH)}"
    server = f"{shown(accelerator)} * {shown(c.server_factor)}"
    site = site_step(it_kwh, place)
    emissions = emission_steps(resolved, accelerator, it_kwh)
    return [
        Step("E_acc", "accelerator energy", "kWh", "J_acc / 3600000", to_kwh, accelerator),
        Step("E_it", "servers", "kWh", "E_acc * F_srv", server, it_kwh, ("server_factor",)),
        site,
        *emissions,
        *(
            _published_total(usage, resolved)
            or total_steps(resolved, site.value, *(step.value for step in emissions))
        ),
        _published_water(usage, resolved) or water_step(place, it_kwh),
    ]


def _published_total(usage: TokenUsage, resolved: Resolved) -> list[Step]:
    disclosed = resolved.row.disclosed_gco2e_per_1k_output
    if disclosed is None:
        return []
    return [_published("G", "total as published", "g", disclosed, usage.output)]


def _published_water(usage: TokenUsage, resolved: Resolved) -> Step | None:
    row = resolved.row
    disclosed = row.disclosed_water_litres_per_1k_output
    if disclosed is None or row.disclosed_gco2e_per_1k_output is None:
        return None
    return _published("W", "water as published", "L", disclosed, usage.output)


def _published(symbol: str, meaning: str, unit: str, disclosed: float, output: int) -> Step:
    numbers = f"{shown(disclosed)} * {output} / 1000"
    value = disclosed * (output / 1000)
    return Step(symbol, meaning, unit, "published * output / 1000", numbers, value)
