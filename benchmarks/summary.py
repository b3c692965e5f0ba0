"""What a dashboard asks: sums of one workspace with 100,000 rollup rows.

The peer is the same sum as one SQL statement, without grouping in Python.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from django.db import connection as database

from apps.emissions.selectors import current_factors
from apps.telemetry import selectors
from apps.telemetry.models import SUMMED
from apps.telemetry.selectors import Span
from apps.workspaces.models import Workspace
from benchmarks.measuring import Result, percentile
from benchmarks.workspace import START, new_connection, new_project, new_workspace

DAYS = 60
PROJECTS = 7
MODELS = 10
CALLS = 40


def run() -> Iterator[Result]:
    workspace = new_workspace()
    count = _fill(workspace)
    factors = current_factors()
    whole = Span(START, START + timedelta(days=DAYS))
    month = Span(START, START + timedelta(days=30))
    bare = _milliseconds(lambda: _bare(workspace, whole))
    cases: dict[str, Callable[[], object]] = {
        f"summary, {count:,} rows": lambda: selectors.summary(workspace, whole, factors),
        "summary, half of them": lambda: selectors.summary(workspace, month, factors),
        "by day and model, all": lambda: selectors.timeseries(
            workspace, whole, step="day", split="model"
        ),
    }
    for case, ask in cases.items():
        times = _milliseconds(ask)
        p50, p95 = percentile(times, 0.5), percentile(times, 0.95)
        spread = (max(times) - min(times)) / p50
        ratio = percentile(bare, 0.5) / p50
        yield Result("summary", f"{case}, p50", p50, "ms", spread, "bare SQL", ratio)
        yield Result("summary", f"{case}, p95", p95, "ms")
    yield Result("summary", "bare SQL, p50", percentile(bare, 0.5), "ms")


def _milliseconds(ask: Callable[[], object]) -> list[float]:
    ask()
    times = []
    for _ in range(CALLS):
        started = time.perf_counter()
        ask()
        times.append((time.perf_counter() - started) * 1000)
    return times


def _bare(workspace: Workspace, span: Span) -> None:
    sums = ", ".join(f"sum({name})" for name in SUMMED)
    with database.cursor() as cursor:
        cursor.execute(
            f"SELECT model, provider, project_id, {sums} FROM telemetry_rollup "  # noqa: S608 - our own names
            "WHERE workspace_id = %s AND hour >= %s AND hour < %s AND NOT is_test "
            "GROUP BY 1, 2, 3",
            [workspace.pk, span.start, span.end],
        )
        cursor.fetchall()


def _fill(workspace: Workspace) -> int:
    """Rollups without their entries: the guard is off for this one statement."""
    connections = [
        new_connection(new_project(workspace, f"Project {number}")) for number in range(PROJECTS)
    ]
    columns = ", ".join(SUMMED)
    numbers = ", ".join(f"{place} + random()" for place in range(1, len(SUMMED) + 1))
    with database.cursor() as cursor:
        cursor.execute("ALTER TABLE telemetry_rollup DISABLE TRIGGER USER")
        cursor.execute(
            f"""INSERT INTO telemetry_rollup
                (workspace_id, hour, project_id, connection_id, provider, model, is_test, entries,
                 {columns})
            SELECT %s, hour, route.project_id, route.connection_id, 'openai', 'gpt-4o-' || model,
                   false, 1, {numbers}
            FROM generate_series(%s, %s::timestamptz, interval '1 hour') AS hour,
                 generate_series(1, %s) AS model,
                 telemetry_workload AS route
            WHERE route.connection_id = ANY(%s)""",  # noqa: S608 - our own names
            [
                workspace.pk,
                START,
                START + timedelta(days=DAYS, hours=-1),
                MODELS,
                [connection.pk for connection in connections],
            ],
        )
        count = int(cursor.rowcount)
        cursor.execute("ALTER TABLE telemetry_rollup ENABLE TRIGGER USER")
        cursor.execute("ANALYZE telemetry_rollup")
    return count
