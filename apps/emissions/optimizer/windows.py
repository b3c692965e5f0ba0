"""The best time for a job: one window, or the best steps before a deadline.

A job begins at `not_before` (now, as a rule) or at the beginning of a later step, nowhere else.
Partly covered steps weigh by the time covered. Ties go to the earliest. No window covers a gap,
and none is shorter than the job: where nothing fits, the answer says why.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Literal

from apps.emissions.optimizer.series import MICROGRAMS, Series

Reason = Literal["deadline_too_early", "horizon_too_short", "gap"]

_TICK = timedelta(microseconds=1)
_START = timedelta()


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of uninterrupted work and the mean intensity over it."""

    start: datetime
    end: datetime
    gco2e_per_kwh: float


@dataclass(frozen=True, slots=True)
class Window:
    """When to run: one span, or several with pauses between them, and what waiting is worth.

    `start_now_gco2e_per_kwh` is the mean of the same length begun at `not_before` without a
    pause: the fair comparison. `current_gco2e_per_kwh` is only the step in progress then. Both
    are None where the series does not tell.
    """

    spans: tuple[Span, ...]
    gco2e_per_kwh: float
    start_now_gco2e_per_kwh: float | None
    current_gco2e_per_kwh: float | None

    @property
    def start(self) -> datetime:
        return self.spans[0].start

    @property
    def end(self) -> datetime:
        return self.spans[-1].end

    @property
    def saved_gco2e_per_kwh(self) -> float | None:
        """Against starting now, over the same length. Never below zero."""
        if self.start_now_gco2e_per_kwh is None:
            return None
        return self.start_now_gco2e_per_kwh - self.gco2e_per_kwh

    @property
    def saved_share(self) -> float | None:
        """The same as a share of starting now, 0 to 1."""
        saved, now = self.saved_gco2e_per_kwh, self.start_now_gco2e_per_kwh
        return None if saved is None or now is None else saved / now if now else 0.0

    @property
    def current_vs_optimal_gco2e_per_kwh(self) -> float | None:
        """The step in progress less the window's mean: unlike lengths, so it can be negative."""
        if self.current_gco2e_per_kwh is None:
            return None
        return self.current_gco2e_per_kwh - self.gco2e_per_kwh


@dataclass(frozen=True, slots=True)
class NoWindow:
    """Nothing fits.

    `deadline_too_early`: the job is longer than the time until the deadline.
    `horizon_too_short`: it is longer than the part of that time which the series covers.
    `gap`: there would be time enough, but every place for it holds an unknown step.
    """

    reason: Reason


@dataclass(frozen=True, slots=True)
class _Sums:
    """Prefix sums of a series in micrograms x microseconds; moments are ticks from its start."""

    step: int
    values: tuple[int | None, ...]
    weights: tuple[int, ...]
    gaps: tuple[int, ...]

    @classmethod
    def of(cls, series: Series) -> "_Sums":
        step = series.step // _TICK
        values = tuple(
            None if value is None else round(value * MICROGRAMS) for value in series.values
        )
        return cls(
            step,
            values,
            tuple(accumulate(((value or 0) * step for value in values), initial=0)),
            tuple(accumulate((value is None for value in values), initial=0)),
        )

    def until(self, moment: int) -> int:
        index, rest = divmod(moment, self.step)
        return self.weights[index] + ((self.values[index] or 0) * rest if rest else 0)

    def between(self, start: int, end: int) -> int:
        return self.until(end) - self.until(start)

    def is_whole(self, start: int, end: int) -> bool:
        return self.gaps[-(-end // self.step)] == self.gaps[start // self.step]


def contiguous(
    series: Series,
    duration: timedelta,
    *,
    not_before: datetime,
    deadline: datetime | None = None,
) -> Window | NoWindow:
    """The uninterrupted window with the smallest mean that ends by the deadline. O(n)."""
    room = _room(series, duration, not_before, deadline)
    if isinstance(room, NoWindow):
        return room
    length, earliest, latest = room
    sums = _Sums.of(series)
    best: tuple[int, int] | None = None
    for start in _starts(earliest, latest - length, sums.step):
        if sums.is_whole(start, start + length):
            weight = sums.between(start, start + length)
            if best is None or weight < best[0]:
                best = weight, start
    if best is None:
        return NoWindow("gap")
    return _window(series, sums, [(best[1], best[1] + length)], length, not_before)


def interruptible(
    series: Series,
    duration: timedelta,
    *,
    not_before: datetime,
    deadline: datetime | None = None,
) -> Window | NoWindow:
    """The steps with the smallest values before the deadline, as merged spans. O(n log n).

    The last step chosen is used from its beginning, as far as the job needs it.
    """
    room = _room(series, duration, not_before, deadline)
    if isinstance(room, NoWindow):
        return room
    length, earliest, latest = room
    sums = _Sums.of(series)
    starts = _starts(earliest, latest - 1, sums.step)
    known = [(value, at) for at in starts if (value := sums.values[at // sums.step]) is not None]
    chosen: list[tuple[int, int]] = []
    missing = length
    for _, start in sorted(known):
        end = min((start // sums.step + 1) * sums.step, latest, start + missing)
        chosen.append((start, end))
        missing -= end - start
        if not missing:
            return _window(series, sums, _merged(chosen), length, not_before)
    return NoWindow("gap")


def _room(
    series: Series, duration: timedelta, not_before: datetime, deadline: datetime | None
) -> tuple[int, int, int] | NoWindow:
    """Length, first and last moment that may be used, in ticks from the start of the series."""
    if duration <= _START:
        raise ValueError(f"a job takes time: {duration}")
    if deadline is not None and deadline - not_before < duration:
        return NoWindow("deadline_too_early")
    earliest = max(not_before, series.start)
    latest = series.end if deadline is None else min(series.end, deadline)
    if latest - earliest < duration:
        return NoWindow("horizon_too_short")
    return duration // _TICK, (earliest - series.start) // _TICK, (latest - series.start) // _TICK


def _starts(earliest: int, last: int, step: int) -> Iterable[int]:
    """The first moment, then every beginning of a step, none after `last`."""
    yield earliest
    yield from range((earliest // step + 1) * step, last + 1, step)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and merged[-1][1] == start:
            merged[-1] = merged[-1][0], end
        else:
            merged.append((start, end))
    return merged


def _window(
    series: Series,
    sums: _Sums,
    spans: list[tuple[int, int]],
    length: int,
    not_before: datetime,
) -> Window:
    now = (not_before - series.start) // _TICK
    can_tell = now >= 0 and not_before + length * _TICK <= series.end
    can_tell = can_tell and sums.is_whole(now, now + length)
    return Window(
        spans=tuple(
            Span(
                series.start + start * _TICK,
                series.start + end * _TICK,
                _mean(sums.between(start, end), end - start),
            )
            for start, end in spans
        ),
        gco2e_per_kwh=_mean(sum(sums.between(start, end) for start, end in spans), length),
        start_now_gco2e_per_kwh=_mean(sums.between(now, now + length), length)
        if can_tell
        else None,
        current_gco2e_per_kwh=series.at(not_before),
    )


def _mean(weight: int, length: int) -> float:
    return weight / length / MICROGRAMS
