"""Many rows in one statement: INSERT … SELECT FROM unnest, one array parameter a column.

unnest and not COPY: PostgreSQL refuses COPY FROM on tables under row-level security, and a
tenant's request writes here too.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

Columns = Mapping[str, str]
"""Column name to PostgreSQL type, in the order of the rows' values."""


def insert_from_rows(table: str, columns: Columns, suffix: str = "") -> str:
    """`INSERT INTO table (…) SELECT … FROM unnest(…) suffix`, its parameters from `as_arrays`."""
    names = [sql.Identifier(name) for name in columns]
    statement = sql.SQL(
        "INSERT INTO {table} ({names}) SELECT {names} FROM unnest({arrays}) AS row ({names}) "
    ).format(
        table=sql.Identifier(table),
        names=sql.SQL(", ").join(names),
        arrays=sql.SQL(", ").join(sql.SQL(f"%s::{kind}[]") for kind in columns.values()),  # type: ignore[arg-type]
    )
    return statement.as_string() + suffix


def as_arrays(columns: Columns, rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """The rows turned into columns, JSON wrapped for the driver."""
    turned = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
    return [
        [None if value is None else Jsonb(value) for value in column] if kind == "jsonb" else column
        for kind, column in zip(columns.values(), turned, strict=True)
    ]
