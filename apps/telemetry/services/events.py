"""Writing the events of replaced buckets: upsert what is reported, withdraw what no longer is."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from django.db import connection as database

from apps.common.bulk import Columns, as_arrays, insert_from_rows
from apps.telemetry.connectors.base import BucketReading, UsageRow
from apps.telemetry.connectors.identity import identity
from apps.telemetry.models import COST_PLACES, CarbonEntry, ProviderConnection, Workload
from apps.telemetry.services.ledger import EventState
from apps.telemetry.services.routing import routes_of_connection
from apps.telemetry.services.source_of_record import held
from apps.telemetry.services.valuation import Metered

REVISABLE: Final[Columns] = {
    "input_uncached_tokens": "bigint",
    "input_cache_read_tokens": "bigint",
    "input_cache_write_tokens": "bigint",
    "output_tokens": "bigint",
    "reasoning_tokens": "bigint",
    "requests": "bigint",
    "cost_usd": "numeric",
    "is_cache_read_known": "boolean",
    "is_byok": "boolean",
    "is_provisional": "boolean",
    "is_withdrawn": "boolean",
    "is_counted": "boolean",
}
COLUMNS: Final[Columns] = {
    "workspace_id": "bigint",
    "project_id": "bigint",
    "connection_id": "bigint",
    "idempotency_hash": "bytea",
    "source": "text",
    "provider": "text",
    "model": "text",
    "used_at": "timestamptz",
    "used_until": "timestamptz",
    "region": "text",
    "dims": "jsonb",
    **REVISABLE,
    "is_test": "boolean",
    "flags": "jsonb",
    "raw_payload": "jsonb",
    "observed_at": "timestamptz",
    "created_at": "timestamptz",
}
STATE_COLUMNS: Final = (
    "id",
    "idempotency_hash",
    "workspace_id",
    "project_id",
    "connection_id",
    "is_test",
    "used_at",
    "model",
    "provider",
    "region",
    "dims",
    "input_uncached_tokens",
    "input_cache_read_tokens",
    "input_cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "requests",
    "cost_usd",
    "is_counted",
)
STATE: Final = ", ".join(STATE_COLUMNS)
Reason = CarbonEntry.Reason
REGION_LENGTH: Final = 64
COST_STEP: Final = Decimal(1).scaleb(-COST_PLACES)


def _of(table: str, *more: str) -> str:
    return ", ".join(f"{table}.{name}" for name in (*REVISABLE, *more))


# The guard leaves an unchanged row alone, so a second reading writes nothing.
REVISE: Final = f"""ON CONFLICT (workspace_id, idempotency_hash) DO UPDATE SET
    ({", ".join(REVISABLE)}, flags, raw_payload, observed_at)
    = ({_of("excluded", "flags", "raw_payload", "observed_at")})
    WHERE ({_of("telemetry_telemetryevent")}) IS DISTINCT FROM ({_of("excluded")})
    RETURNING CASE WHEN xmax = 0 THEN '{Reason.MEASURED}' ELSE '{Reason.REVISED}' END, {STATE}"""
UPSERT: Final = insert_from_rows("telemetry_telemetryevent", COLUMNS, REVISE)
# What stands in a replaced bucket and was not reported again has been withdrawn by the provider.
WITHDRAW: Final = f"""
UPDATE telemetry_telemetryevent SET is_withdrawn = true, is_provisional = false, observed_at = %s,
    input_uncached_tokens = 0, input_cache_read_tokens = 0, input_cache_write_tokens = 0,
    output_tokens = 0, reasoning_tokens = NULL, requests = NULL, cost_usd = NULL
WHERE connection_id = %s AND source = %s AND used_at = ANY(%s)
    AND NOT is_withdrawn AND idempotency_hash <> ALL(%s)
RETURNING '{Reason.WITHDRAWN}', {STATE}
"""  # noqa: S608 - our own column names


@dataclass(frozen=True, slots=True)
class Written:
    """The events whose facts changed, as they stand now."""

    changed: list[EventState]
    withdrawn: list[EventState]


def replace_buckets(
    connection: ProviderConnection,
    source: str,
    buckets: Sequence[BucketReading],
    *,
    now: datetime,
) -> Written:
    """Make the events of these whole buckets equal to what was read."""
    declared, routes = held(connection.workspace_id), routes_of_connection(connection)
    usual_project_id = Workload.objects.values_list("project_id", flat=True).get(
        connection=connection, is_active=True
    )
    rows = [
        _row(
            connection,
            bucket,
            row,
            project_id=routes.metered(row.dims, usual_project_id),
            is_counted=declared.counts_metered(connection.provider, row),
            now=now,
        )
        for bucket in buckets
        for row in bucket.rows
    ]
    changed = list(states(UPSERT, as_arrays(COLUMNS, rows))) if rows else []
    hashes = [row[3] for row in rows]
    starts = [bucket.bucket_start for bucket in buckets]
    withdrawn = list(states(WITHDRAW, [now, connection.pk, source, starts, hashes]))
    return Written(changed, withdrawn)


def _row(
    connection: ProviderConnection,
    bucket: BucketReading,
    row: UsageRow,
    *,
    project_id: int,
    is_counted: bool,
    now: datetime,
) -> tuple[Any, ...]:
    """The values of COLUMNS."""
    hashed = identity(
        connection.public_id,
        bucket.source,
        bucket.bucket_end - bucket.bucket_start,
        bucket.bucket_start,
        grouping=row.dims,
        dims=row.dims,
    )
    identified = (
        connection.workspace_id,
        project_id,
        connection.pk,
        hashed,
        bucket.source,
        connection.provider,
        row.model,
        bucket.bucket_start,
        bucket.bucket_end,
        region_of(row.dims),
        dict(row.dims),
    )
    revisable = (
        row.input_uncached,
        row.input_cache_read,
        row.input_cache_write,
        row.output,
        row.reasoning,
        row.requests,
        stored_cost(row.cost_usd),
        row.cache_read_known,
        row.byok,
        bucket.is_provisional,
        False,  # is_withdrawn
        is_counted,
    )
    return (*identified, *revisable, False, list(row.flags), dict(row.raw), now, now)


def region_of(dims: Mapping[str, str | None]) -> str | None:
    """Where the inference is said to have run: the narrowest place that was named."""
    named = (dims.get(name) for name in ("region", "country", "inference_geo"))
    return next((place[:REGION_LENGTH] for place in named if place), None)


def stored_cost(cost_usd: Decimal | None) -> Decimal | None:
    """A cost as it is stored, so that reading it again is no change."""
    return None if cost_usd is None else cost_usd.quantize(COST_STEP, rounding=ROUND_HALF_EVEN)


def states(statement: str, parameters: Sequence[Any]) -> Iterator[EventState]:
    """What the statement returns: a reason and STATE_COLUMNS."""
    with database.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows = cursor.fetchall()
    for row in rows:
        reason, event_id, hashed, workspace_id, project_id, connection_id, is_test, used_at = row[
            :8
        ]
        model, provider, region, dims = row[8:12]
        yield EventState(
            id=event_id,
            identity=bytes(hashed),
            workspace_id=workspace_id,
            project_id=project_id,
            connection_id=connection_id,
            is_test=is_test,
            used_at=used_at,
            region=region,
            reason=reason,
            metered=Metered(model, provider, json.loads(dims), *row[12:]),  # jsonb comes as text
        )
