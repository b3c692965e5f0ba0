"""Timing two ways of doing the same work in turns, so that a busy machine slows both alike."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

REPETITIONS = 5


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table: a figure of ours, and what share of the peer's speed it reaches."""

    benchmark: str
    case: str
    value: float
    unit: str
    spread: float = 0.0
    """From the slowest to the fastest repetition, as a share of the median."""
    peer: str = ""
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Rates:
    """Work per second in each repetition."""

    each: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.each)

    @property
    def spread(self) -> float:
        return (max(self.each) - min(self.each)) / self.median


def rates_in_turns(
    units: int, *ways: Callable[[], object], repetitions: int = REPETITIONS
) -> list[Rates]:
    """Units per second of each way: one round to warm up, then every way once a round."""
    for way in ways:
        way()
    seconds: list[list[float]] = [[] for _ in ways]
    for _ in range(repetitions):
        for way, times in zip(ways, seconds, strict=True):
            times.append(seconds_of(way))
    return [Rates([units / taken for taken in times]) for times in seconds]


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]
