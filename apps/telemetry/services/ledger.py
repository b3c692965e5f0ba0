"""The append-only ledger: for each changed event, one entry that holds the difference."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import connection as database

from apps.common.bulk import Columns, as_arrays, insert_from_rows
from apps.emissions.selectors import CurrentFactors, factors_by_id
from apps.telemetry.models import SUMMED, CarbonEntry
from apps.telemetry.services import basis
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
    "region": "text",
    "is_test": "boolean",
    "used_at": "timestamptz",
    "recorded_at": "timestamptz",
    "factor_set_id": "bigint",
    "calculation": "jsonb",
    **dict.fromkeys(SUMMED, "numeric"),
}
INSERT: Final = insert_from_rows("telemetry_carbonentry", COLUMNS)
STANDING: Final = (
    "SELECT event_id, max(sequence), (array_agg(factor_set_id ORDER BY sequence DESC))[1], "  # noqa: S608 - our own column names
    "(array_agg(calculation -> 'overrides' ORDER BY sequence DESC))[1], "
    f"{', '.join(f'sum({name})' for name in SUMMED)} "
    "FROM telemetry_carbonentry WHERE event_id = ANY(%s) GROUP BY event_id"
)


@dataclass(frozen=True, slots=True)
class EventState:
    """An event as it stands after it was written, and why it has to be valued again."""

    id: int
    identity: bytes
    workspace_id: int
    project_id: int
    connection_id: int | None
    is_test: bool
    used_at: datetime
    region: str | None
    reason: str
    metered: Metered


@dataclass(frozen=True, slots=True)
class _Standing:
    """The sums of an event's entries, and what the last of them was valued with."""

    sequence: int = 0
    factor_set_id: int | None = None
    overrides: Sequence[str] = ()
    sums: tuple[Decimal | None, ...] = field(default=(None,) * len(SUMMED))


_NEW: Final = _Standing()


@dataclass(frozen=True, slots=True)
class Appended:
    """How an event is valued now, by which factors, and what of that was new to the ledger."""

    state: EventState
    valued: Valued
    factors: CurrentFactors
    sequence: int
    difference: tuple[Decimal | None, ...]

    @property
    def is_entered(self) -> bool:
        """An event's first entry is kept even if it is worth nothing."""
        return self.sequence == 1 or any(self.difference)


def append(
    states: Sequence[EventState], factors: CurrentFactors, *, now: datetime
) -> list[Appended]:
    """Value the events and add what changed to the ledger; one answer for each, in their order.

    An event that is new, or recalculated on purpose, is valued with `factors` and the overrides in
    force; a revised one with what it was valued with before, so that a correction of counts never
    brings new factors along. Must run in the transaction that wrote the events. An event whose
    value did not change adds nothing, so the call is safe to repeat.
    """
    if not states:
        return []
    appended = list(revalued(states, factors))
    rows = [_row(one, now) for one in appended if one.is_entered]
    if rows:
        with database.cursor() as cursor:
            cursor.execute(INSERT, as_arrays(COLUMNS, rows))
    return appended


def revalued(states: Sequence[EventState], factors: CurrentFactors) -> Iterable[Appended]:
    """What `append` would do. Writes nothing."""
    standing = _standing([one.id for one in states if one.reason != CarbonEntry.Reason.MEASURED])
    known = basis.overrides_of(state.workspace_id for state in states)
    for state in states:
        before = standing.get(state.id, _NEW)
        overrides = known.get(state.workspace_id, ())
        used, chosen = factors, basis.in_force(overrides, state.metered.provider, state.used_at)
        if before.factor_set_id is not None and state.reason != CarbonEntry.Reason.RECALCULATED:
            chosen = basis.named(overrides, before.overrides)
            if before.factor_set_id != factors.id:
                used = factors_by_id(before.factor_set_id)
        valued = value(state.metered, used, chosen)
        difference = _difference(valued, before.sums)
        yield Appended(state, valued, used, before.sequence + 1, difference)


def _standing(event_ids: list[int]) -> dict[int, _Standing]:
    """Of events that have entries; one that was just stored for the first time has none."""
    if not event_ids:
        return {}
    with database.cursor() as cursor:
        cursor.execute(STANDING, [event_ids])
        return {
            row[0]: _Standing(row[1], row[2], json.loads(row[3] or "[]"), row[4:])
            for row in cursor.fetchall()
        }


def _difference(valued: Valued, before: Sequence[Decimal | None]) -> tuple[Decimal | None, ...]:
    """After minus before, column by column. What is unknown both before and after stays unknown."""
    return tuple(
        None if after is None and earlier is None else (after or Decimal()) - (earlier or Decimal())
        for after, earlier in zip((valued.quantities[name] for name in SUMMED), before, strict=True)
    )


def _row(one: Appended, now: datetime) -> tuple[Any, ...]:
    """The values of COLUMNS."""
    state = one.state
    return (
        state.workspace_id,
        state.id,
        one.sequence,
        state.reason,
        state.project_id,
        state.connection_id,
        state.metered.provider,
        state.metered.model,
        state.region,
        state.is_test,
        state.used_at,
        now,
        one.factors.id,
        one.valued.calculation,
        *one.difference,
    )
