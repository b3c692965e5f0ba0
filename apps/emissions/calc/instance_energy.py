"""An hour of a whole instance at one load as rates, in Decimal: for samples of compute.

    energy_kwh = watts(utilization) / 1000 x PUE
    embodied_co2e_grams = grams an hour

The power curve of the whole board (Teads) is the central value; the smallest and the largest of
the methods that know the instance are its bounds. The same figures as `optimizer.power` gives in
floating point for a ranking; what is stored is decimal.
"""

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

from apps.emissions.calc.compute_factors import EXACT, ExactInterval, UnitRates

DEFAULT_UTILIZATION: Final = Decimal("0.5")
"""The mean of hyperscale data centres, after Cloud Carbon Footprint."""
NORMALIZED_UNIT: Final = "instance_hour"
_LOADS: Final = (Decimal(0), Decimal("0.1"), Decimal("0.5"), Decimal(1))
_HALF: Final = _LOADS.index(DEFAULT_UTILIZATION)
_UNITS_PER_HOUR: Final = {"instance_hour": 1, "instance_minute": 60}
_WATTS_PER_KILOWATT: Final = 1000


@dataclass(frozen=True, slots=True)
class InstanceFactors:
    """What is known of an instance type: by the central method first, then by others."""

    watts: tuple[Decimal, Decimal, Decimal, Decimal]
    """Of the whole board without PUE, at rest, 10, 50 and 100 % load; it never falls with load."""
    other_watts_50: tuple[Decimal, ...]
    embodied_co2e_grams_per_hour: Decimal
    other_embodied_co2e_grams_per_hour: tuple[Decimal, ...]


def instance_rates(
    factors: InstanceFactors, *, unit: str, utilization: Decimal, pue: Decimal
) -> UnitRates:
    """What `compute_estimate` multiplies by. Raises ValueError for a load outside 0 to 1."""
    watts = watts_at(factors.watts, utilization)
    kilowatts = EXACT.divide(EXACT.multiply(watts, pue), Decimal(_WATTS_PER_KILOWATT))
    embodied = factors.embodied_co2e_grams_per_hour
    return UnitRates(
        resource_type="instance",
        normalized_unit=NORMALIZED_UNIT,
        numerator=Decimal(1),
        denominator=Decimal(_UNITS_PER_HOUR[unit]),
        pue=ExactInterval(pue, pue, pue),
        energy_kwh=_bounded(kilowatts, factors.watts[_HALF], factors.other_watts_50),
        embodied_co2e_grams=_bounded(
            embodied, embodied, factors.other_embodied_co2e_grams_per_hour
        ),
    )


def watts_at(watts: tuple[Decimal, ...], utilization: Decimal) -> Decimal:
    """Linear between the points of the curve."""
    for (left, below), (right, above) in pairwise(zip(_LOADS, watts, strict=True)):
        if left <= utilization <= right:
            share = EXACT.divide(EXACT.subtract(utilization, left), EXACT.subtract(right, left))
            rise = EXACT.multiply(EXACT.subtract(above, below), share)
            return EXACT.add(below, rise)
    raise ValueError(f"utilization has to lie between 0 and 1: {utilization}")


def _bounded(central: Decimal, known_at: Decimal, others: tuple[Decimal, ...]) -> ExactInterval:
    """The other methods are known at one point; elsewhere they keep that ratio to the central."""
    every = [central]
    if known_at:
        every += (EXACT.divide(EXACT.multiply(central, other), known_at) for other in others)
    return ExactInterval(min(every), central, max(every))
