"""The arithmetic of a hardware estimate, step by step, with this request's numbers filled in."""

from apps.emissions.calc.hardware import SECONDS_PER_HOUR, HardwareEstimate
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


def hardware_steps(machine: HardwareEstimate, resolved: Resolved) -> list[Step]:
    place, it_kwh = resolved.place, machine.it_kwh
    accelerator_kwh = it_kwh / machine.server_factor
    numbers = f"{shown(it_kwh)} / {shown(machine.server_factor)}"
    names = ("server_factor",)
    meaning = "accelerators' part of it"
    site = site_step(it_kwh, place)
    emissions = emission_steps(resolved, accelerator_kwh, it_kwh)
    return [
        *_server_steps(machine, resolved),
        Step("E_acc", meaning, "kWh", "E_it / F_srv", numbers, accelerator_kwh, names),
        site,
        *emissions,
        *total_steps(resolved, site.value, *(step.value for step in emissions)),
        water_step(place, it_kwh),
    ]


def _server_steps(machine: HardwareEstimate, resolved: Resolved) -> list[Step]:
    row, energy = resolved.row, resolved.energy
    hours = f"{shown(machine.duration_seconds)} / {shown(SECONDS_PER_HOUR)}"
    if machine.metered_power_watts is not None:
        numbers = f"{shown(machine.metered_power_watts)} / 1000 * {hours}"
        formula = "power / 1000 * duration / 3600"
        return [Step("E_it", "servers, as metered", "kWh", formula, numbers, machine.it_kwh)]
    return [
        size_step("P_t", "total", row.total_b_low, row.total_b_high, energy.total_b),
        _accelerators_step(machine, resolved),
        _shared_servers_step(machine, resolved, hours),
    ]


def _accelerators_step(machine: HardwareEstimate, resolved: Resolved) -> Step:
    c = resolved.coefficients
    numbers = (
        f"2^ceil(log2(max(1, ceil({shown(c.hardware_memory_overhead)}"
        f" * {shown(resolved.energy.total_b)} * {shown(c.hardware_bytes_per_parameter)}"
        f" / {shown(c.hardware_memory_gb)}))))"
    )
    return Step(
        "GPUs",
        "accelerators that hold the weights, a power of two",
        "1",
        "2^ceil(log2(max(1, ceil(overhead * P_t * bytes / memory))))",
        numbers,
        float(machine.accelerators or 0),
        ("hardware_memory_overhead", "hardware_bytes_per_parameter", "hardware_memory_gb"),
    )


def _shared_servers_step(machine: HardwareEstimate, resolved: Resolved, hours: str) -> Step:
    c = resolved.coefficients
    return Step(
        "E_it",
        "servers, shared with other requests",
        "kWh",
        "GPUs * board_kw * F_srv * duration / 3600 / sharing",
        f"{machine.accelerators} * {shown(c.hardware_board_kw)} * {shown(c.server_factor)}"
        f" * {hours} / {shown(c.hardware_sharing)}",
        machine.it_kwh,
        ("hardware_board_kw", "server_factor", "hardware_sharing"),
    )
