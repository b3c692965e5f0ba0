"""The statements by which PostgreSQL itself writes an export, row by row in the order of use."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from apps.telemetry.models import BOUNDED
from apps.telemetry.services.exporting_columns import CALCULATIONS, TELEMETRY
from apps.workspaces.models import Workspace


class Subject(Enum):
    TELEMETRY = "telemetry"
    CALCULATIONS = "calculations"


class Format(Enum):
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows of one kind used in `[start, end)`, of one project or of all."""

    subject: Subject
    format: Format
    start: datetime
    end: datetime
    project_id: int | None = None
    include_test: bool = False


_NAMED: Final = (
    "JOIN workspaces_project AS project ON project.id = event.project_id "
    "LEFT JOIN telemetry_providerconnection AS connection ON connection.id = event.connection_id"
)
_SUMS: Final = ", ".join(
    f"sum({name}{bound}) AS {name}{bound}" for name in BOUNDED for bound in ("_low", "", "_high")
)
_EVENTS: Final = f"""
FROM telemetry_telemetryevent AS event {_NAMED}
CROSS JOIN LATERAL (
    SELECT count(*) AS entries, {_SUMS},
        (array_agg(entry.calculation ORDER BY entry.sequence DESC))[1] AS calculation
    FROM telemetry_carbonentry AS entry WHERE entry.event_id = event.id
) AS valued
"""  # noqa: S608 - our own column names
_ENTRIES: Final = f"""
FROM telemetry_carbonentry AS valued
JOIN telemetry_telemetryevent AS event ON event.id = valued.event_id {_NAMED}
"""
_SHAPES: Final = {
    Subject.TELEMETRY: (TELEMETRY, _EVENTS, "event"),
    Subject.CALCULATIONS: (CALCULATIONS, _ENTRIES, "valued"),
}
"""Columns, where they come from, and which of the tables is walked by time."""


def header(subject: Subject) -> list[str]:
    """The names of the columns, in their order."""
    return [column.name for column in _SHAPES[subject][0]]


def copy_statement(wanted: Wanted) -> str:
    """COPY of the rows as the format wants them; its parameters are `parameters`."""
    is_csv = wanted.format is Format.CSV
    columns, source, walked = _SHAPES[wanted.subject]
    written = ", ".join(
        f'{column.in_csv() if is_csv else column.in_json()} AS "{column.name}"'
        for column in columns
    )
    rows = (
        f"SELECT {written} {source} WHERE {_condition(walked, wanted)} "
        f"ORDER BY {walked}.used_at, {walked}.id"
    )
    if is_csv:
        return f"COPY ({rows}) TO STDOUT (FORMAT csv, HEADER true)"
    # JSON escapes control characters, so these two never occur and nothing is ever quoted.
    form = r"FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02'"
    return f"COPY (SELECT row_to_json(line) FROM ({rows}) AS line) TO STDOUT ({form})"  # noqa: S608 - likewise


def parameters(workspace: Workspace, wanted: Wanted) -> dict[str, Any]:
    return {
        "workspace": workspace.pk,
        "project": wanted.project_id,
        "start": wanted.start,
        "end": wanted.end,
        "is_simulated": workspace.is_simulated,
    }


def _condition(walked: str, wanted: Wanted) -> str:
    conditions = ["workspace_id = %(workspace)s", "used_at >= %(start)s", "used_at < %(end)s"]
    if wanted.project_id is not None:
        conditions.append("project_id = %(project)s")
    if not wanted.include_test:
        conditions.append("is_test = false")
    return " AND ".join(f"{walked}.{condition}" for condition in conditions)
