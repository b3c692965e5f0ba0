"""What makes two readings the same row, and two readings of a bucket the same content."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.telemetry.connectors.base import UsageRow


def identity(
    connection_key: str,
    source: str,
    bucket_width: timedelta,
    bucket_start: datetime,
    *,
    grouping: Iterable[str],
    dims: Mapping[str, str | None],
) -> bytes:
    """SHA-256 that names a row of the ledger: where it was read and what it was grouped by.

    No quantity takes part, because providers revise quantities. A dimension that is null is part
    of the name: the default workspace is not the same row as any other.
    """
    signature = sorted(grouping)
    if signature != sorted(dims):
        raise ValueError(f"grouped by {signature}, but the row has {sorted(dims)}")
    parts = [
        connection_key,
        source,
        int(bucket_width.total_seconds()),
        bucket_start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        signature,
        [[dimension, dims[dimension]] for dimension in signature],
    ]
    return hashlib.sha256(_canonical(parts)).digest()


def digest(rows: Iterable[UsageRow]) -> bytes:
    """SHA-256 over the normalised rows of one bucket, in whatever order they came."""
    lines = sorted(_canonical(_content(row)) for row in rows)
    return hashlib.sha256(b"\n".join(lines)).digest()


def _content(row: UsageRow) -> list[Any]:
    return [
        sorted(row.dims.items()),
        row.model,
        row.input_uncached,
        row.input_cache_read,
        row.input_cache_write,
        row.output,
        row.reasoning,
        row.requests,
        None if row.cost_usd is None else format(row.cost_usd.normalize(), "f"),
        row.byok,
        row.cache_read_known,
        sorted(row.flags),
    ]


def _canonical(value: Any) -> bytes:
    # Lists only, so there is no order of members to fix; ASCII, so there is no encoding to fix.
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()
