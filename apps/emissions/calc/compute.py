"""Generic compute usage: normalized amount, energy and emissions of one metered fact.

    normalized = amount x multiple of its unit
    energy_kwh = normalized x factor x PUE
    operational_co2e_grams = energy_kwh x intensity
    embodied_co2e_grams = normalized x embodied factor
    co2e_grams = operational + embodied

All from unrounded intermediates. A whole instance (its type, hours and utilization) is another
calculation with a table of its own; it belongs beside this function, with the same answer.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple

from apps.emissions.calc.compute_factors import EXACT, ExactInterval, UnitRates

STORED_PLACES: Final = 18
"""A kilobyte's worth of anything keeps its digits: what is stored is summed, then rounded."""
_STORED: Final = Decimal(1).scaleb(-STORED_PLACES)
_MULTIPLY, _QUANTIZE = EXACT.multiply, EXACT.quantize


class ComputeEstimate(NamedTuple):
    """What a sample stands for, every value rounded half up to STORED_PLACES."""

    normalized_usage_amount: Decimal
    energy_kwh: ExactInterval
    operational_co2e_grams: ExactInterval
    embodied_co2e_grams: ExactInterval

    @property
    def co2e_grams(self) -> ExactInterval:
        """Lows added to lows and highs to highs."""
        pairs = zip(self.operational_co2e_grams, self.embodied_co2e_grams, strict=True)
        return ExactInterval(*(EXACT.add(*pair) for pair in pairs))


def compute_estimate(amount: Decimal, rates: UnitRates, intensity: Decimal) -> ComputeEstimate:
    """The estimate of an amount of the rates' unit, at grams of CO2e per kWh.

    The bounds are those of the factors: an intensity is taken as it is.
    """
    normalized = EXACT.divide(_MULTIPLY(amount, rates.numerator), rates.denominator)
    energy = _scaled(rates.energy_kwh, normalized)
    return ComputeEstimate(
        _QUANTIZE(normalized, _STORED),
        _stored(energy),
        _stored(_scaled(energy, intensity)),
        _stored(_scaled(rates.embodied_co2e_grams, normalized)),
    )


def rounded(value: Decimal, places: int) -> Decimal:
    """Half up, as a reader of the answer would round."""
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP, context=EXACT)


def _scaled(interval: ExactInterval, factor: Decimal) -> ExactInterval:
    low, central, high = interval
    middle = _MULTIPLY(central, factor)
    if low == high:
        return ExactInterval(middle, middle, middle)
    return ExactInterval(_MULTIPLY(low, factor), middle, _MULTIPLY(high, factor))


def _stored(interval: ExactInterval) -> ExactInterval:
    low, central, high = interval
    middle = _QUANTIZE(central, _STORED)
    if low == high:
        return ExactInterval(middle, middle, middle)
    return ExactInterval(_QUANTIZE(low, _STORED), middle, _QUANTIZE(high, _STORED))
