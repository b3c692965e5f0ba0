"""A token estimate told so that a person can redo it: each step, its numbers, its source."""

import math
from dataclasses import asdict
from typing import Any

from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.interval import Z90
from apps.emissions.calc.resolve import Resolved
from apps.emissions.calc.steps import Step, token_steps
from apps.emissions.calc.usage import TokenUsage

_QUANTITIES = (
    "energy_kwh",
    "operational_co2e_grams",
    "embodied_co2e_grams",
    "co2e_grams",
    "water_litres",
)
_FORMULA = (
    "CO2e = electricity x grid intensity + hardware share; "
    "electricity = accelerator energy x server factor x PUE; "
    "accelerator energy = output tokens x energy per output token x context growth "
    "+ prompt tokens x energy per prompt token x context growth, cached ones at a fraction"
)
_NOT_INCLUDED = (
    "training of the model",
    "devices of the users",
    "networks outside the data centre",
    "storage of prompts and logs",
    "searches and tool calls made by the provider",
    "buildings, and the end of life of the hardware",
    "losses of the electricity grid",
    "images, audio and video: their tokens count as text",
)


def explain(
    document: FactorDocument, usage: TokenUsage, resolved: Resolved, estimate: Estimate
) -> dict[str, Any]:
    """Every input, intermediate value and source of this estimate, as plain JSON values."""
    steps = token_steps(usage, resolved)
    return {
        "method": estimate.method,
        "factor_version": estimate.factor_version,
        "formula": _FORMULA,
        "asked": asdict(resolved.asked),
        "usage": asdict(usage) | {"total": usage.total},
        "matched": _matched(resolved),
        "steps": [asdict(step) for step in steps],
        "formula_with_numbers": _one_line(steps, estimate),
        "bounds": _bounds(resolved),
        "results": {name: getattr(estimate, name).as_dict() for name in _QUANTITIES},
        "confidence": estimate.confidence,
        "coefficients": _coefficients(document, steps),
        "sources": _sources(document, resolved),
        "not_included": list(_NOT_INCLUDED),
        "warnings": [asdict(notice) for notice in estimate.warnings],
    }


def _one_line(steps: list[Step], estimate: Estimate) -> str:
    total = next(step for step in steps if step.symbol == "G")
    return f"{total.formula} = {total.numbers} = {estimate.co2e_grams.central:.6g} gCO2e"


def _matched(resolved: Resolved) -> dict[str, Any]:
    operator, grid = resolved.place.operator, resolved.place.grid
    return {
        "model": asdict(resolved.row),
        "operator": asdict(operator),
        "grid": asdict(grid) | {"basis": resolved.place.basis},
    }


def _bounds(resolved: Resolved) -> dict[str, Any]:
    """How the doubts add up: squares of log standard deviations, then exp(Z90 x root)."""
    factors, place, energy = resolved.coefficients, resolved.place, resolved.energy
    sigma = resolved.sigma_energy
    sigmas = {
        "energy_kwh": sigma,
        "operational_co2e_grams": math.hypot(sigma, place.sigma_grid),
        "embodied_co2e_grams": math.hypot(sigma, factors.sigma_embodied),
        "water_litres": math.hypot(sigma, factors.sigma_water),
    }
    disclosed = resolved.row.disclosed_gco2e_per_1k_output is not None
    if disclosed:
        del sigmas["water_litres"]
    return {
        "level": 0.90,
        "rule": f"low = central / factor, high = central x factor, factor = exp({Z90} x log_sd)",
        "total": (
            f"central x (1 -/+ {factors.disclosure_band}), for a published figure without bounds"
            if disclosed
            else "low = operational low + embodied low, high likewise"
        ),
        "parts": {
            "deployment": factors.sigma_deployment,
            "server": factors.sigma_server,
            "pue": place.sigma_pue,
            "model": energy.sigma_model,
            "model_size": energy.sigma_size,
            "grid": place.sigma_grid,
            "embodied": factors.sigma_embodied,
            "water": factors.sigma_water,
        },
        "log_sd": sigmas,
        "factor": {name: math.exp(Z90 * value) for name, value in sigmas.items()},
    }


def _coefficients(document: FactorDocument, steps: list[Step]) -> list[dict[str, Any]]:
    used = dict.fromkeys(name for step in steps for name in step.coefficients)
    return [{"name": name, **asdict(document.coefficient_notes[name])} for name in used]


def _sources(document: FactorDocument, resolved: Resolved) -> list[dict[str, Any]]:
    row, operator, grid = resolved.row, resolved.place.operator, resolved.place.grid
    cited = [
        {"of": "model", "url": row.source_url, "note": row.note},
        {"of": "operator", "url": operator.source_url, "note": operator.note},
        {"of": "grid", "url": grid.source_url, "note": f"{grid.country}, {grid.year}"},
    ]
    files = [
        {"of": file.name, "url": file.url, "note": f"{file.attribution} ({file.licence})"}
        for file in document.sources
    ]
    return [source for source in (*cited, *files) if source["url"] or source["note"]]
