"""The parts that answers of the optimizer are made of."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from apps.emissions.api.estimate.shapes import Quantity
from apps.emissions.grid.base import EmissionFactorType, Rung
from apps.emissions.optimizer.caveats import Caveat
from apps.emissions.optimizer.offers import Arch, Provider
from apps.emissions.services.scheduling import WhyNone


class GridIntensity(Struct, frozen=True, kw_only=True):
    """Where an intensity comes from, how old it is, and why it is no better one."""

    gco2e_per_kwh: float | None
    source: str
    at: datetime | None
    age_seconds: float | None
    rung: Rung
    reason: str
    emission_factor_type: EmissionFactorType
    is_estimate: bool
    estimation_method: str | None


class PowerMethods(Struct, frozen=True, kw_only=True):
    """The method behind each bound of the energy."""

    low: str
    central: str
    high: str


class ListPrice(Struct, frozen=True, kw_only=True):
    """The list price of one region on one day, which need not be the region asked for."""

    total: float
    per_hour: float
    region: str | None
    date: str | None


class FigureCaveat(Struct, frozen=True, kw_only=True):
    """What a reader of the figure has to know."""

    code: Caveat
    text: str


class JobFigures(Struct, frozen=True, kw_only=True):
    """A job on an instance in a region, with the intensity of now.

    Plain numbers are the central ones; bounds are those of the power methods, not of the grid's
    figure. Emissions are operational and embodied together. Water is the cooling's, null where
    the region's use of it is not published.
    """

    region: str
    zone: str
    cloud: Provider
    country: str
    instance_type: str
    service: str
    arch: Arch
    carbon_intensity_gco2_kwh: float
    renewable_percentage: float | None
    renewable_basis: str
    power_consumption_kwh: float
    duration_hours: float
    energy_kwh: Quantity
    energy_methods: PowerMethods
    operational_co2e_grams: Quantity
    embodied_co2e_grams: Quantity
    co2e_grams: Quantity
    water_litres: float | None
    pue: float
    usd: ListPrice | None
    intensity: GridIntensity
    is_estimate: bool
    estimate_reason: str
    is_lower_bound: bool
    caveats: list[FigureCaveat]


class TimeSpan(Struct, frozen=True, kw_only=True):
    """Uninterrupted work and the mean intensity over it."""

    start_time: datetime
    end_time: datetime
    avg_carbon_intensity: float


class TimeWindow(Struct, frozen=True, kw_only=True):
    """When to run. An interruptible job pauses between its spans."""

    start_time: datetime
    end_time: datetime
    avg_carbon_intensity: float
    duration_hours: float
    spans: list[TimeSpan]


class ForecastBasis(Struct, frozen=True, kw_only=True):
    """The series a window was sought in. `pattern` is the mean of past days, no forecast."""

    kind: Literal["forecast", "pattern"]
    source: str
    generated_at: datetime
    step_minutes: float
    covers_until: datetime
    emission_factor_type: EmissionFactorType
    is_stale: bool


class WindowAdvice(Struct, frozen=True, kw_only=True):
    """What the window rests on; without one, the word why. Figures of the future are estimates."""

    why_none: WhyNone | None
    reason: str
    forecast: ForecastBasis | None
    start_now_gco2e_per_kwh: float | None
    saved_gco2e_per_kwh: float | None
    saved_percent: float | None
    is_estimate: bool


class SavedGrams(Struct, frozen=True, kw_only=True):
    """Central grams CO2e for the same work; below zero where the choice is worse."""

    baseline_grams: float
    chosen_grams: float
    saved_grams: float
    saved_percent: float
