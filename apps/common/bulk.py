"""Many rows in one statement: INSERT … SELECT from arrays, one parameter a column.

Arrays and not COPY: PostgreSQL refuses COPY FROM on tables under row-level security, and a
tenant's request writes here too. A JSON column travels as one document, because a driver has to
escape every quotation mark of every member of an array.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

Columns = Mapping[str, str]
"""Column name to PostgreSQL type, in the order of the rows' values."""


def insert_from_rows(table: str, columns: Columns, suffix: str = "") -> str:
    """`INSERT INTO table (…) SELECT … suffix`, its parameters from `as_arrays`."""
    names = [sql.Identifier(name) for name in columns]
    statement = sql.SQL(
        "INSERT INTO {table} ({names}) SELECT {values} FROM ROWS FROM ({arrays}) AS row ({names}) "
    ).format(
        table=sql.Identifier(table),
        names=sql.SQL(", ").join(names),
        values=sql.SQL(", ").join(_value(name, kind) for name, kind in columns.items()),
        arrays=sql.SQL(", ").join(_members(kind) for kind in columns.values()),
    )
    return statement.as_string() + suffix


def as_arrays(columns: Columns, rows: Iterable[Sequence[Any]]) -> list[Any]:
    """The rows turned into columns, JSON wrapped for the driver."""
    turned = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
    return [
        Jsonb(column) if kind == "jsonb" else column
        for kind, column in zip(columns.values(), turned, strict=True)
    ]


def _members(kind: str) -> sql.Composable:
    if kind == "jsonb":
        return sql.SQL("jsonb_array_elements(%s)")
    return sql.SQL(f"unnest(%s::{kind}[])")


def _value(name: str, kind: str) -> sql.Composable:
    """None is stored as NULL, in a JSON column too."""
    column = sql.Identifier(name)
    return sql.SQL("nullif({}, 'null')").format(column) if kind == "jsonb" else column
