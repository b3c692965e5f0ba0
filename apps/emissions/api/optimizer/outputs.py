"""What the optimizer answers: the published fields, and ours beside them."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from apps.emissions.api.optimizer.figures import (
    FigureCaveat,
    ForecastBasis,
    GridIntensity,
    JobFigures,
    SavedGrams,
    TimeWindow,
    WindowAdvice,
)
from apps.emissions.grid.base import EmissionFactorType
from apps.emissions.optimizer.offers import Provider, WorkloadKind
from apps.emissions.optimizer.ranking import Priority
from apps.emissions.optimizer.units import Unit
from apps.emissions.services.optimizing import Basis


class Answered(Struct, frozen=True, kw_only=True):
    """Every answer's first two members."""

    status: Literal["success"] = "success"
    request_id: str


class RankingTerms(Struct, frozen=True, kw_only=True):
    """Each 0 to 1, 1 is best among the candidates. No price, no term."""

    carbon: float
    speed: float
    price: float | None


class RankedFigures(JobFigures, frozen=True, kw_only=True):
    """A candidate in its place. `per_unit` figures compare unlike sizes."""

    estimated_co2_emissions_kg: float
    estimated_co2_emissions_g: float
    rank: int
    score: float
    terms: RankingTerms
    unit: Unit
    co2e_grams_per_unit: float
    usd_per_unit: float | None


class Recommended(RankedFigures, frozen=True, kw_only=True):
    """A ranked candidate with the best time for it; null with the reason in `window`."""

    optimal_time_window: TimeWindow | None
    window: WindowAdvice


class FrontierPoint(Struct, frozen=True, kw_only=True):
    """Nothing is both cheaper and cleaner, per unit of work."""

    cloud: Provider
    region: str
    instance_type: str
    usd_per_unit: float
    co2e_grams_per_unit: float


class OwnSavings(Struct, frozen=True, kw_only=True):
    """The way from the caller's own region and start: first to the place, then to the time.

    `basis` says which intensities: the forecast of both zones, the pattern of past days, or now.
    """

    start_region: str
    instance_type: str
    by_place: SavedGrams
    by_time: SavedGrams
    total: SavedGrams
    basis: Basis
    is_estimate: bool
    estimate_reason: str


class CarbonSavings(Struct, frozen=True, kw_only=True):
    """The first against the dirtiest candidate; `own` against what the caller has."""

    potential_savings_kg: float
    potential_savings_percentage: float
    comparison: str
    is_estimate: bool
    own: OwnSavings | None
    own_reason: str


class OptimizeMetadata(Struct, frozen=True, kw_only=True):
    """What was looked at, and how."""

    total_regions_analyzed: int
    total_options_ranked: int
    duration_hours: float
    api_data_freshness: str
    rungs: dict[str, int]
    utilization: float
    count: int
    unit: Unit
    clouds: list[Provider]
    emission_factor_type: EmissionFactorType
    regions_without_intensity: list[str]
    catalogue_version: str
    not_included: list[str]


class Recommendation(Struct, frozen=True, kw_only=True):
    """The ranking. `reason` says why it is empty where it is."""

    workload_type: WorkloadKind
    priority: Priority
    timestamp: datetime
    recommendations: list[Recommended]
    reason: str | None
    carbon_savings: CarbonSavings | None
    service_optimizations: list[str]
    frontier: list[FrontierPoint]
    lower_bounds: list[RankedFigures]
    metadata: OptimizeMetadata


class OptimizeOutput(Answered, frozen=True, kw_only=True):
    """`lower_bounds` are instances of incomplete power: never ranked beside the others."""

    recommendation: Recommendation


class CalculatedFigures(JobFigures, frozen=True, kw_only=True):
    """The figures of one job, with the formula in its numbers."""

    co2_emissions_g: float
    co2_emissions_kg: float
    carbon_intensity_used: float
    formula: str


class CalculateOutput(Answered, frozen=True, kw_only=True):
    """One instance in one region."""

    calculation: CalculatedFigures


class ComparedFigures(JobFigures, frozen=True, kw_only=True):
    """One of the options."""

    co2_emissions_g: float
    co2_emissions_kg: float


class Comparison(Struct, frozen=True, kw_only=True):
    """The first and the last of the comparisons; null where none could be ranked."""

    best_option: ComparedFigures | None
    worst_option: ComparedFigures | None
    difference_kg: float | None
    difference_percentage: float | None
    total_options_compared: int
    is_estimate: bool
    reason: str


class CompareOutput(Answered, frozen=True, kw_only=True):
    """The cleanest first, by grams of the whole job."""

    comparisons: list[ComparedFigures]
    lower_bounds: list[ComparedFigures]
    analysis: Comparison


class SavingsPotential(Struct, frozen=True, kw_only=True):
    """The step in progress less the window's mean (unlike lengths), and the fair saving.

    The fair one is against starting at `not_before`, over the same length.
    """

    current_vs_optimal_gco2_kwh: float | None
    start_now_vs_optimal_gco2_kwh: float | None
    start_now_vs_optimal_percentage: float | None


class ScheduleOutput(Answered, frozen=True, kw_only=True):
    """The best window; where none fits null and the reason, never a shorter one."""

    region: str
    zone: str
    cloud: Provider
    optimal_window: TimeWindow | None
    current_intensity: float | None
    savings_potential: SavingsPotential
    window: WindowAdvice
    reason: str
    intensity: GridIntensity
    is_estimate: bool


class RegionListed(Struct, frozen=True, kw_only=True):
    """A region with the intensity of now; null where nothing is known of it."""

    region: str
    zone: str
    carbon_intensity: float | None
    renewable_percentage: float | None
    is_estimate: bool
    cloud: Provider
    country: str
    name: str
    status: Literal["operational", "announced"]
    pue: float
    water_litres_per_kwh: float | None
    renewable_basis: str
    intensity: GridIntensity


class RegionsOutput(Answered, frozen=True, kw_only=True):
    """The cleanest first."""

    timestamp: datetime
    total_regions: int
    regions: list[RegionListed]


class ForecastSummary(Struct, frozen=True, kw_only=True):
    """Over the known hours of the next 24."""

    average: float
    minimum: float
    maximum: float


class RegionDetails(Struct, frozen=True, kw_only=True):
    """`optimal_hours_utc` are the hours of the next 24 below their average."""

    region: str
    zone: str
    current_carbon_intensity: float | None
    renewable_percentage: float | None
    fossil_free_percentage: float | None
    forecast_24h: ForecastSummary | None
    optimal_hours_utc: list[int]
    optimal_hours_rule: str
    timestamp: datetime
    cloud: Provider
    country: str
    name: str
    status: Literal["operational", "announced"]
    pue: float
    water_litres_per_kwh: float | None
    renewable_basis: str
    fossil_free_basis: str
    is_estimate: bool
    intensity: GridIntensity
    forecast: ForecastBasis | None
    forecast_reason: str
    caveats: list[FigureCaveat]


class RegionOutput(Answered, frozen=True, kw_only=True):
    """One region."""

    region_details: RegionDetails
