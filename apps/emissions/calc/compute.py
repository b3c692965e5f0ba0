"""Generic compute usage: normalized amount, energy and emissions of one metered fact.

    normalized = amount x multiple of its unit
    energy_kwh = normalized x factor x PUE
    operational_co2e_grams = energy_kwh x intensity
    embodied_co2e_grams = normalized x embodied factor
    co2e_grams = operational + embodied

All from unrounded intermediates. A whole instance comes the same way, its factors from
`instance_energy`.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple

from apps.emissions.calc.compute_factors import EXACT, ExactInterval, UnitRates

STORED_PLACES: Final = 18
"""A kilobyte's worth of anything keeps its digits: what is stored is summed, then rounded."""
_STORED: Final = Decimal(1).scaleb(-STORED_PLACES)
_Bounds = tuple[Decimal, Decimal, Decimal]
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
    normalized = _MULTIPLY(amount, rates.numerator)
    if rates.denominator != 1:
        normalized = EXACT.divide(normalized, rates.denominator)
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


def _scaled(bounds: _Bounds, factor: Decimal) -> _Bounds:
    """In tuples without names: there are ten thousand in one request."""
    low, central, high = bounds
    middle = _MULTIPLY(central, factor)
    if low == high:
        return middle, middle, middle
    return _MULTIPLY(low, factor), middle, _MULTIPLY(high, factor)


def _stored(bounds: _Bounds) -> ExactInterval:
    low, central, high = bounds
    middle = _QUANTIZE(central, _STORED)
    if low == high:
        return ExactInterval(middle, middle, middle)
    return ExactInterval(_QUANTIZE(low, _STORED), middle, _QUANTIZE(high, _STORED))
