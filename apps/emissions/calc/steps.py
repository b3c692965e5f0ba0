"""The arithmetic of a token estimate, step by step, with this request's numbers filled in."""

from dataclasses import dataclass

from apps.emissions.calc.rates import JOULES_PER_KWH
from apps.emissions.calc.resolve import Resolved
from apps.emissions.calc.tokens import ContextWork, context_work
from apps.emissions.calc.usage import TokenUsage


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the calculation. `numbers` is the formula with every symbol replaced."""

    symbol: str
    meaning: str
    unit: str
    formula: str
    numbers: str
    value: float
    coefficients: tuple[str, ...] = ()


def token_steps(usage: TokenUsage, resolved: Resolved) -> list[Step]:
    work = context_work(usage, resolved)
    return [
        *_size_steps(resolved),
        _reference_step(resolved),
        *_per_token_steps(resolved),
        *_context_steps(usage, resolved, work),
        *_energy_steps(usage, resolved, work),
        *_emission_steps(usage, resolved, work),
    ]


def _size_steps(resolved: Resolved) -> list[Step]:
    row, energy = resolved.row, resolved.energy
    return [
        Step(
            symbol,
            f"{word} parameters, geometric middle of their range",
            "B",
            f"sqrt({word}_low * {word}_high)",
            f"sqrt({_n(low)} * {_n(high)})",
            value,
        )
        for symbol, word, low, high, value in (
            ("P_a", "active", row.active_b_low, row.active_b_high, energy.active_b),
            ("P_t", "total", row.total_b_low, row.total_b_high, energy.total_b),
        )
    ]


def _reference_step(resolved: Resolved) -> Step:
    energy, c = resolved.energy, resolved.coefficients
    value = energy.reference_joules
    meaning = "accelerator energy of one output token at the reference batch"
    if resolved.row.joules_per_output_token is not None:
        return Step("e_ref", meaning, "J", "metered", _n(value), value, ("reference_batch",))
    active, total = _n(energy.active_b), _n(energy.total_b)
    numbers = (
        f"{_n(c.decode_scale)} * {active}^{_n(c.decode_active_exponent)}"
        f" * ({total} / {active})^{_n(c.decode_spread_exponent)}"
        f" * {_n(c.reference_batch)}^({_n(c.decode_batch_exponent)})"
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
            f"{_n(c.deployment_factor)} * {_n(energy.reference_joules)}",
            energy.output_joules,
            ("deployment_factor",),
        ),
        Step(
            "e_in",
            "accelerator energy of one fresh prompt token",
            "J",
            "min(operations * P_a * 10^9 / eta, cap * e_out)",
            f"min({_n(c.prefill_flop_per_parameter)} * {_n(energy.active_b)} * 10^9"
            f" / {_n(c.prefill_flop_per_joule)}, {_n(c.prefill_cap)} * {_n(energy.output_joules)})",
            energy.input_joules,
            ("prefill_flop_per_parameter", "prefill_flop_per_joule", "prefill_cap"),
        ),
        Step(
            "c_d",
            "context at which the energy of an output token has doubled",
            "tokens",
            "min(max(per_b * P_t, least), most)",
            f"min(max({_n(c.decode_context_tokens_per_b)} * {_n(energy.total_b)},"
            f" {_n(c.decode_context_min)}), {_n(c.decode_context_max)})",
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
            f"{_n(prompt)} + {usage.output} / (2 * {calls})",
            context,
        ),
        Step(
            "k_dec",
            "growth of output energy with the context",
            "1",
            "1 + max(0, ctx - free) / c_d",
            f"1 + max(0, {_n(context)} - {_n(c.context_free_tokens)})"
            f" / {_n(resolved.energy.decode_context_tokens)}",
            work.decode_growth,
            ("context_free_tokens",),
        ),
        Step(
            "k_pre",
            "growth of prompt energy with the prompt",
            "1",
            "1 + prompt / s_0",
            f"1 + {_n(prompt)} / {_n(c.prefill_context_tokens)}",
            work.prefill_growth,
            ("prefill_context_tokens",),
        ),
    ]


def _energy_steps(usage: TokenUsage, resolved: Resolved, work: ContextWork) -> list[Step]:
    c, energy = resolved.coefficients, resolved.energy
    accelerator = work.joules / JOULES_PER_KWH
    it_kwh = accelerator * c.server_factor
    joules = (
        f"{usage.output} * {_n(energy.output_joules)} * {_n(work.decode_growth)}"
        f" + ({usage.input} + {_n(c.cache_write_factor)} * {usage.cache_write})"
        f" * {_n(energy.input_joules)} * {_n(work.prefill_growth)}"
        f" + {usage.cached_input} * {_n(c.cache_read_factor)} * {_n(energy.input_joules)}"
    )
    formula = (
        "output * e_out * k_dec + (input + f_w * cache_write) * e_in * k_pre"
        " + cached_input * f_c * e_in"
    )
    names = ("cache_write_factor", "cache_read_factor")
    to_kwh = f"{_n(work.joules)} / {_n(JOULES_PER_KWH)}"
    server = f"{_n(accelerator)} * {_n(c.server_factor)}"
    site = f"{_n(it_kwh)} * {_n(resolved.place.pue)}"
    return [
        Step("J_acc", "accelerator energy", "J", formula, joules, work.joules, names),
        Step("E_acc", "accelerator energy", "kWh", "J_acc / 3600000", to_kwh, accelerator),
        Step("E_it", "servers", "kWh", "E_acc * F_srv", server, it_kwh, ("server_factor",)),
        Step("E", "data centre", "kWh", "E_it * PUE", site, it_kwh * resolved.place.pue),
    ]


def _emission_steps(usage: TokenUsage, resolved: Resolved, work: ContextWork) -> list[Step]:
    c, place = resolved.coefficients, resolved.place
    accelerator = work.joules / JOULES_PER_KWH
    kwh = accelerator * c.server_factor * place.pue
    operational = kwh * place.gco2e_per_kwh * (1 + c.grid_loss)
    embodied = accelerator * c.embodied_grams_per_accelerator_kwh
    grid = f"{_n(kwh)} * {_n(place.gco2e_per_kwh)} * (1 + {_n(c.grid_loss)})"
    hardware = f"{_n(accelerator)} * {_n(c.embodied_grams_per_accelerator_kwh)}"
    return [
        Step("G_op", "operational", "g", "E * CI * (1 + L)", grid, operational, ("grid_loss",)),
        Step(
            "G_emb",
            "share of the manufacture of the hardware",
            "g",
            "E_acc * m",
            hardware,
            embodied,
            ("embodied_grams_per_accelerator_kwh",),
        ),
        _total_step(usage, resolved, operational, embodied),
        _water_step(usage, resolved, accelerator * c.server_factor),
    ]


def _total_step(usage: TokenUsage, resolved: Resolved, operational: float, embodied: float) -> Step:
    disclosed = resolved.row.disclosed_gco2e_per_1k_output
    if disclosed is None:
        numbers = f"{_n(operational)} + {_n(embodied)}"
        return Step("G", "total", "g", "G_op + G_emb", numbers, operational + embodied)
    numbers, value = f"{_n(disclosed)} * {usage.output} / 1000", disclosed * usage.output / 1000
    return Step("G", "total as published", "g", "published * output / 1000", numbers, value)


def _water_step(usage: TokenUsage, resolved: Resolved, it_kwh: float) -> Step:
    disclosed, place = resolved.row.disclosed_water_litres_per_1k_output, resolved.place
    if disclosed is not None:
        numbers, value = f"{_n(disclosed)} * {usage.output} / 1000", disclosed * usage.output / 1000
        return Step("W", "water as published", "L", "published * output / 1000", numbers, value)
    kwh = it_kwh * place.pue
    numbers = (
        f"{_n(it_kwh)} * {_n(place.wue_litres_per_kwh)}"
        f" + {_n(kwh)} * {_n(place.water_litres_per_kwh)}"
    )
    value = it_kwh * place.wue_litres_per_kwh + kwh * place.water_litres_per_kwh
    names = () if place.operator.wue_litres_per_kwh is not None else ("default_wue_litres_per_kwh",)
    return Step("W", "water", "L", "E_it * WUE + E * EWIF", numbers, value, names)


def _n(value: float) -> str:
    """A number as a person would copy it: whole numbers in full, others to seven digits."""
    return str(int(value)) if value == int(value) else f"{value:.7g}"
