"""Which publishers there are by the settings, and what the key of Electricity Maps may see."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from apps.common.secrets import Secret
from apps.emissions.grid.base import EmissionFactorType, GridSource
from apps.emissions.grid.electricitymaps import EVERYTHING, ElectricityMaps
from apps.emissions.grid.uk_carbon_intensity import UkCarbonIntensity
from apps.emissions.services import grid_shelf as shelf
from apps.emissions.services.grid_reading import Want, read_all
from apps.emissions.services.grid_shelf import ShelfDownError, Trouble

NO_KEY = Trouble("no_key", "No key of Electricity Maps is set")
_DAY = timedelta(days=1)
_MOST_OF_BACKGROUND = 0.5
"""Of the day's calls that history may use, so that readers never find them gone."""


@dataclass(frozen=True, slots=True)
class Account:
    """A publisher with the name under which its values, faults and calls are kept."""

    source: GridSource
    name: str


@dataclass(frozen=True, slots=True)
class GridStatus:
    """For an operator: is there a key, does it work, how much of the day's budget is used."""

    has_key: bool
    trouble: Trouble | None
    calls_today: int
    calls_per_day: int


def accounts(factors: EmissionFactorType, now: datetime) -> list[Account]:
    """In the order in which they are asked: what is free and official before what is counted."""
    found = []
    if settings.UK_CARBON_INTENSITY_URL and factors == "direct":
        uk = UkCarbonIntensity(settings.UK_CARBON_INTENSITY_URL.rstrip("/"))
        found.append(Account(uk, uk.name))
    maps = electricity_maps(now)
    if maps is not None:
        found.append(Account(maps, account_name()))
    return found


def electricity_maps(now: datetime, *, in_background: bool = False) -> ElectricityMaps | None:
    """The client with today's budget; None without a key."""
    if not settings.ELECTRICITYMAPS_API_KEY:
        return None
    most = settings.ELECTRICITYMAPS_CALLS_PER_DAY
    if in_background:
        most = int(most * _MOST_OF_BACKGROUND)
    return ElectricityMaps(
        base_url=settings.ELECTRICITYMAPS_BASE_URL.rstrip("/"),
        key=Secret(settings.ELECTRICITYMAPS_API_KEY),
        spend=shelf.spender(account_name(), most, now),
    )


def account_name() -> str:
    """Tells keys apart without telling the key: a new one starts afresh."""
    digest = hashlib.sha256(settings.ELECTRICITYMAPS_API_KEY.encode()).hexdigest()
    return f"{ElectricityMaps.name}:{digest[:12]}"


def access(maps: ElectricityMaps, *, now: datetime) -> dict[str, frozenset[str]] | None:
    """What the plan holds, read once a day. None: not known, so any zone may be tried."""
    want = Want(
        name=f"{account_name()}:access",
        account=account_name(),
        fetch=maps.access,
        fresh=_DAY,
        renewed_behind=2 * _DAY,
        kept=7 * _DAY,
    )
    kept = read_all({"": want}, now=now)[""].kept
    return None if kept is None else kept.value or None


def not_in_plan(plan: dict[str, frozenset[str]] | None, zone: str, endpoint: str) -> Trouble | None:
    held = frozenset({EVERYTHING}) if plan is None else plan.get(zone, frozenset())
    if held & {EVERYTHING, endpoint}:
        return None
    return Trouble("not_in_plan", f"The plan of Electricity Maps does not hold {zone}")


def grid_status(*, now: datetime) -> GridStatus:
    """For the health check: a sandbox key or a wrong one shows here. Asks nobody outside."""
    most = settings.ELECTRICITYMAPS_CALLS_PER_DAY
    if not settings.ELECTRICITYMAPS_API_KEY:
        return GridStatus(False, NO_KEY, 0, most)
    rest_name = f"{account_name()}:rests"
    try:
        trouble = shelf.look([rest_name]).get(rest_name)
        calls = min(shelf.calls_today(account_name(), now), most)
    except ShelfDownError:
        return GridStatus(True, Trouble("no_cache", "The cache is down"), 0, most)
    return GridStatus(True, trouble, calls, most)
