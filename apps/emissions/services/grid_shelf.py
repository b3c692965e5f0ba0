"""What was read from the grid's publishers, on one shelf in Redis for all processes.

Values with the moment they were fetched, faults that are not asked for again so soon, the flag of
who is on the way to fetch, and a count of the day's calls. Losing the shelf loses nothing that
matters; while it is down nobody is asked, because nobody could count.
"""

import dataclasses
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from django.core.cache import cache
from redis import RedisError

from apps.emissions.grid.base import Forecast, ForecastPoint, Reading, ShareReading
from apps.emissions.grid.errors import BudgetSpentError

_KEPT = (Reading, ShareReading, Forecast, ForecastPoint)
_NAMES = repr([[field.name for field in dataclasses.fields(kind)] for kind in _KEPT])
_PREFIX = f"grid:{zlib.crc32(_NAMES.encode()):08x}:"  # another release may know other members
_FLIGHT_S = 35  # no call takes longer
_TWO_DAYS_S = 2 * 24 * 3600

Value = TypeVar("Value")


class ShelfDownError(Exception):
    """Redis does not answer."""


@dataclass(frozen=True, slots=True)
class Kept(Generic[Value]):
    value: Value
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why nothing was read, in words that may be shown; asked again when it lapses."""

    kind: str
    reason: str


@contextmanager
def _redis() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as fault:
        raise ShelfDownError from fault


def look(names: Iterable[str]) -> dict[str, Any]:
    """What stands under these names, of any kind; absent names are left out. One round trip."""
    wanted = {_PREFIX + name: name for name in names}
    with _redis():
        found = cache.get_many(wanted)
    return {wanted[key]: value for key, value in found.items()}


def put(name: str, value: Any, life: timedelta) -> None:
    with _redis():
        cache.set(_PREFIX + name, value, timeout=life.total_seconds())


def take_flight(name: str) -> bool:
    """Whether the caller is the one who fetches this; a flight that crashed is soon forgotten."""
    with _redis():
        return bool(cache.add(f"{_PREFIX}{name}:flight", 1, timeout=_FLIGHT_S))


def is_in_flight(name: str) -> bool:
    with _redis():
        return f"{_PREFIX}{name}:flight" in cache


def land(name: str) -> None:
    with _redis():
        cache.delete(f"{_PREFIX}{name}:flight")


def count_up(name: str, life_s: int) -> int:
    """One more under this name; the count with it."""
    with _redis():
        cache.add(_PREFIX + name, 0, timeout=life_s)
        return int(cache.incr(_PREFIX + name))


def take_back(name: str) -> None:
    with _redis():
        cache.decr(_PREFIX + name)


def spender(account: str, most: int, now: datetime) -> Callable[[], None]:
    """What a client calls before each request: raises when the UTC day's calls are used up."""
    name = _calls(account, now)

    def spend() -> None:
        try:
            if count_up(name, _TWO_DAYS_S) > most:
                take_back(name)  # no call was made: another reader's share may be larger
                raise BudgetSpentError(f"Today's {most} calls are used up")
        except (ShelfDownError, ValueError):  # ValueError: the count lapsed in between
            raise BudgetSpentError("Calls cannot be counted, so none is made") from None

    return spend


def calls_today(account: str, now: datetime) -> int:
    name = _calls(account, now)
    return int(look([name]).get(name, 0))


def _calls(account: str, now: datetime) -> str:
    return f"{account}:calls:{now:%Y-%m-%d}"
