"""Intensities in equal steps, with gaps: what a forecast or a trace is to the search."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from apps.emissions.optimizer.errors import UnevenSeriesError

HOUR = timedelta(hours=1)

MOST_GCO2E_PER_KWH = 10_000.0
"""Burning the worst coal emits a fifth of it."""

MICROGRAMS = 1_000_000
"""Values are summed as whole micrograms: sums are exact, and equal windows are equal."""


@dataclass(frozen=True, slots=True)
class Series:
    """One value a step from `start` on, g CO2e per kWh; None where nothing is known."""

    start: datetime
    step: timedelta
    values: tuple[float | None, ...]

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or not self.values:
            raise UnevenSeriesError("A series begins at a moment with a time zone and has values")
        if self.step <= timedelta() or HOUR % self.step:
            raise UnevenSeriesError("Steps have to divide an hour")
        if not all(value is None or 0.0 <= value <= MOST_GCO2E_PER_KWH for value in self.values):
            raise UnevenSeriesError(f"An intensity lies between 0 and {MOST_GCO2E_PER_KWH:g}")

    @property
    def end(self) -> datetime:
        return self.start + self.step * len(self.values)

    def at(self, moment: datetime) -> float | None:
        """The value of the step in progress; None in a gap and outside."""
        if not self.start <= moment < self.end:
            return None
        return self.values[(moment - self.start) // self.step]


def series_of(points: Iterable[tuple[datetime, float | None]]) -> Series:
    """Rows in any order. Of rows for one moment a number goes before None, then the first stands.

    The shortest distance is the step; a row that is missing is a gap. Raises UnevenSeriesError
    for fewer than two moments, and for moments that lie off the steps.
    """
    known: dict[datetime, float | None] = {}
    for moment, value in points:
        if moment.tzinfo is None:
            raise UnevenSeriesError("Every moment needs a time zone")
        at = moment.astimezone(UTC)
        if known.get(at) is None:
            known[at] = value
    moments = sorted(known)
    if len(moments) < 2:  # noqa: PLR2004 - a distance has two ends
        raise UnevenSeriesError("A series has at least two moments")
    step = min(after - before for before, after in pairwise(moments))
    if any((moment - moments[0]) % step for moment in moments):
        raise UnevenSeriesError("The moments are not equally far apart")
    count = (moments[-1] - moments[0]) // step + 1
    return Series(
        moments[0], step, tuple(known.get(moments[0] + step * index) for index in range(count))
    )
