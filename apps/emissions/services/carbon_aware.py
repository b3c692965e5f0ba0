"""What clients of the Carbon Aware SDK ask: the cleanest place, and rolling means of a forecast."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Min

from apps.emissions import cloud
from apps.emissions.grid.base import HOUR, Outlook, floor
from apps.emissions.models import GridSample
from apps.emissions.optimizer.series import Series
from apps.emissions.services.grid import intensity_now
from apps.emissions.services.grid_forecast import LONGEST_HOURS, forecast
from apps.emissions.services.scheduling import series_in

_MOST_TIES = 100


@dataclass(frozen=True, slots=True)
class Rated:
    """The mean of one hour in a place, by the caller's own name of it."""

    location: str
    at: datetime
    gco2e_per_kwh: float


@dataclass(frozen=True, slots=True)
class Rolling:
    """Every window of one length inside the range, and those of the smallest mean, ties and all.

    `outlook` says what the values are, and why there are none where there are none.
    """

    outlook: Outlook
    start: datetime
    end: datetime
    width: timedelta
    values: tuple[tuple[datetime, float], ...]

    @property
    def optimal(self) -> tuple[tuple[datetime, float], ...]:
        least = min((value for _, value in self.values), default=None)
        return tuple(row for row in self.values if row[1] == least)


def zone_of(location: str) -> str | None:
    """A region of a cloud, or a grid zone under its own key or an old one."""
    region = cloud.catalogue().region(location)
    if region is not None:
        return region.zone
    zone = cloud.catalogue().zone(location)
    return None if zone is None else zone.zone


def cleanest(
    zones: Mapping[str, str], *, since: datetime | None, until: datetime | None, now: datetime
) -> list[Rated]:
    """The lowest of the stored hours in the range, or of now; several where they are equal.

    `zones` are by the caller's names. Life-cycle only. Empty where nothing is known.
    """
    rows: list[Rated] = []
    start, end = since or now, until or since or now
    if start < floor(now, HOUR):
        rows += _stored(zones, floor(start, HOUR), end)
    if start <= now and end >= floor(now, HOUR):
        rows += _present(zones, now)
    least = min((row.gco2e_per_kwh for row in rows), default=None)
    return [row for row in rows if row.gco2e_per_kwh == least]


def rolling(
    zone: str, *, start: datetime, end: datetime, width: timedelta | None, now: datetime
) -> Rolling:
    """Means over `width`, one step after the other, each inside the range and without gaps.

    Without a width the step itself. Life-cycle only, so that places compare.
    """
    hours = min(max(-(-(end - now) // HOUR), 1), LONGEST_HOURS)
    outlook = forecast(zone, hours=hours, now=now, emission_factor_type="lifecycle")
    series = series_in(outlook.forecast) if outlook.forecast else None
    if series is None:
        return Rolling(outlook, start, end, width or HOUR, ())
    first, last = max(start, series.start), min(end, series.end)
    width = width or series.step
    return Rolling(outlook, first, last, width, tuple(_means(series, first, last, width)))


def _means(
    series: Series, first: datetime, last: datetime, width: timedelta
) -> list[tuple[datetime, float]]:
    found = []
    at = first
    while at + width <= last:
        value = _mean(series, at, at + width)
        if value is not None:
            found.append((at, value))
        at = series.start + ((at - series.start) // series.step + 1) * series.step
    return found


def _mean(series: Series, start: datetime, end: datetime) -> float | None:
    """Partly covered steps weigh by the time covered; None over a gap."""
    total, at = 0.0, start
    while at < end:
        index = (at - series.start) // series.step
        upto = min(end, series.start + (index + 1) * series.step)
        value = series.values[index]
        if value is None:
            return None
        total += value * ((upto - at) / (end - start))
        at = upto
    return total


def _stored(zones: Mapping[str, str], start: datetime, end: datetime) -> list[Rated]:
    """Only the lowest: a range may be years."""
    samples = GridSample.objects.filter(
        zone__in=set(zones.values()), emission_factor_type="lifecycle", at__gte=start, at__lte=end
    )
    least = samples.aggregate(least=Min("gco2e_per_kwh"))["least"]
    if least is None:
        return []
    lowest = samples.filter(gco2e_per_kwh=least).order_by("at", "zone")[:_MOST_TIES]
    return [
        Rated(location, at, least)
        for zone, at in lowest.values_list("zone", "at")
        for location, wanted in zones.items()
        if wanted == zone
    ]


def _present(zones: Mapping[str, str], now: datetime) -> list[Rated]:
    said = intensity_now(set(zones.values()), now=now)
    return [
        Rated(location, floor(now, HOUR), value)
        for location, zone in zones.items()
        if (value := said[zone].gco2e_per_kwh) is not None
    ]
