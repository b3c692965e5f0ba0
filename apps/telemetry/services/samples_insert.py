"""Writing samples: one statement for any number of rows, as little text as possible.

A column that is the same in every row travels once, the others as arrays in PostgreSQL's own
notation, which is far quicker to write here than in the driver. Named samples go in by the order
of their names, so that two batches with the same names cannot wait for each other.
"""

import functools
from collections.abc import Sequence
from typing import Any, Final

from django.db import connection as database

from apps.telemetry.models import SAMPLE_SUMMED
from apps.telemetry.selectors.samples import SampleRow

COLUMNS: Final = {
    "public_id": "uuid",
    "external_id": "text",
    "request_hash": "bytea",
    "provider": "text",
    "region": "text",
    "resource_type": "text",
    "instance_type": "text",
    "utilization": "numeric",
    "usage_amount": "numeric",
    "usage_unit": "text",
    "normalized_usage_unit": "text",
    "measured_at": "timestamptz",
    "carbon_intensity_grams_co2e_per_kwh": "numeric",
    "intensity_source": "text",
    "is_intensity_given": "boolean",
    "is_intensity_estimate": "boolean",
    "factor_set": "text",
    "is_test": "boolean",
    "created_at": "timestamptz",
    **dict.fromkeys(SAMPLE_SUMMED, "numeric"),
}
"""Column name to PostgreSQL type, in the order of a SampleRow."""
PLAIN: Final = frozenset({"uuid", "numeric", "timestamptz", "boolean"})
"""Types whose values need no quotation marks in an array."""
TABLE: Final = "telemetry_usagesample"


def insert(workspace_id: int, rows: Sequence[SampleRow]) -> None:
    """Rows without a name: all of them are new."""
    _written(workspace_id, rows)


def insert_new(workspace_id: int, rows: Sequence[SampleRow]) -> int:
    """How many of the rows were new; a named one that is stored already is left as it is."""
    ordered = sorted(rows, key=lambda row: row.external_id or "")
    return _written(workspace_id, ordered, " ON CONFLICT DO NOTHING")


def _written(workspace_id: int, rows: Sequence[SampleRow], suffix: str = "") -> int:
    if not rows:
        return 0
    columns = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
    same = {name: column[0] for name, column in columns.items() if _is_same(column)}
    arrays = [_array(columns[name], COLUMNS[name]) for name in COLUMNS if name not in same]
    with database.cursor() as cursor:
        cursor.execute(
            _statement(frozenset(same)) + suffix, [workspace_id, *same.values(), *arrays]
        )
        return int(cursor.rowcount)


@functools.lru_cache(maxsize=256)
def _statement(same: frozenset[str]) -> str:
    """Its parameters are the workspace, what is the same, and the arrays of what is not."""
    differs = [name for name in COLUMNS if name not in same]
    values = [f"%s::{kind}" if name in same else name for name, kind in COLUMNS.items()]
    arrays = ", ".join(f"unnest(%s::{COLUMNS[name]}[])" for name in differs)
    source = f" FROM ROWS FROM ({arrays}) AS row ({', '.join(differs)})" if differs else ""
    return (
        f"INSERT INTO {TABLE} (workspace_id, {', '.join(COLUMNS)}) "
        f"SELECT %s, {', '.join(values)}{source}"
    )


def _is_same(column: Sequence[Any]) -> bool:
    first = column[0]
    return bool(first == column[-1]) and column.count(first) == len(column)


def _array(column: Sequence[Any], kind: str) -> str:
    texts = map(str, column)
    if kind not in PLAIN or None in column:
        written = {value: _member(value, kind) for value in set(column)}
        texts = map(written.__getitem__, column)
    return f"{{{','.join(texts)}}}"


def _member(value: Any, kind: str) -> str:
    if value is None:
        return "NULL"
    if kind == "bytea":
        return f'"\\\\x{value.hex()}"'
    if kind == "text":
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)
