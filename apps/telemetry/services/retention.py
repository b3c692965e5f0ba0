"""What telemetry keeps only for a time: the providers' raw rows, and the journal of polls."""

from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import connection

from apps.telemetry.models import TelemetryEvent

POLL_RUN_DAYS: Final = 400
_CHUNK: Final = 5000
_CLEAR: Final = """
WITH chunk AS (
    SELECT id, created_at < %(before)s AS is_old, raw_payload IS NOT NULL AS has_payload
    FROM telemetry_telemetryevent WHERE id > %(after)s ORDER BY id LIMIT %(chunk)s
), cleared AS (
    UPDATE telemetry_telemetryevent AS event SET raw_payload = NULL
    FROM chunk WHERE event.id = chunk.id AND is_old AND has_payload RETURNING 1
)
SELECT max(id), bool_or(is_old), (SELECT count(*) FROM cleared) FROM chunk
"""
_FORGET: Final = """
WITH chunk AS (
    SELECT run.id FROM telemetry_pollrun AS run
    WHERE run.started_at < %(before)s AND EXISTS (
        SELECT 1 FROM telemetry_pollrun AS later
        WHERE later.connection_id = run.connection_id AND later.source = run.source
            AND (later.started_at, later.id) > (run.started_at, run.id)
    ) LIMIT %(chunk)s
)
DELETE FROM telemetry_pollrun USING chunk WHERE telemetry_pollrun.id = chunk.id
"""

log = structlog.get_logger(__name__)


def payloads_kept_since(now: datetime) -> datetime | None:
    """Raw payloads of events that were stored before this moment are gone; None: none ever is."""
    days: int = settings.RAW_PAYLOAD_DAYS
    return now - timedelta(days=days) if days else None


def has_expired_payload(event: TelemetryEvent, *, now: datetime) -> bool:
    """Whether the provider's row is missing because of its age."""
    kept_since = payloads_kept_since(now)
    is_old = kept_since is not None and event.created_at < kept_since
    return is_old and event.raw_payload is None


def clear_raw_payloads(*, now: datetime) -> int:
    """Forget the raw payloads that are older than RAW_PAYLOAD_DAYS; how many were.

    Events, entries and receipts stay. Each chunk is a transaction of its own, so it can be killed
    at any time and run again. Ids grow with time: the walk ends at the first chunk of young events.
    """
    before = payloads_kept_since(now)
    after = cleared = 0
    while before is not None:
        asked: dict[str, Any] = {"before": before, "after": after, "chunk": _CHUNK}
        with connection.cursor() as cursor:
            cursor.execute(_CLEAR, asked)
            last, has_old, count = cursor.fetchone()
        cleared += count
        if not has_old:
            break
        after = last
    log.info("raw_payloads_cleared", events=cleared)
    return cleared


def prune_poll_runs(*, now: datetime) -> int:
    """Delete poll runs older than 400 days, but never the last of a source; how many were."""
    asked: dict[str, Any] = {"before": now - timedelta(days=POLL_RUN_DAYS), "chunk": _CHUNK}
    deleted = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_FORGET, asked)
            deleted += int(cursor.rowcount)
            if cursor.rowcount < _CHUNK:
                break
    log.info("poll_runs_pruned", runs=deleted)
    return deleted
