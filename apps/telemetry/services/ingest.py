"""Recording one reading of a meter: replace what changed, value it, move the cursor, all or nothing."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection as database
from django.db import transaction

from apps.common.bulk import Columns, as_arrays, insert_from_rows
from apps.emissions.selectors import CurrentFactors
from apps.telemetry.connectors.base import BucketReading, Reading, UsageRow
from apps.telemetry.connectors.identity import digest, identity
from apps.telemetry.errors import ConnectionRevokedError
from apps.telemetry.models import (
    CarbonEntry,
    MeteredBucket,
    ProviderConnection,
    SyncCursor,
    TelemetryEvent,
    Workload,
)
from apps.telemetry.services import ledger
from apps.telemetry.services.valuation import Metered

EVENT_COLUMNS: Final[Columns] = {
    "workspace_id": "bigint",
    "project_id": "bigint",
    "connection_id": "bigint",
    "idempotency_hash": "bytea",
    "source": "text",
    "provider": "text",
    "model": "text",
    "used_at": "timestamptz",
    "used_until": "timestamptz",
    "dims": "jsonb",
    "input_uncached_tokens": "bigint",
    "input_cache_read_tokens": "bigint",
    "input_cache_write_tokens": "bigint",
    "output_tokens": "bigint",
    "reasoning_tokens": "bigint",
    "requests": "bigint",
    "is_cache_read_known": "boolean",
    "is_byok": "boolean",
    "is_provisional": "boolean",
    "is_withdrawn": "boolean",
    "is_test": "boolean",
    "flags": "jsonb",
    "raw_payload": "jsonb",
    "observed_at": "timestamptz",
    "created_at": "timestamptz",
}
REVISABLE: Final = tuple(EVENT_COLUMNS)[10:16] + (
    "is_cache_read_known",
    "is_byok",
    "is_provisional",
    "is_withdrawn",
)
STATE: Final = (
    "id, workspace_id, project_id, connection_id, is_test, used_at, model, provider, dims, "
    "input_uncached_tokens, input_cache_read_tokens, input_cache_write_tokens, output_tokens, "
    "reasoning_tokens, requests"
)
# The guard leaves an unchanged row alone, so a second reading writes nothing.
UPSERT: Final = insert_from_rows(
    "telemetry_telemetryevent",
    EVENT_COLUMNS,
    f"""ON CONFLICT (workspace_id, idempotency_hash) DO UPDATE SET
    ({", ".join(REVISABLE)}, flags, raw_payload, observed_at)
    = ({", ".join(f"excluded.{name}" for name in REVISABLE)}, excluded.flags, excluded.raw_payload, excluded.observed_at)
    WHERE ({", ".join(f"telemetry_telemetryevent.{name}" for name in REVISABLE)})
    IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in REVISABLE)})
    RETURNING CASE WHEN xmax = 0 THEN '{CarbonEntry.Reason.MEASURED}' ELSE '{CarbonEntry.Reason.REVISED}' END, {STATE}""",
)
# What stands in a replaced bucket and was not reported again has been withdrawn by the provider.
WITHDRAW: Final = f"""
UPDATE telemetry_telemetryevent SET is_withdrawn = true, is_provisional = false, observed_at = %s,
    input_uncached_tokens = 0, input_cache_read_tokens = 0, input_cache_write_tokens = 0,
    output_tokens = 0, reasoning_tokens = NULL, requests = NULL
WHERE connection_id = %s AND source = %s AND used_at = ANY(%s)
    AND NOT is_withdrawn AND idempotency_hash <> ALL(%s)
RETURNING '{CarbonEntry.Reason.WITHDRAWN}', {STATE}
"""  # noqa: S608 - our own column names
BUCKET_COLUMNS: Final[Columns] = {
    "workspace_id": "bigint",
    "connection_id": "bigint",
    "source": "text",
    "starts_at": "timestamptz",
    "ends_at": "timestamptz",
    "rows": "integer",
    "digest": "bytea",
    "is_provisional": "boolean",
    "quarantined": "jsonb",
    "read_at": "timestamptz",
}
UPSERT_BUCKETS: Final = insert_from_rows(
    "telemetry_meteredbucket",
    BUCKET_COLUMNS,
    "ON CONFLICT (connection_id, source, starts_at) DO UPDATE SET "
    "(rows, digest, is_provisional, quarantined, read_at) "
    "= (excluded.rows, excluded.digest, excluded.is_provisional, excluded.quarantined, excluded.read_at)",
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one reading changed."""

    rows_read: int = 0
    rows_changed: int = 0
    rows_withdrawn: int = 0
    entries: int = 0
    warnings: list[str] = field(default_factory=list)


@transaction.atomic
def record(
    connection: ProviderConnection,
    source: str,
    reading: Reading,
    factors: CurrentFactors,
    *,
    now: datetime,
) -> Recorded:
    """Make the stored buckets equal to the reading, and the ledger to both. Safe to repeat.

    `now` is when the reading was asked for: a reading that is older than what is stored changes
    nothing. Only whole buckets are replaced; a clipped one never replaces a complete one.
    """
    locked = ProviderConnection.objects.select_for_update(no_key=True).get(pk=connection.pk)
    if locked.status == ProviderConnection.Status.REVOKED:
        raise ConnectionRevokedError("The connection was revoked while it was being read")
    replaced = _to_replace(locked, source, reading, now)
    changed: list[tuple[Any, ...]] = []
    withdrawn: list[tuple[Any, ...]] = []
    if replaced:
        hashes, rows = _event_rows(locked, source, replaced, now)
        changed = _execute(UPSERT, as_arrays(EVENT_COLUMNS, rows)) if rows else []
        starts = [bucket.bucket_start for bucket, _ in replaced]
        withdrawn = _execute(WITHDRAW, [now, locked.pk, source, starts, hashes])
        _store_buckets(locked, source, replaced, now)
    entries = ledger.append([_state(row) for row in (*changed, *withdrawn)], factors, now=now)
    _move_cursor(locked, source, reading, now)
    return Recorded(
        rows_read=sum(len(bucket.rows) for bucket in reading.buckets),
        rows_changed=len(changed),
        rows_withdrawn=len(withdrawn),
        entries=entries,
        warnings=list(reading.warnings),
    )


def _to_replace(
    connection: ProviderConnection, source: str, reading: Reading, now: datetime
) -> list[tuple[BucketReading, bytes]]:
    """The buckets whose content differs from what is stored, each with the digest of its rows."""
    stored = {
        bucket.starts_at: bucket
        for bucket in MeteredBucket.objects.filter(
            connection=connection,
            source=source,
            starts_at__gte=reading.window.start,
            starts_at__lt=reading.window.end,
        )
    }
    replaced = []
    for bucket in reading.buckets:
        before = stored.get(bucket.bucket_start)
        bucket_digest = digest(bucket.rows)
        if before is not None:
            same = (
                bytes(before.digest) == bucket_digest
                and before.is_provisional == bucket.is_provisional
            )
            clipped = bucket.is_provisional and not before.is_provisional
            if same or clipped or before.read_at > now:
                continue
        replaced.append((bucket, bucket_digest))
    return replaced


def _event_rows(
    connection: ProviderConnection,
    source: str,
    replaced: Iterable[tuple[BucketReading, bytes]],
    now: datetime,
) -> tuple[list[bytes], list[tuple[Any, ...]]]:
    """The rows to upsert, and their identity hashes."""
    project_id = Workload.objects.values_list("project_id", flat=True).get(
        connection=connection, is_active=True
    )
    hashes: list[bytes] = []
    rows: list[tuple[Any, ...]] = []
    for bucket, _ in replaced:
        for row in bucket.rows:
            hashed = identity(
                connection.public_id,
                source,
                bucket.bucket_end - bucket.bucket_start,
                bucket.bucket_start,
                grouping=row.dims,
                dims=row.dims,
            )
            hashes.append(hashed)
            rows.append(_event_row(connection, project_id, source, bucket, row, hashed, now))
    return hashes, rows


def _event_row(
    connection: ProviderConnection,
    project_id: int,
    source: str,
    bucket: BucketReading,
    row: UsageRow,
    hashed: bytes,
    now: datetime,
) -> tuple[Any, ...]:
    return (
        connection.workspace_id,
        project_id,
        connection.pk,
        hashed,
        source,
        connection.provider,
        row.model,
        bucket.bucket_start,
        bucket.bucket_end,
        dict(row.dims),
        row.input_uncached,
        row.input_cache_read,
        row.input_cache_write,
        row.output,
        row.reasoning,
        row.requests,
        row.cache_read_known,
        row.byok,
        bucket.is_provisional,
        False,
        False,
        list(row.flags),
        dict(row.raw),
        now,
        now,
    )


def _store_buckets(
    connection: ProviderConnection,
    source: str,
    replaced: Iterable[tuple[BucketReading, bytes]],
    now: datetime,
) -> None:
    rows = [
        (
            connection.workspace_id,
            connection.pk,
            source,
            bucket.bucket_start,
            bucket.bucket_end,
            len(bucket.rows),
            bucket_digest,
            bucket.is_provisional,
            list(bucket.quarantined),
            now,
        )
        for bucket, bucket_digest in replaced
    ]
    with database.cursor() as cursor:
        cursor.execute(UPSERT_BUCKETS, as_arrays(BUCKET_COLUMNS, rows))


def _move_cursor(
    connection: ProviderConnection, source: str, reading: Reading, now: datetime
) -> None:
    """Forward only, and only to the end of the newest complete bucket."""
    complete = [bucket.bucket_end for bucket in reading.buckets if not bucket.is_provisional]
    if not complete:
        return
    cursor, created = SyncCursor.objects.get_or_create(
        connection=connection,
        source=source,
        defaults={
            "workspace_id": connection.workspace_id,
            "complete_until": max(complete),
            "read_at": now,
        },
    )
    if not created:
        cursor.complete_until = max(cursor.complete_until, *complete)
        cursor.read_at = max(cursor.read_at, now)
        cursor.save(update_fields=["complete_until", "read_at"])


def _state(row: Sequence[Any]) -> ledger.EventState:
    """One row of STATE behind its reason."""
    (
        reason,
        event_id,
        workspace_id,
        project_id,
        connection_id,
        is_test,
        used_at,
        model,
        provider,
        dims,
    ) = row[:10]
    return ledger.EventState(
        id=event_id,
        workspace_id=workspace_id,
        project_id=project_id,
        connection_id=connection_id,
        is_test=is_test,
        used_at=used_at,
        reason=reason,
        metered=Metered(model, provider, json.loads(dims), *row[10:]),  # raw cursors give jsonb as text
    )


def _execute(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with database.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()
