"""An estimate told so that a person can redo it: each step, its numbers, its source."""

from dataclasses import asdict
from typing import Any

from apps.emissions.calc.bounds import hardware_bounds, token_bounds
from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.hardware import HardwareEstimate
from apps.emissions.calc.hardware_steps import hardware_steps
from apps.emissions.calc.resolve import Resolved
from apps.emissions.calc.steps import Step
from apps.emissions.calc.token_steps import token_steps
from apps.emissions.calc.usage import TokenUsage

_QUANTITIES = (
    "energy_kwh",
    "operational_co2e_grams",
    "embodied_co2e_grams",
    "co2e_grams",
    "market_based_co2e_grams",
    "water_litres",
)
_FROM_TOKENS = (
    "CO2e = electricity x grid intensity + hardware share; "
    "electricity = accelerator energy x server factor x PUE; "
    "accelerator energy = output tokens x energy per output token x context growth "
    "+ prompt tokens x energy per prompt token x context growth, cached ones at a fraction"
)
_FROM_TIME = (
    "CO2e = electricity x grid intensity + hardware share; "
    "electricity = server energy x PUE; "
    "server energy = accelerators x board power x server factor x time / requests that share them"
)
_FROM_POWER = (
    "CO2e = electricity x grid intensity + hardware share; "
    "electricity = metered power of the servers x time x PUE"
)
NOT_INCLUDED = (
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
    document: FactorDocument,
    usage: TokenUsage,
    resolved: Resolved,
    result: Estimate | HardwareEstimate,
) -> dict[str, Any]:
    """Every input, intermediate value and source of this estimate, as plain JSON values.

    The hardware method does not calculate with the token counts: they are told.
    """
    if isinstance(result, HardwareEstimate):
        steps = hardware_steps(result, resolved)
        own = {"hardware": _hardware(result), "bounds": hardware_bounds(result, resolved)}
        formula = _FROM_TIME if result.metered_power_watts is None else _FROM_POWER
        told = _told(document, resolved, result.estimate, steps)
        power = result.metered_power_watts
    else:
        steps = token_steps(usage, resolved)
        own, formula, power = {"bounds": token_bounds(resolved)}, _FROM_TOKENS, None
        told = _told(document, resolved, result, steps)
    return {
        **told,
        **own,
        "formula": formula,
        "usage": asdict(usage) | {"total": usage.total},
        "sources": _given_sources(resolved, power) + _sources(document, resolved),
    }


def _told(
    document: FactorDocument, resolved: Resolved, estimate: Estimate, steps: list[Step]
) -> dict[str, Any]:
    return {
        "method": estimate.method,
        "factor_version": estimate.factor_version,
        "asked": asdict(resolved.asked),
        "matched": _matched(resolved),
        "steps": [asdict(step) for step in steps],
        "formula_with_numbers": _one_line(steps, estimate),
        "results": {name: getattr(estimate, name).as_dict() for name in _QUANTITIES},
        "confidence": estimate.confidence,
        "coefficients": _coefficients(document, steps),
        "not_included": list(NOT_INCLUDED),
        "warnings": [asdict(notice) for notice in estimate.warnings],
    }


def _hardware(machine: HardwareEstimate) -> dict[str, Any]:
    return {
        "duration_seconds": machine.duration_seconds,
        "metered_power_watts": machine.metered_power_watts,
        "accelerators": machine.accelerators,
        "board_power_kw": machine.board_power_kw,
        "sharing_requests": machine.sharing_requests,
        "server_factor": machine.server_factor,
        "pue": machine.pue,
    }


def _one_line(steps: list[Step], estimate: Estimate) -> str:
    total = next(step for step in steps if step.symbol == "G")
    return f"{total.formula} = {total.numbers} = {estimate.co2e_grams.central:.6g} gCO2e"


def _matched(resolved: Resolved) -> dict[str, Any]:
    """The rows that were found, with what was given in the place of their values."""
    place = resolved.place
    return {
        "model": asdict(resolved.row),
        "operator": asdict(place.operator) | {"pue": place.pue},
        "grid": asdict(place.grid) | {"gco2e_per_kwh": place.gco2e_per_kwh, "basis": place.basis},
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


def _given_sources(resolved: Resolved, power_watts: float | None) -> list[dict[str, Any]]:
    """What the caller said, to stand before what the catalogue says about the same."""
    given = resolved.asked.given
    known = (
        ("PUE", given.pue, ""),
        ("grid intensity", given.gco2e_per_kwh, " gCO2e/kWh"),
        ("tariff", given.tariff_gco2e_per_kwh, " gCO2e/kWh"),
        ("power", power_watts, " W"),
    )
    return [
        {"of": of, "url": "", "note": f"given by the caller: {value:g}{unit}"}
        for of, value, unit in known
        if value is not None
    ]
