"""What a dashboard asks about a year of 100,000, of a million and of ten million events.

Rollups decide how long it takes, so rollups are made that stand for the events: 20 models, each of
one account, in 3 projects, by the hour. The range begins and ends off the hour, which reads days,
hours and entries. The peers are the same sums as one SQL statement: over the days, the limit of
what reading them can reach, and over the hours, what it would be without the days.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import msgspec
from django.db import connection as database

from apps.emissions.selectors import current_factors
from apps.telemetry import selectors
from apps.telemetry.api.report_answer import point_output, summary_members
from apps.telemetry.models import SUMMED
from apps.telemetry.selectors import Span
from apps.workspaces.models import Workspace
from benchmarks.measuring import Result, percentile
from benchmarks.rollups import DAYS, YEAR, Filled, fill

SIZES = {"100k": 100_000, "1m": 1_000_000, "10m": 10_000_000}
WHOLE = Span(YEAR, YEAR + timedelta(days=DAYS))
OFF_THE_HOUR = Span(YEAR + timedelta(minutes=90), YEAR + timedelta(days=DAYS, minutes=-90))
CALLS = 40
Ask = Callable[[], object]


def run() -> Iterator[Result]:
    filled = {name: fill(events) for name, events in SIZES.items()}
    asked = {name: _questions(one.workspace) for name, one in filled.items()}
    times = _in_turns(
        {(name, case): ask for name, own in asked.items() for case, ask in own.items()}
    )
    smallest = next(iter(SIZES))
    for name, one in filled.items():
        rows = f"{one.hour_rows:,} hours, {one.day_rows:,} days"
        for case in asked[name]:
            yield from _results(f"summary_{name}", f"{case} ({rows})", times[name, case])
            growth = percentile(times[name, case], 0.5) / percentile(times[smallest, case], 0.5)
            yield Result(f"summary_{name}", f"{case}, growth", growth, f"x {smallest}")
    yield from _against_bare_sql(filled["10m"], times["10m", "summary"])
    yield from _crossed()


def _questions(workspace: Workspace) -> dict[str, Ask]:
    factors = current_factors()

    def summed(span: Span = OFF_THE_HOUR) -> selectors.Summary:
        return selectors.summary(workspace, span, factors)

    def series(step: selectors.Step, split: selectors.Split | None = None) -> object:
        return selectors.timeseries(workspace, OFF_THE_HOUR, step=step, split=split)

    found, points = summed(), selectors.timeseries(workspace, WHOLE, step="day")
    return {
        "summary": summed,
        "summary, written": lambda: msgspec.json.encode(summary_members(found)),
        "by day": lambda: series("day"),
        "by day, written": lambda: msgspec.json.encode([point_output(point) for point in points]),
        "by month": lambda: series("month"),
        "by day and model": lambda: series("day", "model"),
    }


def _against_bare_sql(filled: Filled, ours: list[float]) -> Iterator[Result]:
    median = percentile(ours, 0.5)
    for table, moment in (("dayrollup", "day"), ("rollup", "hour")):
        bare = _milliseconds(lambda: _bare(filled.workspace, table, moment), calls=10)  # noqa: B023
        peer = percentile(bare, 0.5)
        yield Result("summary_10m", f"bare SQL over the {moment}s, p50", peer, "ms")
        yield Result(
            "summary_10m", "summary, p50", median, "ms", 0.0, f"SQL, {moment}s", peer / median
        )


def _crossed() -> Iterator[Result]:
    """Three times as many lines: as if each of the accounts served every model."""
    filled = fill(SIZES["10m"], is_crossed=True)
    own = _questions(filled.workspace)
    for case in ("summary", "by day", "by month"):
        label = f"{case} ({filled.day_rows:,} days)"
        yield from _results("summary_10m_crossed", label, _milliseconds(own[case]))


def _results(benchmark: str, case: str, times: list[float]) -> Iterator[Result]:
    median = percentile(times, 0.5)
    spread = (max(times) - min(times)) / median
    yield Result(benchmark, f"{case}, p50", median, "ms", spread)
    yield Result(benchmark, f"{case}, p95", percentile(times, 0.95), "ms")


def _in_turns(asks: dict[tuple[str, str], Ask]) -> dict[tuple[str, str], list[float]]:
    """One round after the other, so that a busy machine slows all of them alike."""
    times: dict[tuple[str, str], list[float]] = {key: [] for key in asks}
    for ask in asks.values():
        ask()
    for _ in range(CALLS):
        for key, ask in asks.items():
            times[key].append(_once(ask))
    return times


def _milliseconds(ask: Ask, *, calls: int = CALLS) -> list[float]:
    ask()
    return [_once(ask) for _ in range(calls)]


def _once(ask: Ask) -> float:
    started = time.perf_counter()
    ask()
    return (time.perf_counter() - started) * 1000


def _bare(workspace: Workspace, table: str, moment: str) -> None:
    sums = ", ".join(f"sum({name})" for name in SUMMED)
    with database.cursor() as cursor:
        cursor.execute(
            f"SELECT model, provider, project_id, {sums} FROM telemetry_{table} "  # noqa: S608 - our own names
            f"WHERE workspace_id = %s AND {moment} >= %s AND {moment} < %s AND NOT is_test "
            "GROUP BY 1, 2, 3",
            [workspace.pk, WHOLE.start, WHOLE.end],
        )
        cursor.fetchall()
