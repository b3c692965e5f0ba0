"""Recording one reading of a meter: replace what changed, value it, move the cursor, or nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import connection as database
from django.db import transaction

from apps.common.bulk import Columns, as_arrays, insert_from_rows
from apps.emissions.selectors import CurrentFactors
from apps.telemetry.connectors.base import BucketReading, Reading
from apps.telemetry.connectors.identity import digest
from apps.telemetry.errors import ConnectionRevokedError
from apps.telemetry.models import MeteredBucket, ProviderConnection
from apps.telemetry.services import ledger
from apps.telemetry.services.events import Written, replace_buckets

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
    "(rows, digest, is_provisional, quarantined, read_at) = (excluded.rows, excluded.digest, "
    "excluded.is_provisional, excluded.quarantined, excluded.read_at)",
)
MOVE_CURSOR: Final = """
INSERT INTO telemetry_synccursor (workspace_id, connection_id, source, complete_until, read_at)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (connection_id, source) DO UPDATE SET
    complete_until = greatest(telemetry_synccursor.complete_until, excluded.complete_until),
    read_at = greatest(telemetry_synccursor.read_at, excluded.read_at)
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one reading changed."""

    rows_read: int = 0
    rows_changed: int = 0
    rows_withdrawn: int = 0
    entries: int = 0
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Compared:
    """The buckets to replace, with their digests, and the stored ones that are the same.

    `changing` are those of the replaced that have rows, or may have had some.
    """

    replaced: list[tuple[BucketReading, bytes]] = field(default_factory=list)
    changing: list[BucketReading] = field(default_factory=list)
    same: list[int] = field(default_factory=list)


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
    compared = _compared(locked, source, reading, now)
    MeteredBucket.objects.filter(pk__in=compared.same, read_at__lt=now).update(read_at=now)
    written = Written([], [])
    if compared.changing:
        written = replace_buckets(locked, source, compared.changing, now=now)
    if compared.replaced:
        _store_buckets(locked, source, compared.replaced, now)
    appended = ledger.append([*written.changed, *written.withdrawn], factors, now=now)
    _move_cursor(locked, source, reading, now)
    return Recorded(
        rows_read=sum(len(bucket.rows) for bucket in reading.buckets),
        rows_changed=len(written.changed),
        rows_withdrawn=len(written.withdrawn),
        entries=sum(one.is_entered for one in appended),
        warnings=list(reading.warnings),
    )


def _compared(
    connection: ProviderConnection, source: str, reading: Reading, now: datetime
) -> _Compared:
    stored = {
        bucket.starts_at: bucket
        for bucket in MeteredBucket.objects.filter(
            connection=connection,
            source=source,
            starts_at__gte=reading.window.start,
            starts_at__lt=reading.window.end,
        )
    }
    compared = _Compared()
    for bucket in reading.buckets:
        before = stored.get(bucket.bucket_start)
        bucket_digest = digest(bucket.rows)
        if before is not None and _is_same(before, bucket, bucket_digest):
            compared.same.append(before.pk)
        elif before is None or _outranks(bucket, before, now):
            compared.replaced.append((bucket, bucket_digest))
            if bucket.rows or before is not None:
                compared.changing.append(bucket)
    return compared


def _is_same(before: MeteredBucket, bucket: BucketReading, bucket_digest: bytes) -> bool:
    return (
        bytes(before.digest) == bucket_digest
        and before.is_provisional == bucket.is_provisional
        and before.quarantined == list(bucket.quarantined)
    )


def _outranks(bucket: BucketReading, before: MeteredBucket, now: datetime) -> bool:
    """A complete reading stands above every clipped one; among equals the younger counts."""
    if bucket.is_provisional != before.is_provisional:
        return before.is_provisional
    return before.read_at <= now


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
    with database.cursor() as cursor:
        cursor.execute(
            MOVE_CURSOR, [connection.workspace_id, connection.pk, source, max(complete), now]
        )
