"""What a receipt sums up, row by row: the settled entries of a period in their canonical lines.

One line an entry, in the order the ledger took them in: a JSON array of texts and nulls (RFC 8785,
so no spaces and minimal escapes) and a newline, in UTF-8. `inputs_sha256` is the SHA-256 over all
lines. The members, in order: `FIELDS`. Quantities stand with all decimal places of the ledger,
instants as `YYYY-MM-DDTHH:MM:SS.ffffffZ`.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from apps.billing.models import BillingPeriod, Settlement

_CHUNK = 2000
_COUNTS = (
    "input_uncached_tokens",
    "input_cache_read_tokens",
    "input_cache_write_tokens",
    "output_tokens",
    "requests",
)
_BOUNDED = (
    "energy_kwh",
    "operational_co2e_grams",
    "embodied_co2e_grams",
    "co2e_grams",
    "water_litres",
)
FIELDS: Final = (
    "event_id",
    "sequence",
    "reason",
    "is_adjustment",
    "used_at",
    "recorded_at",
    "provider",
    "model",
    "factor_version",
    *_COUNTS,
    *(f"{name}{bound}" for name in _BOUNDED for bound in ("_low", "", "_high")),
)
_COLUMNS: Final = {
    "event_id": "entry__event__idempotency_hash",
    "is_adjustment": "is_adjustment",
    "factor_version": "entry__factor_set__version",
}


def lines(period: BillingPeriod) -> Iterator[bytes]:
    """The canonical lines of a period, a few thousand in memory at a time."""
    columns = [_COLUMNS.get(name, f"entry__{name}") for name in FIELDS]
    rows = Settlement.objects.filter(period=period).order_by("entry_id").values_list(*columns)
    for row in rows.iterator(chunk_size=_CHUNK):
        yield _line(row)


def digest(period: BillingPeriod) -> bytes:
    """`inputs_sha256` of a settled period. Its rows never change, so neither does this."""
    running = hashlib.sha256()
    for line in lines(period):
        running.update(line)
    return running.digest()


def _line(row: tuple[Any, ...]) -> bytes:
    # For a list of texts and nulls the standard encoder writes RFC 8785, ten times faster.
    text = json.dumps([_text(value) for value in row], ensure_ascii=False, separators=(",", ":"))
    return f"{text}\n".encode()


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, int):
        return str(value)
    return f"evt_{bytes(value).hex()}"
