"""A year of one workspace's rollups that stand for so many events, without the events.

A line is what a rollup tells apart: a model, read from one of three accounts, used by one of three
projects. Of each line and hour so many events are drawn that the year has the wanted number; hours
without any have no row. The days are summed from the hours, so both tables hold the same data.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection as database

from apps.telemetry.models import SUMMED
from apps.workspaces.models import Workspace
from benchmarks.workspace import new_connection, new_project, new_workspace

YEAR = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 365
MODELS = 20
ACCOUNTS = PROJECTS = 3
TABLES = ("telemetry_rollup", "telemetry_dayrollup")
KEY = "workspace_id, project_id, connection_id, provider, model, region, is_test"
COLUMNS = ", ".join(SUMMED)
REGIONS = "CASE account WHEN 1 THEN 'us-east-1' WHEN 2 THEN 'eu-west-1' END"


@dataclass(frozen=True, slots=True)
class Filled:
    """The workspace, and how many rows its year takes."""

    workspace: Workspace
    events: int
    hour_rows: int
    day_rows: int


def fill(events: int, *, is_crossed: bool = False) -> Filled:
    """`is_crossed`: every account has every model, which makes three times as many lines."""
    workspace = new_workspace()
    routes = [new_connection(new_project(workspace, f"Project {n}")) for n in range(PROJECTS)]
    lines = MODELS * PROJECTS * (ACCOUNTS if is_crossed else 1)
    mean = events / (lines * DAYS * 24)
    with database.cursor() as cursor:
        for table in TABLES:  # only their triggers may write them, but for this
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(
            _hours(is_crossed=is_crossed),
            {
                "workspace": workspace.pk,
                "connections": [route.pk for route in routes],
                "start": YEAR,
                "end": YEAR + timedelta(days=DAYS, hours=-1),
                "models": MODELS,
                "mean": mean,
            },
        )
        hour_rows = int(cursor.rowcount)
        cursor.execute(DAYS_OF_HOURS, [workspace.pk])
        day_rows = int(cursor.rowcount)
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            cursor.execute(f"VACUUM ANALYZE {table}")
    return Filled(workspace, events, hour_rows, day_rows)


def _hours(*, is_crossed: bool) -> str:
    """A draw of events times what one of them weighs, different in every line and column."""
    own = "" if is_crossed else "WHERE mod(model, 3) + 1 = account"
    numbers = ", ".join(f"round((drawn * {_weight(name)})::numeric, 12)" for name in SUMMED)
    return f"""
        WITH routes AS (
            SELECT connection_id, project_id, row_number() OVER (ORDER BY connection_id) AS account
            FROM telemetry_workload WHERE connection_id = ANY(%(connections)s)
        ), draws AS (
            SELECT hour, model, account, routes.connection_id, projects.project_id,
                floor(2 * %(mean)s * random() + random()) AS drawn
            FROM generate_series(%(start)s::timestamptz, %(end)s, interval '1 hour') AS hour,
                generate_series(1, %(models)s) AS model, routes,
                (SELECT project_id FROM routes) AS projects {own}
        )
        INSERT INTO telemetry_rollup (hour, {KEY}, entries, {COLUMNS})
        SELECT hour, %(workspace)s, project_id, connection_id, 'openai', 'gpt-4o-' || model,
            {REGIONS}, false, drawn, {numbers}
        FROM draws WHERE drawn > 0"""  # noqa: S608 - our own names


def _weight(name: str) -> str:
    """Of one event: tokens, a request, a cost, or a small quantity with a fraction."""
    if name == "requests":
        return "1"
    if name.endswith("_tokens"):
        return "floor(200 + 2000 * random())"
    return "(0.0001 + 0.01 * random())"


DAYS_OF_HOURS = f"""
    INSERT INTO telemetry_dayrollup (day, {KEY}, entries, {COLUMNS})
    SELECT date_trunc('day', hour, 'UTC'), {KEY}, sum(entries),
        {", ".join(f"sum({name})" for name in SUMMED)}
    FROM telemetry_rollup WHERE workspace_id = %s
    GROUP BY 1, {KEY}"""  # noqa: S608 - our own names
