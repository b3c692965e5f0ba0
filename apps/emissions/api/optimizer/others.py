"""The answers of /calculate, /compare, /schedule and /regions."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from apps.emissions import cloud
from apps.emissions.api.optimizer.answer import request_id
from apps.emissions.api.optimizer.outputs import (
    CalculatedFigures,
    CalculateOutput,
    ComparedFigures,
    CompareOutput,
    Comparison,
    ForecastSummary,
    RegionDetails,
    RegionListed,
    RegionOutput,
    RegionsOutput,
    SavingsPotential,
    ScheduleOutput,
)
from apps.emissions.api.optimizer.parts import (
    GRAMS_PER_KG,
    forecast_basis,
    grid_intensity,
    job_figures,
    renewable,
    saved_percent,
    time_window,
    told,
    total_grams,
    window_advice,
)
from apps.emissions.grid.base import Intensity, Share
from apps.emissions.optimizer.caveats import Caveat
from apps.emissions.optimizer.offers import Region
from apps.emissions.optimizer.power import watts
from apps.emissions.optimizer.runs import Run
from apps.emissions.services.optimizing import Figure
from apps.emissions.services.regions import DayAhead, RegionNow
from apps.emissions.services.scheduling import Schedule, Timing

_RULE = "the hours of the next 24 (UTC) below their average; none where all are equal"


def calculated(figure: Figure) -> CalculateOutput:
    run, grams = figure.run, total_grams(figure.run)
    return CalculateOutput(
        request_id=request_id(),
        calculation=CalculatedFigures(
            **job_figures(run, figure.intensity),
            co2_emissions_g=grams,
            co2_emissions_kg=grams / GRAMS_PER_KG,
            carbon_intensity_used=run.intensity.gco2e_per_kwh,
            formula=formula(run),
        ),
    )


def formula(run: Run) -> str:
    """The central figure in its numbers, to be worked out by hand."""
    power = watts(run.instance, run.utilisation)
    return (
        f"{power:.6g} W / 1000 x {run.hours:.6g} h x {run.count:g} x PUE {run.region.pue:g} "
        f"= {run.energy_kwh.interval.central:.6g} kWh; x {run.intensity.gco2e_per_kwh:.6g} g/kWh "
        f"+ embodied {run.instance.embodied_gco2e_per_hour:.6g} g/h x {run.hours:.6g} h "
        f"x {run.count:g} = {total_grams(run):.6g} g"
    )


def compared(figures: Sequence[Figure | None]) -> CompareOutput:
    """Lower bounds stand apart, unless all options are the same instance: then they compare."""
    known = [figure for figure in figures if figure is not None]
    is_same = len({figure.run.instance.key for figure in known}) == 1
    ranked = [one for one in known if is_same or one.run.instance.power_complete]
    apart = [one for one in known if not is_same and not one.run.instance.power_complete]
    comparisons = _ordered(ranked)
    return CompareOutput(
        request_id=request_id(),
        comparisons=comparisons,
        lower_bounds=_ordered(apart),
        analysis=_analysis(comparisons, len(apart), len(figures) - len(known)),
    )


def _ordered(figures: Iterable[Figure]) -> list[ComparedFigures]:
    rows = sorted(figures, key=lambda one: (total_grams(one.run), one.run.region.key))
    return [
        ComparedFigures(
            **job_figures(row.run, row.intensity),
            co2_emissions_g=total_grams(row.run),
            co2_emissions_kg=total_grams(row.run) / GRAMS_PER_KG,
        )
        for row in rows
    ]


def _analysis(comparisons: list[ComparedFigures], apart: int, unknown: int) -> Comparison:
    best, worst = (comparisons[0], comparisons[-1]) if comparisons else (None, None)
    difference = share = None
    if best is not None and worst is not None:
        difference = worst.co2_emissions_kg - best.co2_emissions_kg
        share = 100.0 * difference / worst.co2_emissions_kg if worst.co2_emissions_kg else 0.0
    return Comparison(
        best_option=best,
        worst_option=worst,
        difference_kg=difference,
        difference_percentage=share,
        total_options_compared=len(comparisons),
        is_estimate=True,
        reason=(
            f"Grams of the whole job with the intensities of now; {apart} of incomplete power "
            f"stand apart, {unknown} have a grid of which nothing is known."
        ),
    )


def scheduled(region: Region, timing: Timing, found: Schedule) -> ScheduleOutput:
    window = found.best.window
    current = found.current.gco2e_per_kwh
    return ScheduleOutput(
        request_id=request_id(),
        region=region.region,
        zone=region.zone,
        cloud=region.provider,
        optimal_window=time_window(window, timing.hours),
        current_intensity=current,
        savings_potential=SavingsPotential(
            current_vs_optimal_gco2_kwh=(
                None if window is None or current is None else current - window.gco2e_per_kwh
            ),
            start_now_vs_optimal_gco2_kwh=None if window is None else window.saved_gco2e_per_kwh,
            start_now_vs_optimal_percentage=saved_percent(window),
        ),
        window=window_advice(found.best),
        reason=found.best.reason,
        intensity=grid_intensity(found.current),
        is_estimate=True,
    )


def listed(rows: Sequence[tuple[Region, Intensity]], now: datetime) -> RegionsOutput:
    return RegionsOutput(
        request_id=request_id(),
        timestamp=now,
        total_regions=len(rows),
        regions=[_listed(region, intensity) for region, intensity in rows],
    )


def _listed(region: Region, intensity: Intensity) -> RegionListed:
    percent, basis = renewable(region)
    return RegionListed(
        region=region.region,
        zone=region.zone,
        carbon_intensity=intensity.gco2e_per_kwh,
        renewable_percentage=percent,
        is_estimate=intensity.is_estimate,
        cloud=region.provider,
        country=region.country,
        name=region.name,
        status=region.status,
        pue=region.pue,
        water_litres_per_kwh=region.wue_litres_per_kwh,
        renewable_basis=basis,
        intensity=grid_intensity(intensity),
    )


def detailed(found: RegionNow, now: datetime) -> RegionOutput:
    region, day = found.region, found.day
    zone = cloud.catalogue().zone(region.zone)
    yearly = (None, None) if zone is None else (zone.renewable_percent, zone.carbon_free_percent)
    renewable_percent, renewable_basis = _share(found.renewable, yearly[0], renewable(region)[1])
    free_percent, free_basis = _share(found.carbon_free, yearly[1], renewable(region)[1])
    return RegionOutput(
        request_id=request_id(),
        region_details=RegionDetails(
            region=region.region,
            zone=region.zone,
            current_carbon_intensity=found.intensity.gco2e_per_kwh,
            renewable_percentage=renewable_percent,
            fossil_free_percentage=free_percent,
            forecast_24h=_summary(day),
            optimal_hours_utc=day.hours_below_average,
            optimal_hours_rule=_RULE,
            timestamp=now,
            cloud=region.provider,
            country=region.country,
            name=region.name,
            status=region.status,
            pue=region.pue,
            water_litres_per_kwh=region.wue_litres_per_kwh,
            renewable_basis=renewable_basis,
            fossil_free_basis=free_basis,
            is_estimate=found.intensity.is_estimate,
            intensity=grid_intensity(found.intensity),
            forecast=forecast_basis(day.forecast, is_stale=day.is_stale),
            forecast_reason=day.reason,
            caveats=told(_of_place(region, found.intensity)),
        ),
    )


def _of_place(region: Region, intensity: Intensity) -> Iterable[Caveat]:
    if region.pue_basis == "provider":
        yield "pue_of_provider"
    if region.zone_basis == "assigned":
        yield "zone_assigned_by_location"
    if region.status == "announced":
        yield "region_announced"
    if intensity.is_estimate:
        yield "intensity_estimated"


def _share(live: Share | None, yearly: float | None, basis: str) -> tuple[float | None, str]:
    if live is None:
        return yearly, basis
    return live.percent, f"live: {live.source} for {live.at:%Y-%m-%d %H:%M} UTC"


def _summary(day: DayAhead) -> ForecastSummary | None:
    average = day.average
    if average is None:
        return None
    values = day.by_hour.values()
    return ForecastSummary(average=average, minimum=min(values), maximum=max(values))
