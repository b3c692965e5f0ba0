"""When to run a job in a grid zone: the zone's next hours, and the best window in them."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from apps.emissions.grid.base import EmissionFactorType, Forecast, Intensity, Outlook
from apps.emissions.optimizer import windows
from apps.emissions.optimizer.errors import UnevenSeriesError
from apps.emissions.optimizer.series import Series, series_of
from apps.emissions.optimizer.windows import NoWindow, Window
from apps.emissions.services.grid import intensity_now
from apps.emissions.services.grid_forecast import LONGEST_HOURS, forecast

WhyNone = Literal["no_forecast", "not_in_time", "deadline_too_early", "horizon_too_short", "gap"]

SLACK = timedelta(hours=24)
"""Without a deadline a job may wait a day."""
PATIENCE_S = 3.0
"""For the windows of all zones of one answer."""
_HOUR = timedelta(hours=1)
_WORDS: dict[WhyNone, str] = {
    "no_forecast": "No forecast of this zone is known.",
    "not_in_time": "Reading forecasts took too long; ask again, or ask /schedule for this region.",
    "deadline_too_early": "The job is longer than the time until the deadline.",
    "horizon_too_short": "The job is longer than the part of that time which is forecast.",
    "gap": "Every place for the job holds an hour that is not known.",
}


@dataclass(frozen=True, slots=True)
class Timing:
    """The moments a job may run at. `not_before` is now, as a rule."""

    hours: float
    not_before: datetime
    deadline: datetime | None = None
    is_interruptible: bool = False

    @property
    def duration(self) -> timedelta:
        return timedelta(hours=self.hours)

    @property
    def latest_end(self) -> datetime:
        return self.deadline or self.not_before + self.duration + SLACK


@dataclass(frozen=True, slots=True)
class BestTime:
    """The window, or the word why there is none; a sentence; and the hours it was sought in."""

    window: Window | None
    why_none: WhyNone | None
    reason: str
    forecast: Forecast | None
    is_stale: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """The best time in a zone beside the intensity of now, both with one kind of factors."""

    best: BestTime
    current: Intensity


def best_time(
    zone: str,
    timing: Timing,
    *,
    now: datetime,
    emission_factor_type: EmissionFactorType | None = None,
) -> BestTime:
    """Never a window that is shorter than the job. Without a wish, life-cycle before direct."""
    hours = math.ceil((timing.latest_end - now) / _HOUR)
    outlook = forecast(
        zone,
        hours=min(max(hours, 1), LONGEST_HOURS),
        now=now,
        emission_factor_type=emission_factor_type,
    )
    series = None if outlook.forecast is None else series_in(outlook.forecast)
    if series is None:
        return _none("no_forecast", outlook)
    search = windows.interruptible if timing.is_interruptible else windows.contiguous
    found = search(
        series, timing.duration, not_before=timing.not_before, deadline=timing.latest_end
    )
    if isinstance(found, NoWindow):
        return _none(found.reason, outlook)
    return BestTime(found, None, outlook.reason, outlook.forecast, outlook.is_stale)


def best_times(
    zones: Iterable[str],
    timing: Timing,
    *,
    now: datetime,
    emission_factor_type: EmissionFactorType,
) -> dict[str, BestTime]:
    """One search a zone. A publisher that hangs may cost some seconds, not some for each zone."""
    ends = time.monotonic() + PATIENCE_S
    late = BestTime(None, "not_in_time", _WORDS["not_in_time"], None, is_stale=False)
    return {
        zone: best_time(zone, timing, now=now, emission_factor_type=emission_factor_type)
        if time.monotonic() < ends
        else late
        for zone in zones
    }


def schedule(zone: str, timing: Timing, *, now: datetime) -> Schedule:
    """The window with whatever factors are forecast there, and the present with the same."""
    best = best_time(zone, timing, now=now)
    factors = "lifecycle" if best.forecast is None else best.forecast.emission_factor_type
    current = intensity_now([zone], now=now, emission_factor_type=factors)[zone]
    return Schedule(best, current)


def series_in(ahead: Forecast) -> Series | None:
    """The steps of a forecast; None where they are none."""
    points = [(point.at, point.gco2e_per_kwh) for point in ahead.points]
    if len(points) == 1:
        return Series(points[0][0], ahead.step, (points[0][1],))
    try:
        return series_of(points)
    except UnevenSeriesError:
        return None


def _none(why: WhyNone, outlook: Outlook) -> BestTime:
    reason = f"{_WORDS[why]} {outlook.reason}"
    return BestTime(None, why, reason, outlook.forecast, outlook.is_stale)
