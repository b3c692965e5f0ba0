"""The answer of the calculation: quantities with bounds, and what they rest on."""

from dataclasses import dataclass
from typing import Literal

from apps.emissions.calc.factors import Confidence, Tier
from apps.emissions.calc.interval import Interval

Method = Literal["token", "hardware"]
GridBasis = Literal["given", "country", "operator", "world"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the reader of a figure has to know: a code for programs, a text for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class GridUsed:
    """The electricity a figure was calculated with; an estimate when its place was assumed."""

    gco2e_per_kwh: float
    zone: str
    source: str
    year: int
    basis: GridBasis
    is_estimate: bool


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a use of a model costs the air and the water, with 90 % bounds.

    `market_based_co2e_grams` stands beside `co2e_grams` and is the same unless a tariff is given.
    """

    energy_kwh: Interval
    it_energy_kwh: Interval
    operational_co2e_grams: Interval
    embodied_co2e_grams: Interval
    co2e_grams: Interval
    market_based_co2e_grams: Interval
    water_litres: Interval
    confidence: Confidence
    method: Method
    model_matched: str
    model_found: bool
    tier: Tier
    grid: GridUsed
    factor_version: str
    warnings: tuple[Notice, ...]
