"""A zone's next hours: forecast by a source, else as the same hours of the last days were."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from apps.emissions.grid.base import EmissionFactorType, Forecast, Outlook
from apps.emissions.grid.electricitymaps import FORECAST, HORIZONS_HOURS, ElectricityMaps
from apps.emissions.services.grid_history import day_pattern
from apps.emissions.services.grid_ladder import NAMES, STALEST, clock_time
from apps.emissions.services.grid_reading import Found, Want, read_all
from apps.emissions.services.grid_shelf import Kept, Trouble
from apps.emissions.services.grid_sources import NO_KEY, Account, access, accounts, not_in_plan

FORECAST_FRESH = timedelta(minutes=30)
LONGEST_HOURS = HORIZONS_HOURS[-1]
_RENEWED_BEHIND = timedelta(hours=2)


def forecast(
    zone: str,
    *,
    hours: int,
    now: datetime,
    emission_factor_type: EmissionFactorType | None = None,
) -> Outlook:
    """What covers `[now, now + hours)`, or as much of it as is known; the reason beside it.

    Without a wish for a type, life-cycle goes before direct: look at the forecast's own. Raises
    ValueError for hours outside 1 to LONGEST_HOURS, and for nothing that happens outside.
    """
    if not 1 <= hours <= LONGEST_HOURS:
        raise ValueError(f"a forecast covers 1 to {LONGEST_HOURS} hours: {hours}")
    troubles: list[Trouble] = []
    older: list[Kept[Forecast]] = []
    for account, factors in _forecasters(zone, emission_factor_type, now):
        found = _read(account, zone, factors, hours, now)
        if found.kept is not None and found.trouble is None:
            ahead = _ahead(found.kept.value, hours, now)
            if ahead.points:
                return _outlook(ahead, found.kept, now)
        if found.kept is not None:
            older.append(found.kept)
        if found.trouble is not None:
            troubles.append(found.trouble)
    why = (troubles[0] if troubles else NO_KEY).reason
    for kept in older:
        ahead = _ahead(kept.value, hours, now)
        if ahead.points:
            return Outlook(zone, ahead, is_stale=True, reason=f"{why}. {_told(ahead)}")
    return _pattern(zone, hours, emission_factor_type, why, now)


def _forecasters(
    zone: str, wished: EmissionFactorType | None, now: datetime
) -> Iterator[tuple[Account, EmissionFactorType]]:
    """In order of preference. Direct values of Electricity Maps only for who wants direct ones."""
    for factors in ("lifecycle", "direct") if wished is None else (wished,):
        for account in accounts(factors, now):
            is_unasked = wished is None and factors == "direct"
            if is_unasked and isinstance(account.source, ElectricityMaps):
                continue
            if account.source.covers(zone, factors):
                yield account, factors


def _read(
    account: Account, zone: str, factors: EmissionFactorType, hours: int, now: datetime
) -> Found[Forecast]:
    if isinstance(account.source, ElectricityMaps):
        trouble = not_in_plan(access(account.source, now=now), zone, FORECAST)
        if trouble is not None:
            return Found(None, trouble)
    horizon = next(h for h in HORIZONS_HOURS if h >= hours)
    want = Want(
        name=f"{account.name}:forecast:{factors}:{horizon}:{zone}",
        account=account.name,
        fetch=lambda: account.source.forecast(zone, factors, hours=horizon, now=now),
        fresh=FORECAST_FRESH,
        renewed_behind=_RENEWED_BEHIND,
        kept=STALEST,
    )
    return read_all({zone: want}, now=now)[zone]


def _ahead(found: Forecast, hours: int, now: datetime) -> Forecast:
    until = now + timedelta(hours=hours)
    return replace(
        found,
        points=tuple(p for p in found.points if p.at + found.step > now and p.at < until),
    )


def _outlook(ahead: Forecast, kept: Kept[Forecast], now: datetime) -> Outlook:
    is_stale = now - kept.fetched_at >= FORECAST_FRESH
    why = "A newer one is being read. " if is_stale else ""
    return Outlook(ahead.zone, ahead, is_stale=is_stale, reason=why + _told(ahead))


def _told(ahead: Forecast) -> str:
    who = NAMES.get(ahead.source, ahead.source)
    return f"The forecast of {who}, made at {clock_time(ahead.generated_at)}."


def _pattern(
    zone: str, hours: int, wished: EmissionFactorType | None, why: str, now: datetime
) -> Outlook:
    for factors in ("lifecycle", "direct") if wished is None else (wished,):
        found = day_pattern(zone, factors, hours=hours, now=now)
        if found is not None:
            reason = f"{why}. The pattern of the last days, no forecast."
            return Outlook(zone, found, is_stale=False, reason=reason)
    return Outlook(zone, None, is_stale=False, reason=f"{why}. No days of {zone} are stored.")
