"""How much carbon a kilowatt-hour of a grid carries now; never without an answer.

What is live comes first, then what was live, then the pattern of the last days, then means of a
year, then the word that it is not known. Each answer says which it is and why it is no better.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from apps.emissions.grid.base import (
    Averages,
    EmissionFactorType,
    Intensity,
    Reading,
    Share,
    ShareKind,
    ShareReading,
)
from apps.emissions.grid.electricitymaps import LATEST, SHARES, ElectricityMaps
from apps.emissions.services.grid_averages import CatalogueAverages
from apps.emissions.services.grid_history import hour_means
from apps.emissions.services.grid_ladder import (
    STALEST,
    Heard,
    from_pattern,
    from_reading,
    from_tables,
)
from apps.emissions.services.grid_reading import Found, Want, read_all
from apps.emissions.services.grid_shelf import Trouble
from apps.emissions.services.grid_sources import (
    NO_KEY,
    Account,
    access,
    account_name,
    accounts,
    electricity_maps,
    not_in_plan,
)

LIVE_FRESH = timedelta(minutes=5)
_RENEWED_BEHIND = timedelta(minutes=30)


def intensity_now(
    zones: Iterable[str],
    *,
    now: datetime,
    emission_factor_type: EmissionFactorType = "lifecycle",
    averages: Averages | None = None,
) -> dict[str, Intensity]:
    """One answer for each zone, all with the same kind of emission factors. Never raises.

    `averages` are those of the catalogue unless others are given. Takes seconds at the worst.
    """
    factors = emission_factor_type
    heard = dict.fromkeys(zones, Heard(None, is_live=False, trouble=NO_KEY))
    for account in accounts(factors, now):
        missing = [
            zone
            for zone, said in heard.items()
            if not said.is_live and account.source.covers(zone, factors)
        ]
        for zone, found in _latest(account, missing, factors, now).items():
            heard[zone] = _better(heard[zone], _heard(found, account, now))
    answers = {zone: from_reading(said, now) for zone, said in heard.items()}
    open_zones = [zone for zone, answer in answers.items() if answer is None]
    fallen = _fallen(open_zones, heard, factors, averages or CatalogueAverages(), now)
    return {zone: answer or fallen[zone] for zone, answer in answers.items()}


def shares_now(kind: ShareKind, zones: Iterable[str], *, now: datetime) -> dict[str, Share | None]:
    """Live shares of renewable or carbon-free electricity; None where there are none now."""
    answers: dict[str, Share | None] = dict.fromkeys(zones)
    maps = electricity_maps(now)
    if maps is None or not answers:
        return answers
    plan = access(maps, now=now)
    wants = {
        zone: _share_want(maps, kind, zone, now)
        for zone in answers
        if not_in_plan(plan, zone, SHARES[kind]) is None
    }
    for zone, found in read_all(wants, now=now).items():
        if found.kept is not None and now - found.kept.value.at <= STALEST:
            answers[zone] = _share(found.kept.value, now)
    return answers


def _latest(
    account: Account, zones: list[str], factors: EmissionFactorType, now: datetime
) -> dict[str, Found[Reading]]:
    answers: dict[str, Found[Reading]] = {}
    plan = None
    if zones and isinstance(account.source, ElectricityMaps):
        plan = access(account.source, now=now)
    for zone in zones:
        trouble = not_in_plan(plan, zone, LATEST)
        if trouble is not None:
            answers[zone] = Found(None, trouble)
    wants = {
        zone: _latest_want(account, zone, factors, now) for zone in zones if zone not in answers
    }
    return answers | read_all(wants, now=now)


def _latest_want(
    account: Account, zone: str, factors: EmissionFactorType, now: datetime
) -> Want[Reading]:
    return Want(
        name=f"{account.name}:latest:{factors}:{zone}",
        account=account.name,
        fetch=lambda: account.source.latest(zone, factors, now=now),
        fresh=LIVE_FRESH,
        renewed_behind=_RENEWED_BEHIND,
        kept=STALEST,
    )


def _share_want(
    maps: ElectricityMaps, kind: ShareKind, zone: str, now: datetime
) -> Want[ShareReading]:
    return Want(
        name=f"{account_name()}:{kind}:{zone}",
        account=account_name(),
        fetch=lambda: maps.share(zone, kind, now=now),
        fresh=LIVE_FRESH,
        renewed_behind=_RENEWED_BEHIND,
        kept=STALEST,
    )


def _share(reading: ShareReading, now: datetime) -> Share:
    return Share(
        zone=reading.zone,
        at=reading.at,
        percent=reading.percent,
        kind=reading.kind,
        source=reading.source,
        is_estimated=reading.is_estimated,
        age=max(now - reading.at, timedelta()),
    )


def _heard(found: Found[Reading], account: Account, now: datetime) -> Heard:
    """Live is what was read in the last minutes and belongs to the last hours."""
    kept = found.kept
    if kept is None:
        return Heard(None, is_live=False, trouble=found.trouble)
    is_fresh = now - kept.fetched_at < LIVE_FRESH
    is_present = now - kept.value.at < account.source.live_for
    trouble = found.trouble
    if trouble is None and not is_fresh:
        trouble = Trouble("being_read", "A newer value is being read")
    elif trouble is None and not is_present:
        trouble = Trouble("old_data", "The source has nothing newer")
    return Heard(kept, is_live=is_fresh and is_present, trouble=trouble)


def _better(before: Heard, after: Heard) -> Heard:
    """The better value; the trouble told is the first that an asked source had."""
    best = after if after.is_better_than(before) else before
    first = after.trouble if before.trouble is NO_KEY else before.trouble
    return replace(best, trouble=first)


def _fallen(
    zones: list[str],
    heard: dict[str, Heard],
    factors: EmissionFactorType,
    averages: Averages,
    now: datetime,
) -> dict[str, Intensity]:
    """The rungs below what a source said lately."""
    means = hour_means(zones, factors, now=now) if zones else {}
    answers = {}
    for zone in zones:
        trouble = heard[zone].trouble
        why = "There is no value of now" if trouble is None else trouble.reason
        if zone in means:
            answers[zone] = from_pattern(zone, factors, means[zone], why, now)
        else:
            answers[zone] = from_tables(zone, factors, averages, why, now)
    return answers
