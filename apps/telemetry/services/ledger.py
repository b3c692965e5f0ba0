"""The append-only ledger: for each changed event, one entry that holds the difference."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import connection as database

from apps.common.bulk import Columns, as_arrays, insert_from_rows
from apps.emissions.selectors import CurrentFactors
from apps.telemetry.models import SUMMED
from apps.telemetry.services.valuation import Metered, Valued, value

COLUMNS: Final[Columns] = {
    "workspace_id": "bigint",
    "event_id": "bigint",
    "sequence": "integer",
    "reason": "text",
    "project_id": "bigint",
    "connection_id": "bigint",
    "provider": "text",
    "model": "text",
    "is_test": "boolean",
    "used_at": "timestamptz",
    "recorded_at": "timestamptz",
    "factor_set_id": "bigint",
    "calculation": "jsonb",
    **dict.fromkeys(SUMMED, "numeric"),
}
INSERT: Final = insert_from_rows("telemetry_carbonentry", COLUMNS)
STANDING: Final = (
    f"SELECT event_id, max(sequence), {', '.join(f'sum({name})' for name in SUMMED)} "  # noqa: S608 - our own column names
    "FROM telemetry_carbonentry WHERE event_id = ANY(%s) GROUP BY event_id"
)


@dataclass(frozen=True, slots=True)
class EventState:
    """An event as it stands after it was written, and why it has to be valued again."""

    id: int
    workspace_id: int
    project_id: int
    connection_id: int | None
    is_test: bool
    used_at: datetime
    reason: str
    metered: Metered


def append(states: Sequence[EventState], factors: CurrentFactors, *, now: datetime) -> int:
    """Value the events and add what changed to the ledger; answer how many entries that took.

    Must run in the transaction that wrote the events. An event whose value did not change adds
    nothing, so the call is safe to repeat.
    """
    standing = _standing([state.id for state in states])
    rows = list(_entry_rows(states, standing, factors, now))
    if rows:
        with database.cursor() as cursor:
            cursor.execute(INSERT, as_arrays(COLUMNS, rows))
    return len(rows)


def _standing(event_ids: list[int]) -> dict[int, tuple[int, tuple[Decimal | None, ...]]]:
    """By event: the number of its last entry, and the sums of all its entries."""
    with database.cursor() as cursor:
        cursor.execute(STANDING, [event_ids])
        return {row[0]: (row[1], row[2:]) for row in cursor.fetchall()}


def _entry_rows(
    states: Iterable[EventState],
    standing: Mapping[int, tuple[int, tuple[Decimal | None, ...]]],
    factors: CurrentFactors,
    now: datetime,
) -> Iterable[tuple[Any, ...]]:
    for state in states:
        valued = value(state.metered, factors)
        sequence, before = standing.get(state.id, (0, (None,) * len(SUMMED)))
        difference = _difference(valued, before)
        if sequence and not any(difference):
            continue
        yield (
            state.workspace_id,
            state.id,
            sequence + 1,
            state.reason,
            state.project_id,
            state.connection_id,
            state.metered.provider,
            state.metered.model,
            state.is_test,
            state.used_at,
            now,
            factors.id,
            valued.calculation,
            *difference,
        )


def _difference(valued: Valued, before: Sequence[Decimal | None]) -> list[Decimal | None]:
    """After minus before, column by column. What is unknown both before and after stays unknown."""
    return [
        None if after is None and earlier is None else (after or Decimal()) - (earlier or Decimal())
        for after, earlier in zip((valued.quantities[name] for name in SUMMED), before, strict=True)
    ]
