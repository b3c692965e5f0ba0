"""One figure beside what other published methods give for the same tokens, on one log scale."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.common.quantities import MASS, shown
from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.interval import Interval
from apps.emissions.calc.methods.results import MethodResult, Quantity, central
from apps.emissions.services.comparison import compare
from carbon_platform.questions import places_of, usage_of

_TITLES = {
    "ours": "This product, from the tokens",
    "ecologits": "EcoLogits",
    "carbon_llm": "carbon-llm, one coefficient a model",
}
_THIS_FIGURE = "The figure above"


@dataclass(frozen=True, slots=True)
class Bar:
    """Where the interval and the central value stand, in percent of the scale."""

    start: str
    width: str
    mark: str


@dataclass(frozen=True, slots=True)
class Row:
    """One method's answer, in grams. `bar` is None where there is nothing to draw."""

    title: str
    co2e: float | None
    bounds: Interval | None
    bar: Bar | None
    result: MethodResult | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rows, and the two ends of their common scale as a person reads them."""

    rows: tuple[Row, ...]
    least: str
    most: str


@dataclass(frozen=True, slots=True)
class _Scale:
    """Whole powers of ten, in grams."""

    first: int
    last: int

    @classmethod
    def over(cls, quantities: list[Quantity]) -> "_Scale":
        drawn = [end for quantity in quantities for end in _ends(quantity) if end > 0]
        if not drawn:
            return cls(-3, 0)
        first, last = math.floor(math.log10(min(drawn))), math.ceil(math.log10(max(drawn)))
        return cls(first, max(last, first + 1))

    def percent(self, grams: float) -> float:
        return 100 * (math.log10(grams) - self.first) / (self.last - self.first)


def comparison(question: Mapping[str, Any], result: Estimate) -> Comparison:
    """The figure first. Ours from the tokens follows where the figure is calculated otherwise."""
    results = compare(question["model"], usage_of(question), **places_of(question))
    others = [other for other in results if other.name != "ours" or _differs(other, result)]
    scale = _Scale.over(
        [result.co2e_grams, *(other.co2e_grams for other in others if other.co2e_grams is not None)]
    )
    rows = [_row(_TITLES[other.name], other.co2e_grams, scale, other) for other in others]
    this = _row(_THIS_FIGURE, result.co2e_grams, scale)
    return Comparison((this, *rows), _told(scale.first), _told(scale.last))


def _differs(ours: MethodResult, result: Estimate) -> bool:
    """Other factors, given values or the hardware method: then both are shown."""
    return ours.co2e_grams != result.co2e_grams


def _row(
    title: str, co2e: Quantity | None, scale: _Scale, result: MethodResult | None = None
) -> Row:
    return Row(
        title=title,
        co2e=None if co2e is None else central(co2e),
        bounds=co2e if isinstance(co2e, Interval) else None,
        bar=None if co2e is None else _bar(co2e, scale),
        result=result,
    )


def _bar(quantity: Quantity, scale: _Scale) -> Bar | None:
    if min(_ends(quantity)) <= 0:
        return None
    low, middle, high = (scale.percent(grams) for grams in _ends(quantity))
    return Bar(f"{low:.2f}", f"{max(high - low, 0.3):.2f}", f"{max(middle - 0.4, 0):.2f}")


def _ends(quantity: Quantity) -> tuple[float, float, float]:
    if isinstance(quantity, Interval):
        return quantity.low, quantity.central, quantity.high
    return quantity, quantity, quantity


def _told(power: int) -> str:
    return shown(10.0**power, MASS)
