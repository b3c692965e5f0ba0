"""What a point of a running total adds to the points of its series before."""

from dataclasses import dataclass
from datetime import datetime

from apps.telemetry.otlp.signals import SeriesPoint


@dataclass(frozen=True, slots=True)
class SeriesState:
    """How far a series has been read."""

    start_time: datetime | None
    last_time: datetime
    last_value: int
    last_requests: int | None = None


@dataclass(frozen=True, slots=True)
class Growth:
    """What is new since the state before."""

    tokens: int
    requests: int | None


def advance(previous: SeriesState | None, point: SeriesPoint) -> tuple[Growth, SeriesState]:
    """The point's growth, and the state that the series' next point is read against.

    In whatever order the points of a series come, what they add up to is never more than the last
    values of its runs together. A run ends where the process restarts: the start is after the last
    time, or the value is below the last one. Points of one series must be read one at a time.
    """
    reached = SeriesState(point.start_time, point.time, point.value, point.requests)
    if previous is None:
        # Without a start nobody knows since when it has counted: something to subtract from.
        return (_nothing(point) if point.start_time is None else _whole(point)), reached
    if point.time <= previous.last_time or _is_of_an_earlier_run(previous, point):
        return _nothing(point), previous
    if _has_restarted(previous, point):
        return _whole(point), reached
    return Growth(point.value - previous.last_value, _more_requests(previous, point)), reached


def _is_of_an_earlier_run(previous: SeriesState, point: SeriesPoint) -> bool:
    """Two processes under one name would otherwise count each other's total."""
    return (
        previous.start_time is not None
        and point.start_time is not None
        and point.start_time < previous.start_time
    )


def _has_restarted(previous: SeriesState, point: SeriesPoint) -> bool:
    starts_anew = point.start_time is not None and point.start_time > previous.last_time
    return starts_anew or point.value < previous.last_value


def _nothing(point: SeriesPoint) -> Growth:
    return Growth(0, None if point.requests is None else 0)


def _whole(point: SeriesPoint) -> Growth:
    return Growth(point.value, point.requests)


def _more_requests(previous: SeriesState, point: SeriesPoint) -> int | None:
    if point.requests is None or previous.last_requests is None:
        return None
    return max(point.requests - previous.last_requests, 0)
