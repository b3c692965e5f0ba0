"""Reading the members of an answer: instants, intensities, percentages, rows and their step."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from apps.emissions.grid.base import ForecastPoint
from apps.emissions.grid.errors import NoDataError, UnusableAnswerError

CLOCK_SKEW = timedelta(minutes=15)
_DIRTIEST = 3000.0  # g/kWh; oil shale and diesel islands stay below 1500
_ALL = 100.0


def document(value: Any, who: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UnusableAnswerError(f"{who} sent something that is not an object")
    return value


def rows(value: Any, who: str) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
        raise UnusableAnswerError(f"{who} sent something that is not a list of rows")
    return value


def instant(value: Any, who: str) -> datetime:
    """An ISO 8601 time; without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise UnusableAnswerError(f"{who} sent a value without a usable time")
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def present_instant(value: Any, who: str, now: datetime) -> datetime:
    """A time that is not in the future, but for clocks that differ a little."""
    moment = instant(value, who)
    if moment > now + CLOCK_SKEW:
        raise UnusableAnswerError(f"{who} sent a present value that is dated in the future")
    return moment


def intensity(value: Any, who: str) -> float:
    """Grams per kilowatt-hour. Null means that there is none."""
    if value is None:
        raise NoDataError(f"{who} has no value")
    number = _number(value)
    if number is None or not 0.0 <= number <= _DIRTIEST:
        raise UnusableAnswerError(f"{who} sent an intensity that cannot be")
    return number


def percentage(value: Any, who: str) -> float:
    """A number, or the text of one."""
    if value is None:
        raise NoDataError(f"{who} has no value")
    number = _number(_decimal(value) if isinstance(value, str) else value)
    if number is None or not 0.0 <= number <= _ALL:
        raise UnusableAnswerError(f"{who} sent a percentage that cannot be")
    return number


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _number(value: Any) -> float | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite():
        return None
    return float(value)


def in_steps(
    points: list[ForecastPoint], step: timedelta, who: str, now: datetime
) -> tuple[ForecastPoint, ...]:
    """Ascending, each step once, from the one in progress. Holes stay; other steps are refused."""
    by_start = {point.at: point for point in points}
    ordered = [by_start[at] for at in sorted(by_start)]
    if any((later.at - earlier.at) % step for earlier, later in pairwise(ordered)):
        raise UnusableAnswerError(f"{who} sent a forecast in unequal steps")
    coming = tuple(point for point in ordered if point.at + step > now)
    if not coming:
        raise NoDataError(f"{who} has no forecast")
    return coming
