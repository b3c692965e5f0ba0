"""How the doubts of an estimate add up: squares of log standard deviations, then a root."""

import math
from typing import Any

from apps.emissions.calc.hardware import HardwareEstimate, sigma_parts
from apps.emissions.calc.interval import Z90
from apps.emissions.calc.resolve import Resolved


def token_bounds(resolved: Resolved) -> dict[str, Any]:
    factors, row = resolved.coefficients, resolved.row
    parts = {
        "deployment": factors.sigma_deployment,
        "server": factors.sigma_server,
        "pue": resolved.place.sigma_pue,
        "model": resolved.energy.sigma_model,
        "model_size": resolved.energy.sigma_size,
    }
    bounds = _bounds(resolved, resolved.sigma_energy, parts)
    if row.disclosed_gco2e_per_1k_output is None:
        return bounds
    share = factors.disclosure_band
    bounds["total"] = f"central x (1 -/+ {share}), for a published figure without bounds"
    if row.disclosed_water_litres_per_1k_output is not None:
        del bounds["log_sd"]["water_litres"], bounds["factor"]["water_litres"]
    return bounds


def hardware_bounds(machine: HardwareEstimate, resolved: Resolved) -> dict[str, Any]:
    is_metered = machine.metered_power_watts is not None
    parts = {"metered_power": machine.sigma_energy} if is_metered else sigma_parts(resolved)
    return _bounds(resolved, machine.sigma_energy, parts)


def _bounds(resolved: Resolved, sigma: float, parts: dict[str, float]) -> dict[str, Any]:
    factors, place = resolved.coefficients, resolved.place
    sigmas = {
        "energy_kwh": sigma,
        "operational_co2e_grams": math.hypot(sigma, place.sigma_grid),
        "embodied_co2e_grams": math.hypot(sigma, factors.sigma_embodied),
        "water_litres": math.hypot(sigma, factors.sigma_water),
    }
    beyond_energy = {
        "grid": place.sigma_grid,
        "embodied": factors.sigma_embodied,
        "water": factors.sigma_water,
    }
    if place.tariff_gco2e_per_kwh is not None:
        beyond_energy["tariff"] = factors.sigma_grid_given
    return {
        "level": 0.90,
        "rule": f"low = central / factor, high = central x factor, factor = exp({Z90} x log_sd)",
        "total": "low = operational low + embodied low, high likewise",
        "parts": parts | beyond_energy,
        "log_sd": sigmas,
        "factor": {name: math.exp(Z90 * value) for name, value in sigmas.items()},
    }
