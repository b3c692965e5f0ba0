"""The intensities of the past days: kept hour by hour, and the mean of an hour of the day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db.models import Avg, Count, Max
from django.db.models.functions import ExtractHour, TruncDate

from apps.emissions.grid.base import (
    HOUR,
    EmissionFactorType,
    Forecast,
    ForecastPoint,
    GridSource,
    Reading,
    floor,
)
from apps.emissions.grid.electricitymaps import HISTORY, ElectricityMaps
from apps.emissions.models import GridSample
from apps.emissions.services.grid_reading import Want, read_all
from apps.emissions.services.grid_sources import (
    Account,
    access,
    account_name,
    accounts,
    electricity_maps,
    not_in_plan,
)

PATTERN_DAYS = 7
FEWEST_DAYS = 3
"""With fewer days an hour of the day has no pattern yet."""
_DUE_AFTER = timedelta(hours=6)  # a history holds 24 hours: there is time for three failures
_PATIENCE_S = 120.0
_BATCH = 1000
_FACTORS: tuple[EmissionFactorType, ...] = ("lifecycle", "direct")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HourMean:
    """The mean of one hour of the day over the last days, and its newest sample."""

    gco2e_per_kwh: float
    days: int
    newest_at: datetime
    source: str


def keep_history(zones: Iterable[str], *, now: datetime) -> int:
    """Store the last 24 hours of every zone that has no recent sample. Safe to repeat.

    Life-cycle from Electricity Maps, direct from the UK. Returns how many steps were stored.
    """
    stored = 0
    for account, factors in _kept_from(now):
        covered = sorted({zone for zone in zones if account.source.covers(zone, factors)})
        due = _due(covered, account.source.name, factors, now)
        wants = {zone: _want(account, zone, factors, now) for zone in _permitted(due, account, now)}
        for found in read_all(wants, now=now, patience_s=_PATIENCE_S).values():
            if found.kept is not None and found.trouble is None:
                stored += _store(found.kept.value, now)
    log.info("grid_history_kept", steps=stored)
    return stored


def hour_means(
    zones: Iterable[str], factors: EmissionFactorType, *, now: datetime
) -> dict[str, HourMean]:
    """The hour of the day that `now` lies in, of the zones with enough history. One query."""
    rows = _last_days(zones, factors, now).filter(at__hour=now.hour).values("zone", "source")
    return {row["zone"]: _mean(row) for row in _measured(rows)}


def day_pattern(
    zone: str, factors: EmissionFactorType, *, hours: int, now: datetime
) -> Forecast | None:
    """The coming hours as the same hours of the last days were on the mean. One query."""
    rows = _last_days([zone], factors, now).annotate(hour=ExtractHour("at"))
    found = _measured(rows.values("source", "hour"))
    if not found:
        return None
    source = found[-1]["source"]
    by_hour = {row["hour"]: row["mean"] for row in found if row["source"] == source}
    starts = [floor(now, HOUR) + HOUR * step for step in range(hours + 1)]
    return Forecast(
        zone=zone,
        generated_at=now,
        step=HOUR,
        points=tuple(ForecastPoint(at, by_hour[at.hour]) for at in starts if at.hour in by_hour),
        source=source,
        emission_factor_type=factors,
        kind="pattern",
    )


def _kept_from(now: datetime) -> list[tuple[Account, EmissionFactorType]]:
    kept: list[tuple[Account, EmissionFactorType]] = []
    maps = electricity_maps(now, in_background=True)
    if maps is not None:
        kept.append((Account(maps, account_name()), "lifecycle"))
    kept += [
        (account, "direct")
        for account in accounts("direct", now)
        if not isinstance(account.source, ElectricityMaps)
    ]
    return kept


def _permitted(zones: list[str], account: Account, now: datetime) -> list[str]:
    if not zones or not isinstance(account.source, ElectricityMaps):
        return zones
    plan = access(account.source, now=now)
    return [zone for zone in zones if not_in_plan(plan, zone, HISTORY) is None]


def _want(
    account: Account, zone: str, factors: EmissionFactorType, now: datetime
) -> Want[tuple[Reading, ...]]:
    source: GridSource = account.source
    return Want(
        name=f"{account.name}:history:{factors}:{zone}",
        account=account.name,
        fetch=lambda: source.history(zone, factors, now=now),
        fresh=timedelta(minutes=5),
        renewed_behind=timedelta(minutes=5),
        kept=timedelta(minutes=10),
    )


def _due(zones: list[str], source: str, factors: EmissionFactorType, now: datetime) -> list[str]:
    recent = GridSample.objects.filter(
        zone__in=zones, source=source, emission_factor_type=factors, at__gt=now - _DUE_AFTER
    )
    known = set(recent.values_list("zone", flat=True).distinct())
    return [zone for zone in zones if zone not in known]


def _store(readings: Iterable[Reading], now: datetime) -> int:
    by_step = {reading.at: reading for reading in readings}  # one statement cannot write twice
    samples = [
        GridSample(
            zone=reading.zone,
            at=reading.at,
            gco2e_per_kwh=reading.gco2e_per_kwh,
            source=reading.source,
            emission_factor_type=reading.emission_factor_type,
            is_estimated=reading.is_estimated,
            estimation_method=reading.estimation_method,
            read_at=now,
        )
        for reading in by_step.values()
    ]
    GridSample.objects.bulk_create(
        samples,
        batch_size=_BATCH,
        update_conflicts=True,
        unique_fields=["zone", "at", "source", "emission_factor_type"],
        update_fields=["gco2e_per_kwh", "is_estimated", "estimation_method", "read_at"],
    )
    return len(samples)


def _last_days(zones: Iterable[str], factors: EmissionFactorType, now: datetime) -> Any:
    """Complete hours only: the hour in progress is what is asked for."""
    since = floor(now, HOUR) - timedelta(days=PATTERN_DAYS)
    return GridSample.objects.filter(
        zone__in=list(zones),
        emission_factor_type=factors,
        at__gte=since,
        at__lt=floor(now, HOUR),
    ).order_by()


def _measured(rows: Any) -> list[Mapping[str, Any]]:
    """Means over enough days, the source with the most days last."""
    counted = rows.annotate(
        mean=Avg("gco2e_per_kwh"),
        days=Count(TruncDate("at"), distinct=True),
        newest_at=Max("at"),
    ).filter(days__gte=FEWEST_DAYS)
    return sorted(counted, key=lambda row: (row["days"], row["source"]))


def _mean(row: Mapping[str, Any]) -> HourMean:
    return HourMean(row["mean"], row["days"], row["newest_at"], row["source"])
