"""The clouds' regions with the grid of now, and one of them with its next day."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.emissions import cloud
from apps.emissions.grid.base import HOUR, Forecast, Intensity, Share, floor
from apps.emissions.optimizer.offers import Provider, Region
from apps.emissions.services.grid import intensity_now, shares_now
from apps.emissions.services.grid_forecast import forecast

DAY_HOURS = 24


@dataclass(frozen=True, slots=True)
class DayAhead:
    """The known hours of the next 24, the one in progress first, and the reason for this series.

    `by_hour` is by the hour of the day in UTC, each the mean of its steps.
    """

    by_hour: Mapping[int, float]
    forecast: Forecast | None
    is_stale: bool
    reason: str

    @property
    def average(self) -> float | None:
        """Exact, so that no hour of equal ones lies below it."""
        return statistics.mean(self.by_hour.values()) if self.by_hour else None

    @property
    def hours_below_average(self) -> list[int]:
        average = self.average
        return sorted(h for h, v in self.by_hour.items() if average is not None and v < average)


@dataclass(frozen=True, slots=True)
class RegionNow:
    """Everything known of one region, all of it with life-cycle factors."""

    region: Region
    intensity: Intensity
    renewable: Share | None
    carbon_free: Share | None
    day: DayAhead


def regions_now(providers: Iterable[Provider], *, now: datetime) -> list[tuple[Region, Intensity]]:
    """The operating regions of these clouds, the cleanest first, unknown ones last."""
    wanted = set(providers)
    regions = [
        region
        for region in cloud.catalogue().regions
        if region.provider in wanted and region.status == "operational"
    ]
    said = intensity_now({region.zone for region in regions}, now=now)
    return sorted(((region, said[region.zone]) for region in regions), key=_place)


def region_now(region: Region, *, now: datetime) -> RegionNow:
    """Asks for live shares too, which cost a call each."""
    zone = region.zone
    return RegionNow(
        region,
        intensity_now([zone], now=now)[zone],
        shares_now("renewable", [zone], now=now)[zone],
        shares_now("carbon_free", [zone], now=now)[zone],
        _day(zone, now),
    )


def _day(zone: str, now: datetime) -> DayAhead:
    outlook = forecast(zone, hours=DAY_HOURS, now=now, emission_factor_type="lifecycle")
    points = outlook.forecast.points if outlook.forecast else ()
    until = floor(now, HOUR) + timedelta(hours=DAY_HOURS)
    steps: dict[int, list[float]] = {}
    for point in points:
        if point.at < until:
            steps.setdefault(point.at.hour, []).append(point.gco2e_per_kwh)
    by_hour = {hour: sum(values) / len(values) for hour, values in steps.items()}
    return DayAhead(by_hour, outlook.forecast, outlook.is_stale, outlook.reason)


def _place(row: tuple[Region, Intensity]) -> tuple[bool, float, str]:
    region, intensity = row
    value = intensity.gco2e_per_kwh
    return value is None, value or 0.0, region.key
