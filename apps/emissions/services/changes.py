"""What a catalogue would change: rows added, changed and removed, table by table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_KEYS = {
    "models": "pattern",
    "operators": "operator",
    "grid": "iso2",
    "embodied": "component",
    "sources": "name",
}


@dataclass(frozen=True, slots=True)
class TableChange:
    """The keys of the rows that differ between two documents."""

    table: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    is_reordered: bool  # for models the order is the priority


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


def _change(table: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> TableChange:
    kept_before = [key for key in old if key in new]
    kept_after = [key for key in new if key in old]
    return TableChange(
        table=table,
        added=tuple(key for key in new if key not in old),
        changed=tuple(key for key in kept_after if old[key] != new[key]),
        removed=tuple(key for key in old if key not in new),
        is_reordered=table == "models" and kept_before != kept_after,
    )
