"""Valuing events anew on purpose: by the current factors and the overrides in force."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from apps.emissions.selectors import CurrentFactors
from apps.telemetry.models import CarbonEntry, ProviderConnection, TelemetryEvent
from apps.telemetry.services import events, ledger
from apps.telemetry.services.ledger import Appended

READ: Final = (
    f"SELECT '{CarbonEntry.Reason.RECALCULATED}', {events.STATE} FROM telemetry_telemetryevent "  # noqa: S608 - our own column names
    "WHERE id = ANY(%s) ORDER BY idempotency_hash"
)
HOLD: Final = f"{READ} FOR UPDATE"


def revalue(event_ids: Sequence[int], factors: CurrentFactors, *, now: datetime) -> list[Appended]:
    """Value these events by `factors`, and add what that changes to the ledger. Safe to repeat.

    Must run in a transaction. Its connections are held as a reading holds them, so that a reading
    of the same events waits and no two wait for each other in a circle; an event that is revised
    meanwhile is seen as it stands after that.
    """
    _hold_connections(event_ids)
    return ledger.append(list(events.states(HOLD, [list(event_ids)])), factors, now=now)


def preview(event_ids: Sequence[int], factors: CurrentFactors) -> list[Appended]:
    """What `revalue` would answer. Writes nothing and waits for nobody."""
    return list(ledger.revalued(list(events.states(READ, [list(event_ids)])), factors))


def _hold_connections(event_ids: Sequence[int]) -> None:
    of_events = TelemetryEvent.objects.filter(pk__in=event_ids).values("connection_id")
    connections = ProviderConnection.objects.filter(pk__in=of_events).order_by("pk")
    list(connections.select_for_update(no_key=True).values_list("pk"))
