"""Recording samples of compute: valued once, stored once, never changed.

Which factors apply: the set that a sample names; else `demo-static-v1` for a sample that brings
its own intensity, which is the published form of this endpoint and its published figures; else,
where the intensity is looked up too, the newest set with sources.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import connection as database
from django.db import transaction

from apps.common.bulk import Columns, as_arrays, insert_from_rows
from apps.emissions.calc.compute import compute_estimate
from apps.emissions.calc.compute_factors import unit_rates
from apps.emissions.services.compute_catalogue import DEMO, NEWEST, compute_factors
from apps.telemetry.errors import (
    IdempotencyKeyReusedError,
    InvalidSampleError,
    SampleExistsError,
)
from apps.telemetry.models import SAMPLE_SUMMED
from apps.telemetry.selectors.samples import (
    Intensity,
    IntensityFor,
    SampleRow,
    named_samples,
)
from apps.workspaces.models import Workspace

COLUMNS: Final[Columns] = {
    "workspace_id": "bigint",
    "public_id": "uuid",
    "external_id": "text",
    "request_hash": "bytea",
    "provider": "text",
    "region": "text",
    "resource_type": "text",
    "usage_amount": "numeric",
    "usage_unit": "text",
    "normalized_usage_unit": "text",
    "measured_at": "timestamptz",
    "carbon_intensity_grams_co2e_per_kwh": "numeric",
    "intensity_source": "text",
    "is_intensity_given": "boolean",
    "is_intensity_estimate": "boolean",
    "factor_set": "text",
    "is_test": "boolean",
    "created_at": "timestamptz",
    **dict.fromkeys(SAMPLE_SUMMED, "numeric"),
}
OUR_WORDS: Final = ("resource_type", "usage_unit", "normalized_usage_unit", "factor_set")
PLAIN: Final = frozenset(
    name
    for name, kind in COLUMNS.items()
    if kind in {"numeric", "timestamptz", "uuid"} or name in OUR_WORDS
)
"""Columns that are never null, with values that need no quotation marks in an array."""
INSERT: Final = insert_from_rows(
    "telemetry_usagesample", COLUMNS, "ON CONFLICT DO NOTHING RETURNING public_id"
)
GIVEN: Final = "given by the caller"
SAME_BODY: Final = (
    "external_id",
    "provider",
    "region",
    "resource_type",
    "usage_amount",
    "usage_unit",
    "measured_at",
    "is_intensity_given",
)
"""What a repeated sample must repeat."""
SAME_WHERE_GIVEN: Final = ("carbon_intensity_grams_co2e_per_kwh", "factor_set")
"""And this too where it brings its own intensity; what is looked up may be newer by then."""


@dataclass(frozen=True, slots=True)
class NewSample:
    """One metered fact as its sender reports it. Without an intensity it is looked up."""

    provider: str
    region: str
    resource_type: str
    usage_amount: Decimal
    usage_unit: str
    measured_at: datetime
    intensity: Decimal | None = None
    factor_set: str | None = None
    external_id: str | None = None


def value(
    sample: NewSample, intensity_for: IntensityFor, *, is_test: bool, now: datetime
) -> SampleRow:
    """The sample with its value, not stored yet.

    Raises InvalidSampleError where the unit does not fit, or the place of an intensity is unknown.
    """
    factors = compute_factors(sample.factor_set or (NEWEST if sample.intensity is None else DEMO))
    rates = unit_rates(factors, sample.provider, sample.usage_unit)
    if rates.resource_type != sample.resource_type:
        raise invalid("usage_unit", "Usage unit is not compatible with resource type.")
    if sample.intensity is None:
        intensity = intensity_for(sample.provider, sample.region, sample.measured_at)
    else:
        intensity = Intensity(sample.intensity, GIVEN, is_estimate=False)
    estimate = compute_estimate(sample.usage_amount, rates, intensity.gco2e_per_kwh)
    return SampleRow(
        uuid.uuid4(),
        sample.external_id,
        None,
        sample.provider,
        sample.region,
        sample.resource_type,
        sample.usage_amount,
        sample.usage_unit,
        rates.normalized_unit,
        sample.measured_at,
        intensity.gco2e_per_kwh,
        intensity.source,
        sample.intensity is not None,
        intensity.is_estimate,
        factors.name,
        is_test,
        now,
        estimate.normalized_usage_amount,
        *estimate.energy_kwh,
        *estimate.operational_co2e_grams,
        *estimate.embodied_co2e_grams,
    )


@transaction.atomic
def record(
    workspace: Workspace,
    rows: Sequence[SampleRow | None],
    *,
    idempotency_key: str | None,
    is_test: bool,
) -> list[SampleRow]:
    """Store the rows and answer with them as they are stored, in order; a None keeps its place.

    Safe to repeat and to race for rows with an external id, and with a key for all of them. Raises
    SampleExistsError or IdempotencyKeyReusedError where a name came before with another body.
    """
    kept = [row for row in rows if row is not None]
    hashes: list[bytes] = []
    if idempotency_key is not None:
        hashes = _request_hashes(workspace, idempotency_key, len(rows) + 1, is_test=is_test)
        pairs = zip(rows, hashes, strict=False)
        kept = [row._replace(request_hash=hashed) for row, hashed in pairs if row is not None]
    stored = _inserted(workspace, kept)
    if len(stored) == len(kept):
        return kept
    external_ids = [row.external_id for row in kept if row.external_id is not None]
    found = named_samples(
        workspace, external_ids=external_ids, request_hashes=hashes, is_test=is_test
    )
    earlier = [row for row in found if row.public_id not in stored]
    if stored and any(row.request_hash in hashes for row in earlier):
        raise _reused()
    if not stored and any(row.request_hash == hashes[-1] for row in earlier if hashes):
        raise _reused()  # the first request was longer
    return _as_stored(kept, stored, earlier)


def invalid(field: str, sentence: str) -> InvalidSampleError:
    """A member that its type allows and the rest of the sample does not."""
    return InvalidSampleError(f"{field}: {sentence}", fields={field: [sentence]})


def _inserted(workspace: Workspace, rows: Sequence[SampleRow]) -> set[uuid.UUID]:
    """The public ids of the rows that were new, written by one statement."""
    if not rows:
        return set()
    ordered = rows
    if any(row.external_id is not None for row in rows):
        # In one order, so that two batches with the same names cannot wait for each other.
        ordered = sorted(rows, key=lambda row: row.external_id or "")
    values = as_arrays(COLUMNS, [(workspace.pk, *row) for row in ordered])
    with database.cursor() as cursor:
        cursor.execute(INSERT, list(map(_written, COLUMNS, values)))
        return {public_id for (public_id,) in cursor.fetchall()}


def _written(name: str, column: list[Any]) -> Any:
    """The column as PostgreSQL writes an array: for plain values far quicker than the driver."""
    return f"{{{','.join(map(str, column))}}}" if name in PLAIN else column


def _request_hashes(workspace: Workspace, key: str, count: int, *, is_test: bool) -> list[bytes]:
    """A name for each place of a request; a test request never stands in a live one's place."""
    parts = [str(workspace.public_id), "usage-samples", "test" if is_test else "live", key]
    whole = hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode())
    hashes = []
    for index in range(count):
        place = whole.copy()
        place.update(b":%d" % index)
        hashes.append(place.digest())
    return hashes


def _as_stored(
    rows: Iterable[SampleRow], stored: set[uuid.UUID], earlier: Iterable[SampleRow]
) -> list[SampleRow]:
    """The rows with those that came before in their places."""
    by_name: dict[Any, SampleRow] = {}
    for row in earlier:
        by_name[row.request_hash] = by_name["external", row.external_id] = row
    answered = []
    for row in rows:
        if row.public_id in stored:
            answered.append(row)
            continue
        by_request = by_name.get(row.request_hash) if row.request_hash else None
        first = by_request or by_name.get(("external", row.external_id))
        if first is None or not _is_same(first, row):
            raise _reused() if by_request or first is None else _taken(row)
        answered.append(first)
    return answered


def _is_same(first: SampleRow, row: SampleRow) -> bool:
    names = (*SAME_BODY, *(SAME_WHERE_GIVEN if row.is_intensity_given else ()))
    return all(getattr(first, name) == getattr(row, name) for name in names)


def _reused() -> IdempotencyKeyReusedError:
    return IdempotencyKeyReusedError(
        "This Idempotency-Key came before with another body. Nothing was stored."
    )


def _taken(row: SampleRow) -> SampleExistsError:
    return SampleExistsError(
        "A sample with this external_id and another body exists. Nothing was stored.",
        external_id=row.external_id,
    )
