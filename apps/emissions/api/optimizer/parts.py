"""The parts of an answer, from the optimizer's own objects."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apps.emissions import cloud
from apps.emissions.api.estimate.answer import quantity
from apps.emissions.api.optimizer.figures import (
    FigureCaveat,
    ForecastBasis,
    GridIntensity,
    ListPrice,
    PowerMethods,
    SavedGrams,
    TimeSpan,
    TimeWindow,
    WindowAdvice,
)
from apps.emissions.grid.base import Forecast, Intensity
from apps.emissions.optimizer.caveats import Caveat, caveats
from apps.emissions.optimizer.offers import Region
from apps.emissions.optimizer.runs import Run
from apps.emissions.optimizer.savings import Saving
from apps.emissions.optimizer.windows import Window
from apps.emissions.services.scheduling import BestTime

GRAMS_PER_KG = 1000.0
_PERCENT = 100.0
_TEXTS: dict[Caveat, str] = {
    "power_is_lower_bound": "The accelerator's power is not published: the real figure is higher.",
    "power_of_another_cpu": "The processor's power is not published: that of another stands in.",
    "power_confidence_low": "The power was not measured on this instance.",
    "price_unknown": "No list price is known.",
    "price_of_another_region": "The price is that of another region.",
    "pue_of_provider": "The region's overhead is the mean of its provider.",
    "zone_assigned_by_location": "The grid zone was assigned by the region's place.",
    "region_announced": "The region is announced, or not known to operate.",
    "intensity_estimated": "The intensity is no measurement of the present.",
}


def job_figures(run: Run, intensity: Intensity) -> dict[str, Any]:
    """The members of JobFigures."""
    energy, embodied, total = run.energy_kwh, run.embodied_co2e_grams, run.co2e_grams
    percent, basis = renewable(run.region)
    return {
        "region": run.region.region,
        "zone": run.region.zone,
        "cloud": run.region.provider,
        "country": run.region.country,
        "instance_type": run.instance.instance_type,
        "service": run.instance.service,
        "arch": run.instance.arch,
        "carbon_intensity_gco2_kwh": run.intensity.gco2e_per_kwh,
        "renewable_percentage": percent,
        "renewable_basis": basis,
        "power_consumption_kwh": energy.interval.central,
        "duration_hours": run.hours,
        "energy_kwh": quantity(energy.interval),
        "energy_methods": PowerMethods(
            low=energy.low_method, central=energy.central_method, high=energy.high_method
        ),
        "operational_co2e_grams": quantity(run.operational_co2e_grams),
        "embodied_co2e_grams": quantity(embodied.interval),
        "co2e_grams": quantity(total),
        "water_litres": _water(run, energy.interval.central),
        "pue": run.region.pue,
        "usd": _price(run),
        "intensity": grid_intensity(intensity),
        "is_estimate": True,  # power is modelled, whatever the grid's figure is
        "estimate_reason": (
            f"Power is modelled at {run.utilisation:.0%} load, not metered. {intensity.reason}"
        ),
        "is_lower_bound": not energy.is_complete,
        "caveats": told(caveats(run)),
    }


def total_grams(run: Run) -> float:
    return run.co2e_grams.central


def renewable(region: Region) -> tuple[float | None, str]:
    """The zone's yearly share, and in words what that is."""
    zone = cloud.catalogue().zone(region.zone)
    if zone is None:
        return None, "unknown"
    return zone.renewable_percent, f"mean of {zone.year}"


def told(codes: Iterable[Caveat]) -> list[FigureCaveat]:
    return [FigureCaveat(code=code, text=_TEXTS[code]) for code in codes]


def grid_intensity(found: Intensity) -> GridIntensity:
    return GridIntensity(
        gco2e_per_kwh=found.gco2e_per_kwh,
        source=found.source,
        at=found.at,
        age_seconds=None if found.age is None else found.age.total_seconds(),
        rung=found.rung,
        reason=found.reason,
        emission_factor_type=found.emission_factor_type,
        is_estimate=found.is_estimate,
        estimation_method=found.estimation_method,
    )


def time_window(window: Window | None, hours: float) -> TimeWindow | None:
    if window is None:
        return None
    return TimeWindow(
        start_time=window.start,
        end_time=window.end,
        avg_carbon_intensity=window.gco2e_per_kwh,
        duration_hours=hours,
        spans=[
            TimeSpan(
                start_time=span.start,
                end_time=span.end,
                avg_carbon_intensity=span.gco2e_per_kwh,
            )
            for span in window.spans
        ],
    )


def window_advice(best: BestTime) -> WindowAdvice:
    window = best.window
    return WindowAdvice(
        why_none=best.why_none,
        reason=best.reason,
        forecast=forecast_basis(best.forecast, is_stale=best.is_stale),
        start_now_gco2e_per_kwh=None if window is None else window.start_now_gco2e_per_kwh,
        saved_gco2e_per_kwh=None if window is None else window.saved_gco2e_per_kwh,
        saved_percent=saved_percent(window),
        is_estimate=True,
    )


def saved_percent(window: Window | None) -> float | None:
    share = None if window is None else window.saved_share
    return None if share is None else share * _PERCENT


def forecast_basis(found: Forecast | None, *, is_stale: bool) -> ForecastBasis | None:
    if found is None or not found.points:
        return None
    return ForecastBasis(
        kind=found.kind,
        source=found.source,
        generated_at=found.generated_at,
        step_minutes=found.step.total_seconds() / 60,
        covers_until=_end(found),
        emission_factor_type=found.emission_factor_type,
        is_stale=is_stale,
    )


def saved_grams(saving: Saving) -> SavedGrams:
    return SavedGrams(
        baseline_grams=saving.baseline_grams,
        chosen_grams=saving.chosen_grams,
        saved_grams=saving.saved_grams,
        saved_percent=saving.saved_percent,
    )


def _end(found: Forecast) -> datetime:
    return found.points[-1].at + found.step


def _water(run: Run, energy_kwh: float) -> float | None:
    """Litres are published per kWh of the machines, without the overhead."""
    litres = run.region.wue_litres_per_kwh
    return None if litres is None else energy_kwh / run.region.pue * litres


def _price(run: Run) -> ListPrice | None:
    instance, total = run.instance, run.usd
    if total is None or instance.usd_per_hour is None:
        return None
    return ListPrice(
        total=total,
        per_hour=instance.usd_per_hour,
        region=instance.usd_region,
        date=instance.usd_date,
    )
