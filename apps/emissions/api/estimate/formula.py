"""The one line that says how a figure came about, with the numbers of its request."""

from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.hardware import HardwareEstimate
from apps.emissions.calc.rates import JOULES_PER_KWH
from apps.emissions.calc.resolve import Resolved
from apps.emissions.calc.tokens import context_work
from apps.emissions.calc.usage import TokenUsage

_MS_PER_HOUR = 3.6e6


def token_formula(usage: TokenUsage, resolved: Resolved, result: Estimate) -> str:
    disclosed = resolved.row.disclosed_gco2e_per_1k_output
    if disclosed is not None:
        grams = f"{_n(disclosed)} g per 1,000 output tokens as published"
        return f"{grams} x {usage.output} / 1000 = {_n(result.co2e_grams.central)} gCO2e"
    return f"{_token_energy(usage, resolved)}{_to_the_air(resolved, result)}"


def _token_energy(usage: TokenUsage, resolved: Resolved) -> str:
    work, energy, c = context_work(usage, resolved), resolved.energy, resolved.coefficients
    read, grown = _n(energy.input_joules), _n(work.prefill_growth)
    parts = [
        (usage.output, f"output x {_n(energy.output_joules)} J x {_n(work.decode_growth)}"),
        (usage.input, f"input x {read} J x {grown}"),
        (usage.cache_write, f"written x {_n(c.cache_write_factor)} x {read} J x {grown}"),
        (usage.cached_input, f"cached x {_n(c.cache_read_factor)} x {read} J"),
    ]
    joules = " + ".join(f"{count} {per_token}" for count, per_token in parts if count) or "0 J"
    batch = f" x {_n(c.batch_tier_factor)} batch" if resolved.asked.given.is_batch else ""
    return f"({joules}){batch} / {_n(JOULES_PER_KWH)} J/kWh x {_n(c.server_factor)} server"


def hardware_formula(machine: HardwareEstimate, resolved: Resolved, duration_ms: int) -> str:
    hours = f"{_n(duration_ms / _MS_PER_HOUR)} h"
    if machine.metered_power_watts is not None:
        energy = f"{_n(machine.metered_power_watts)} W metered / 1000 x {hours}"
    else:
        energy = (
            f"{machine.accelerators} accelerators x {_n(machine.board_power_kw or 0)} kW"
            f" x {_n(machine.server_factor)} server x {hours}"
            f" / {_n(machine.sharing_requests or 0)} sharing"
        )
    return f"{energy}{_to_the_air(resolved, machine.estimate)}"


def _to_the_air(resolved: Resolved, result: Estimate) -> str:
    place = resolved.place
    loss = resolved.coefficients.grid_loss
    losses = f" x (1 + {_n(loss)})" if loss else ""
    return (
        f" x {_n(place.pue)} PUE x {_n(place.gco2e_per_kwh)} gCO2e/kWh{losses}"
        f" + {_n(result.embodied_co2e_grams.central)} g hardware"
        f" = {_n(result.co2e_grams.central)} gCO2e"
    )


def _n(value: float) -> str:
    """Seven digits, enough to redo it."""
    return f"{value:.7g}"
