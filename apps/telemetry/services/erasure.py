"""What telemetry does when a workspace is closed: stop every meter, forget who people were."""

from datetime import datetime
from typing import Final

import structlog
from django.db import connection
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat

from apps.telemetry.models import AlertDelivery, Budget, ProviderConnection, SignalGroup
from apps.telemetry.services import budgets, connections
from apps.workspaces.models import Workspace

_CHUNK: Final = 5000
_ERASED: Final = "erased:"
# Who wrote what stands in the provider's own row too. None of it is a part of an event's identity.
_FORGET: Final = """
WITH chunk AS (
    SELECT id, num_nonnulls(customer, session_id, developer, raw_payload) > 0 AS is_told
    FROM telemetry_telemetryevent
    WHERE workspace_id = %(workspace)s AND id > %(after)s ORDER BY id LIMIT %(chunk)s
), forgotten AS (
    UPDATE telemetry_telemetryevent AS event
    SET customer = NULL, session_id = NULL, developer = NULL, raw_payload = NULL
    FROM chunk WHERE event.id = chunk.id AND is_told RETURNING 1
)
SELECT max(id), (SELECT count(*) FROM forgotten) FROM chunk
"""

log = structlog.get_logger(__name__)


def stop(workspace: Workspace, *, actor: str, now: datetime) -> None:
    """Revoke the connections, whose keys are destroyed, and archive the budgets. Safe to repeat."""
    for found in ProviderConnection.objects.filter(workspace=workspace).order_by("pk"):
        connections.revoke(found, actor=actor, now=now)
    for budget in Budget.objects.filter(workspace=workspace, archived_at=None).order_by("pk"):
        budgets.archive_budget(workspace, budget.public_id, actor=actor, now=now)


def forget_people(workspace: Workspace) -> int:
    """Clear what names customers, sessions, developers and recipients; how many events had it.

    Figures stay: no total, receipt or proof depends on a name. Chunk by chunk, safe to kill and to
    repeat.
    """
    forgotten, after = 0, 0
    with connection.cursor() as cursor:
        while True:
            asked = {"workspace": workspace.pk, "after": after, "chunk": _CHUNK}
            cursor.execute(_FORGET, asked)
            last, count = cursor.fetchone()
            if last is None:
                break
            after, forgotten = last, forgotten + count
    _forget_recipients(workspace)
    log.info("people_forgotten", workspace_id=str(workspace.public_id), events=forgotten)
    return forgotten


def _forget_recipients(workspace: Workspace) -> None:
    """Each keeps a name of its own, because the names are unique."""
    nameless = Concat(Value(_ERASED), Cast(F("pk"), CharField()))
    Budget.objects.filter(workspace=workspace).update(
        emails=[], webhook_url="", sealed_webhook_secret=None
    )
    AlertDelivery.objects.filter(workspace=workspace).exclude(target__startswith=_ERASED).update(
        target=nameless, next_attempt_at=None
    )
    SignalGroup.objects.filter(workspace=workspace).exclude(session_key__startswith=_ERASED).update(
        session_key=nameless
    )
