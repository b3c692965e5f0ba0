"""Reading plain data into typed rows: every field present, of its type, finite."""

import math
import types
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Literal, TypeVar, get_args, get_origin

Row = TypeVar("Row")


class InvalidFactorsError(ValueError):
    """A factor document that cannot be used; the message names the row and the field."""


def read_rows(kind: type[Row], data: Iterable[Mapping[str, Any]], key: str) -> dict[str, Row]:
    """Rows by their key, in the order given."""
    rows: dict[str, Row] = {}
    for raw in data:
        name = raw[key]
        row = read_row(kind, raw, f"{kind.__name__} {name}")
        if name in rows:
            raise InvalidFactorsError(f"{kind.__name__} {name} appears twice")
        rows[name] = row
    return rows


def read_row(kind: type[Row], data: Mapping[str, Any], where: str) -> Row:
    expected = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]
    if set(data) != set(expected):
        odd = ", ".join(sorted(set(data) ^ set(expected)))
        raise InvalidFactorsError(f"{where}: missing or unknown fields: {odd}")
    return kind(
        **{name: _read(data[name], of, f"{where}: {name}") for name, of in expected.items()}
    )


def _read(value: object, of: Any, place: str) -> object:
    if get_origin(of) is Literal:
        if value in get_args(of):
            return value
    elif isinstance(of, types.UnionType):
        return None if value is None else _read(value, get_args(of)[0], place)
    elif of is float:
        if type(value) in (int, float) and math.isfinite(float(value)):  # type: ignore[arg-type]
            return float(value)  # type: ignore[arg-type]
    elif type(value) is of:
        return value
    raise InvalidFactorsError(f"{place} cannot be {value!r}")
