"""What a document would change: rows added, changed and removed, field by field."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_KEYS = {
    "models": "pattern",
    "operators": "operator",
    "operator_aliases": "alias",
    "grid": "iso2",
    "embodied": "component",
    "sources": "name",
}
_LONGEST_VALUE = 60


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row that differs, as one line says it."""

    key: str
    line: str


@dataclass(frozen=True, slots=True)
class TableChange:
    """The rows of one table that differ between two documents."""

    table: str
    added: tuple[RowChange, ...]
    changed: tuple[RowChange, ...]
    removed: tuple[RowChange, ...]
    is_reordered: bool  # for models the order is the priority

    @property
    def summary(self) -> str:
        return (
            f"{self.table}: {len(self.added)} added, {len(self.changed)} changed, "
            f"{len(self.removed)} removed{', reordered' if self.is_reordered else ''}"
        )

    def lines(self, most: int | None = None) -> list[str]:
        """What changed before what is new and what went; past `most` lines only how many."""
        rows = (*self.changed, *self.added, *self.removed)
        shown = [row.line for row in rows[:most]]
        return [*shown, f"… and {len(rows) - most} more"] if most and len(rows) > most else shown


def catalogue_changes(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[TableChange]:
    """All tables of the new document against the old one; without an old one all is new."""
    before = old or {"coefficients": {}}
    tables = [_change("coefficients", before["coefficients"], new["coefficients"])]
    tables.extend(
        _change(
            table,
            {row[key]: row for row in before.get(table, ())},
            {row[key]: row for row in new[table]},
        )
        for table, key in _KEYS.items()
    )
    return tables


def _change(
    table: str, old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> TableChange:
    kept_before = [key for key in old if key in new]
    kept_after = [key for key in new if key in old]
    return TableChange(
        table=table,
        added=tuple(
            RowChange(key, f"{table} {key}: added{_source(row)}")
            for key, row in new.items()
            if key not in old
        ),
        changed=tuple(
            RowChange(key, f"{table} {key}: {_fields(old[key], new[key])}{_source(new[key])}")
            for key in kept_after
            if old[key] != new[key]
        ),
        removed=tuple(RowChange(key, f"{table} {key}: removed") for key in old if key not in new),
        is_reordered=table == "models" and kept_before != kept_after,
    )


def _fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {_value(old.get(name))} -> {_value(new.get(name))}"
        for name in dict.fromkeys((*new, *old))
        if old.get(name) != new.get(name)
    )


def _value(value: object) -> str:
    """Numbers as people write them; texts in quotation marks, and not whole novels."""
    if value is None:
        return "nothing"
    if isinstance(value, float):
        return f"{value:.15g}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f'{text[:_LONGEST_VALUE]}…"'


def _source(row: Mapping[str, Any]) -> str:
    source = row.get("source_url") or row.get("source")
    return f" (source {source})" if source else ""
