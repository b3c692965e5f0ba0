"""Making stored events follow what a workspace has declared its sources of record to be.

What changes is written by entries of their own, which the next period settles: what a receipt
states stays as it is.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import structlog
from django.db import connection as database
from django.db import transaction

from apps.common.locks import try_session_lock
from apps.emissions.selectors import CurrentFactors, current_factors
from apps.telemetry.models import CarbonEntry, SourceOfRecord
from apps.telemetry.selectors.source_of_record import APPLIED, latest_change
from apps.telemetry.services import events, ledger
from apps.telemetry.services.source_of_record import UPSTREAMS, Declared, held_alone
from apps.workspaces.models import Workspace
from apps.workspaces.services import audit

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]
Counted = SourceOfRecord.Counted
Reason = CarbonEntry.Reason
CHUNK: Final = 500
ACTOR: Final = "system"

# The rule of `Declared`, over stored events: the best signal of its use, and of the record.
COUNTS: Final = """
    NOT EXISTS (
        SELECT FROM telemetry_signalgroup AS best
        WHERE best.id = event.signal_group_id AND best.rank > event.signal_rank
    ) AND CASE
        WHEN event.connection_id IS NULL THEN event.provider <> ALL(%(connection)s)
        ELSE event.provider <> ALL(%(pushed)s) AND NOT (event.is_byok AND lower(coalesce(
            nullif(event.raw_payload ->> 'provider_name', ''), split_part(event.model, '/', 1), ''
        )) = ANY(%(upstreams)s))
    END"""
FIND: Final = f"""
SELECT event.id FROM telemetry_telemetryevent AS event
WHERE event.workspace_id = %(workspace)s AND event.id > %(after)s AND event.is_counted <> ({COUNTS})
ORDER BY event.id LIMIT %(most)s
"""  # noqa: S608 - our own column names
# Locked in the order in which every writer locks events.
TURN_OVER: Final = f"""
UPDATE telemetry_telemetryevent AS event SET is_counted = NOT event.is_counted
FROM (
    SELECT one.id FROM telemetry_telemetryevent AS one
    WHERE one.id = ANY(%s) ORDER BY one.idempotency_hash FOR UPDATE
) AS found
WHERE event.id = found.id
RETURNING CASE WHEN event.is_counted THEN '{Reason.REVISED}' ELSE '{Reason.SUPERSEDED}' END,
    {", ".join(f"event.{name}" for name in events.STATE_COLUMNS)}
"""  # noqa: S608 - our own column names


def recount(workspace_id: int, *, clock: Clock, chunk: int = CHUNK) -> int:
    """Make the workspace's events follow its declarations; how many were turned over.

    Chunk by chunk, each in a transaction: killed anywhere it is finished by another run, as long
    as the audit trail lacks its last line. One at a time; a second one leaves at once.
    """
    turned = 0
    with try_session_lock(f"recount of workspace {workspace_id}") as is_mine:
        while is_mine and (change := latest_change(workspace_id)) is not None:
            turned += _recount_once(workspace_id, chunk, clock)
            if _finish(workspace_id, change, now=clock()):
                log.info("source_of_record_applied", workspace=workspace_id, events=turned)
                break
    return turned


def _recount_once(workspace_id: int, chunk: int, clock: Clock) -> int:
    factors = current_factors()
    turned = after = 0
    while ids := _turn_over(workspace_id, after, chunk, factors, now=clock()):
        turned, after = turned + len(ids), ids[-1]
    return turned


@transaction.atomic
def _turn_over(
    workspace_id: int, after: int, most: int, factors: CurrentFactors, *, now: datetime
) -> list[int]:
    """The events that were turned over, ascending; none when the end is reached.

    Alone with the workspace's events, so that no reading and no request holds one of them and
    waits for another.
    """
    asked: dict[str, Any] = {"workspace": workspace_id, "after": after, "most": most}
    with database.cursor() as cursor:
        cursor.execute(FIND, asked | _parameters(held_alone(workspace_id)))
        ids = [row[0] for row in cursor.fetchall()]
    if ids:
        ledger.append(list(events.states(TURN_OVER, [ids])), factors, now=now)
    return ids


@transaction.atomic
def _finish(workspace_id: int, change: int, *, now: datetime) -> bool:
    """Write down that it was applied, unless something else was declared meanwhile."""
    held_alone(workspace_id)
    if latest_change(workspace_id) != change:
        return False
    audit(Workspace.objects.get(pk=workspace_id), ACTOR, APPLIED, "", now=now)
    return True


def _parameters(declared: Declared) -> dict[str, list[str]]:
    """Of COUNTS."""
    metered = declared.providers(Counted.CONNECTION)
    upstreams = [name for name, provider in UPSTREAMS.items() if provider in metered]
    pushed = declared.providers(Counted.PUSHED)
    return {"connection": metered, "pushed": pushed, "upstreams": upstreams}
