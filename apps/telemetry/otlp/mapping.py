"""A whole export as usages: every item by itself, so that no split of a batch changes a result."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from apps.telemetry.connectors.fields import UnusableRowError
from apps.telemetry.otlp import logs, metrics, spans
from apps.telemetry.otlp.messages import Export
from apps.telemetry.otlp.signals import Mapped, SeriesPoint, Signal

MOST_WARNINGS = 10


def mapped(export: Export, *, now: datetime) -> Mapped:
    """What counts, what is a step of a running total, and how many items cannot be counted.

    An unusable item is rejected alone; what is not about model calls is passed over in silence.
    """
    gathering = _Gathering()
    for sender, item in export.items():
        if export.kind == "traces":
            gathering.take(spans.usage, sender, item, now)
        elif export.kind == "logs":
            gathering.take(logs.usage, sender, item, now)
        else:
            for point in metrics.points(sender, item, gathering.warn):
                gathering.take(metrics.usage, point, now, gathering.warn)
    return gathering.result()


class _Gathering:
    def __init__(self) -> None:
        self._usages: list[Signal] = []
        self._series: list[SeriesPoint] = []
        self._refusals: Counter[str] = Counter()
        self._warnings: dict[str, None] = {}

    def take(self, read: Callable[..., Signal | SeriesPoint | None], *item: Any) -> None:
        try:
            found = read(*item)
        except UnusableRowError as fault:
            self._refusals[fault.reason] += 1
            return
        if isinstance(found, SeriesPoint):
            self._series.append(found)
        elif found is not None:
            self._usages.append(found)

    def warn(self, sentence: str) -> None:
        if len(self._warnings) < MOST_WARNINGS:
            self._warnings[sentence] = None

    def result(self) -> Mapped:
        reasons = [f"{number} {reason}" for reason, number in sorted(self._refusals.items())]
        return Mapped(
            usages=tuple(self._usages),
            series=tuple(self._series),
            rejected=self._refusals.total(),
            error_message=f"Not counted: {', '.join(reasons)}." if reasons else "",
            warnings=tuple(self._warnings),
        )
