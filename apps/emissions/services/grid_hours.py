"""How much carbon a kilowatt-hour carried in given hours of given zones, for what was used then.

The stored hour goes first; for the hour in progress what is live; for an hour of the last days
that nobody stored the mean of its hour of the day; then the zone's year. Life-cycle factors
throughout: direct ones never stand in. Two queries and one look outside, however many hours.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db import connection as database
from django.db.models import Avg, Count
from django.db.models.functions import ExtractHour, TruncDate

from apps.emissions import cloud
from apps.emissions.grid.base import HOUR, Intensity, floor
from apps.emissions.models import GridSample
from apps.emissions.services.compute_catalogue import provider_key
from apps.emissions.services.grid import intensity_now
from apps.emissions.services.grid_history import FEWEST_DAYS, PATTERN_DAYS
from apps.emissions.services.grid_ladder import NAMES, clock_time

Place = tuple[str, datetime]
"""A zone, and the beginning of an hour."""

MEASURED: Final = "measured"
ESTIMATED: Final = "estimated"
LAST_DAYS: Final = "this hour of the last days"
ANNUAL: Final = "electricitymaps_annual"
_FACTORS: Final = "lifecycle"
_SANDBOX: Final = "SANDBOX_MODE_DATA"
_STORED: Final = """
SELECT DISTINCT ON (zone, at) zone, at, gco2e_per_kwh, source, is_estimated
FROM ROWS FROM (unnest(%s::text[]), unnest(%s::timestamptz[])) AS wanted (zone, at)
JOIN emissions_gridsample USING (zone, at)
WHERE emission_factor_type = %s AND estimation_method IS DISTINCT FROM %s
ORDER BY zone, at, is_estimated, read_at DESC
"""


class HourIntensity(NamedTuple):
    """Grams of CO2e per kWh, and in one phrase whose, of which zone, of when and how known."""

    gco2e_per_kwh: float
    told: str
    is_estimate: bool


def hour_of(moment: datetime) -> datetime:
    """The beginning of the hour that a moment lies in."""
    return floor(moment, HOUR)


def zone_of(provider: str, region: str) -> str | None:
    """The grid zone of a cloud's region; None where the catalogue does not know it."""
    place = cloud.catalogue().region(f"{provider_key(provider)}:{region}")
    return None if place is None else place.zone


def hour_intensities(wanted: Iterable[Place], *, now: datetime) -> dict[Place, HourIntensity]:
    """The best that is known of each; nothing for a zone of which nothing is.

    Never raises for what happens outside, and takes seconds at the worst.
    """
    open_places = set(wanted)
    found = _stored(open_places)
    for better in (_live, _pattern, _year):
        open_places -= set(found)
        if not open_places:
            break
        found |= better(open_places, now)
    return found


def _stored(places: Collection[Place]) -> dict[Place, HourIntensity]:
    """What was kept of these very hours, measured before estimated."""
    if not places:
        return {}
    zones, hours = zip(*places, strict=True)
    with database.cursor() as cursor:
        cursor.execute(_STORED, [list(zones), list(hours), _FACTORS, _SANDBOX])
        return {
            (zone, at): _told(
                grams, source, zone, clock_time(at), ESTIMATED if is_estimated else MEASURED
            )
            for zone, at, grams, source, is_estimated in cursor.fetchall()
        }


def _live(places: Collection[Place], now: datetime) -> dict[Place, HourIntensity]:
    """The hour in progress, as it is told now: live, or the best that stands in."""
    this_hour = hour_of(now)
    zones = sorted(zone for zone, at in places if at == this_hour)
    if not zones:
        return {}
    return {
        (zone, this_hour): _of_now(answer, answer.at, answer.gco2e_per_kwh)
        for zone, answer in intensity_now(zones, now=now).items()
        if answer.at is not None and answer.gco2e_per_kwh is not None  # else it is unknown
    }


def _of_now(answer: Intensity, at: datetime, grams: float) -> HourIntensity:
    when, how = {
        "live_measured": (clock_time(at), MEASURED),
        "stale": (clock_time(at), "the last known"),
        "recent_pattern": (LAST_DAYS, ESTIMATED),
        "zone_average": (f"the mean of {at.year}", ESTIMATED),
        "country_average": (f"the mean of the country in {at.year}", ESTIMATED),
    }.get(answer.rung, (clock_time(at), ESTIMATED))
    return _told(grams, answer.source, answer.zone, when, how)


def _pattern(places: Collection[Place], now: datetime) -> dict[Place, HourIntensity]:
    """Hours of the last days as the same hour was on the other days."""
    since, until = hour_of(now) - timedelta(days=PATTERN_DAYS), hour_of(now)
    recent = [(zone, at) for zone, at in places if since <= at < until]
    if not recent:
        return {}
    kept = GridSample.objects.filter(
        zone__in={zone for zone, _ in recent},
        emission_factor_type=_FACTORS,
        at__gte=since,
        at__lt=until,
    ).exclude(estimation_method=_SANDBOX)
    means = (
        kept.order_by()
        .annotate(hour=ExtractHour("at"))
        .values_list("zone", "hour", "source")
        .annotate(mean=Avg("gco2e_per_kwh"), days=Count(TruncDate("at"), distinct=True))
        .filter(days__gte=FEWEST_DAYS)
        .order_by("days", "source")
    )
    by_hour = {(zone, hour): (source, mean) for zone, hour, source, mean, _ in means}
    return {
        (zone, at): _told(mean, source, zone, LAST_DAYS, ESTIMATED)
        for zone, at in recent
        if (zone, at.hour) in by_hour
        for source, mean in [by_hour[zone, at.hour]]
    }


def _year(places: Collection[Place], _now: datetime) -> dict[Place, HourIntensity]:
    """The mean of the hour's year, or of the newest year that has one."""
    found = {}
    for zone, at in places:
        row = cloud.catalogue().zone(zone)
        if row is None:
            continue
        by_year = dict(row.by_year)
        year = at.year if at.year in by_year else row.year
        grams = by_year.get(year, row.gco2e_per_kwh)
        found[zone, at] = _told(grams, ANNUAL, zone, f"the mean of {year}", ESTIMATED)
    return found


def _told(grams: float, source: str, zone: str, when: str, how: str) -> HourIntensity:
    told = f"{NAMES.get(source, source)}, {zone}, {when}, {how}"
    return HourIntensity(grams, told, is_estimate=how != MEASURED)
