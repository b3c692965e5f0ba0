"""The quantities of one estimate as rows of a page, with the doubt in each of them."""

from dataclasses import dataclass
from typing import Any, Final

from apps.common.quantities import ENERGY, MASS, VOLUME, Scale, shown, shown_range
from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.interval import Interval

_QUANTITIES: Final[tuple[tuple[str, str, str, Scale], ...]] = (
    ("co2e_grams", "CO2e, total", "g", MASS),
    ("operational_co2e_grams", "CO2e, operational", "g", MASS),
    ("embodied_co2e_grams", "CO2e, embodied", "g", MASS),
    ("market_based_co2e_grams", "CO2e, market-based", "g", MASS),
    ("energy_kwh", "Electricity", "kWh", ENERGY),
    ("water_litres", "Water", "l", VOLUME),
)
_DOUBTS: Final = {
    "deployment": "fleet: batch, engine, age and utilisation of the hardware",
    "server": "servers around the accelerators",
    "pue": "PUE",
    "sharing": "number of requests that share the machine",
    "board_power": "power of the accelerator boards",
    "metered_power": "the meter",
    "model": "energy of the model, its size included",
    "model_size": "size of the model",
    "grid": "grid, in operational CO2e",
    "embodied": "manufacture, in embodied CO2e",
    "water": "water of site and power plants, in water",
    "tariff": "supply contract, in market-based CO2e",
}


@dataclass(frozen=True, slots=True)
class QuantityRow:
    """`log_sd` and `factor` are None where the bounds do not come from one lognormal."""

    title: str
    unit: str
    interval: Interval
    shown: str
    shown_range: str
    log_sd: float | None
    factor: float | None


def figures_of(result: Estimate, explanation: dict[str, Any]) -> dict[str, Any]:
    """For the template: every quantity, and the doubts that its bounds are made of."""
    bounds = explanation["bounds"]
    rows = [
        QuantityRow(
            title=title,
            unit=unit,
            interval=interval,
            shown=shown(interval.central, scale),
            shown_range=shown_range(interval.low, interval.central, interval.high, scale),
            log_sd=bounds["log_sd"].get(name),
            factor=bounds["factor"].get(name),
        )
        for name, title, unit, scale in _QUANTITIES
        for interval in (getattr(result, name),)
        if name != "market_based_co2e_grams" or interval != result.co2e_grams
    ]
    doubts = [
        (_DOUBTS.get(part, part.replace("_", " ")), sd) for part, sd in bounds["parts"].items()
    ]
    return {"quantities": rows, "doubts": doubts}
