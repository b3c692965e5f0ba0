"""The steps that every method ends with: from the servers' electricity to air and water."""

from dataclasses import dataclass

from apps.emissions.calc.place import Place
from apps.emissions.calc.resolve import Resolved


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


def size_step(symbol: str, word: str, low: float, high: float, value: float) -> Step:
    meaning = f"{word} parameters, geometric middle of their range"
    numbers = f"sqrt({shown(low)} * {shown(high)})"
    return Step(symbol, meaning, "B", f"sqrt({word}_low * {word}_high)", numbers, value)


def site_step(it_kwh: float, place: Place) -> Step:
    numbers = f"{shown(it_kwh)} * {shown(place.pue)}"
    return Step("E", "data centre", "kWh", "E_it * PUE", numbers, it_kwh * place.pue)


def emission_steps(resolved: Resolved, accelerator_kwh: float, it_kwh: float) -> list[Step]:
    """Operational, and the share of the manufacture."""
    c, place = resolved.coefficients, resolved.place
    kwh = it_kwh * place.pue
    operational = kwh * place.gco2e_per_kwh * (1 + c.grid_loss)
    embodied = accelerator_kwh * c.embodied_grams_per_accelerator_kwh
    grid = f"{shown(kwh)} * {shown(place.gco2e_per_kwh)} * (1 + {shown(c.grid_loss)})"
    hardware = f"{shown(accelerator_kwh)} * {shown(c.embodied_grams_per_accelerator_kwh)}"
    names = ("embodied_grams_per_accelerator_kwh",)
    meaning = "share of the manufacture of the hardware"
    return [
        Step("G_op", "operational", "g", "E * CI * (1 + L)", grid, operational, ("grid_loss",)),
        Step("G_emb", meaning, "g", "E_acc * m", hardware, embodied, names),
    ]


def total_steps(resolved: Resolved, kwh: float, operational: float, embodied: float) -> list[Step]:
    """The total, and with a tariff the market-based total beside it."""
    tariff = resolved.place.tariff_gco2e_per_kwh
    numbers, total = f"{shown(operational)} + {shown(embodied)}", operational + embodied
    steps = [Step("G", "total", "g", "G_op + G_emb", numbers, total)]
    if tariff is not None:
        numbers = f"{shown(kwh)} * {shown(tariff)} + {shown(embodied)}"
        value = kwh * tariff + embodied
        steps.append(Step("G_mb", "market-based total", "g", "E * T + G_emb", numbers, value))
    return steps


def water_step(place: Place, it_kwh: float) -> Step:
    kwh = it_kwh * place.pue
    numbers = (
        f"{shown(it_kwh)} * {shown(place.wue_litres_per_kwh)}"
        f" + {shown(kwh)} * {shown(place.water_litres_per_kwh)}"
    )
    value = it_kwh * place.wue_litres_per_kwh + kwh * place.water_litres_per_kwh
    names = () if place.operator.wue_litres_per_kwh is not None else ("default_wue_litres_per_kwh",)
    return Step("W", "water", "L", "E_it * WUE + E * EWIF", numbers, value, names)


def shown(value: float) -> str:
    """A number as a person would copy it: whole numbers in full, others to seven digits."""
    return str(int(value)) if value == int(value) else f"{value:.7g}"
