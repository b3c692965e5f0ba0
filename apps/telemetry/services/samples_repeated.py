"""Samples that came before: by their own name, or by their place in a request with a key."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from apps.telemetry.errors import IdempotencyKeyReusedError, SampleExistsError
from apps.telemetry.selectors.samples import SampleRow
from apps.workspaces.models import Workspace

SAME_BODY: Final[tuple[str, ...]] = (
    "external_id",
    "provider",
    "region",
    "resource_type",
    "instance_type",
    "utilization",
    "usage_amount",
    "usage_unit",
    "measured_at",
    "is_intensity_given",
)
"""What a repeated sample must repeat."""
GIVEN_TOO: Final = ("carbon_intensity_grams_co2e_per_kwh", "factor_set")
"""And this too where it brings its own intensity; what is looked up may be newer by then."""
GIVEN_OF_INSTANCE: Final = GIVEN_TOO[:1]
"""An instance names no set: a newer release values it by a newer catalogue."""


def request_hashes(workspace: Workspace, key: str, count: int, *, is_test: bool) -> list[bytes]:
    """A name for each place of a request; a test request never stands in a live one's place."""
    parts = [str(workspace.public_id), "usage-samples", "test" if is_test else "live", key]
    whole = hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode())
    hashes = []
    for index in range(count):
        place = whole.copy()
        place.update(b":%d" % index)
        hashes.append(place.digest())
    return hashes


def as_stored(
    rows: Sequence[SampleRow], found: Sequence[SampleRow], hashes: Sequence[bytes]
) -> list[SampleRow]:
    """The rows with those that came before in their places.

    `found` are all stored rows with their names. Raises SampleExistsError or
    IdempotencyKeyReusedError where a name came before with another body.
    """
    ours = {row.public_id for row in rows}
    new = {row.public_id for row in found} & ours
    earlier = [row for row in found if row.public_id not in ours]
    places = {row.request_hash for row in earlier}.intersection(hashes)
    if places and (new or hashes[-1] in places):  # the first request was shorter, or longer
        raise _reused()
    by_name: dict[Any, SampleRow] = {}
    for row in earlier:
        by_name[row.request_hash] = by_name["external", row.external_id] = row
    return [_first(row, by_name, new) for row in rows]


def _first(row: SampleRow, by_name: Mapping[Any, SampleRow], new: Collection[UUID]) -> SampleRow:
    """The row itself where it is new, else the one that came before under its name."""
    if row.public_id in new or (row.external_id is None and row.request_hash is None):
        return row
    by_request = by_name.get(row.request_hash) if row.request_hash else None
    first = by_request or by_name.get(("external", row.external_id))
    if first is None or not _is_same(first, row):
        raise _reused() if by_request or first is None else _taken(row)
    return first


def _is_same(first: SampleRow, row: SampleRow) -> bool:
    names = SAME_BODY
    if row.is_intensity_given:
        names += GIVEN_TOO if row.instance_type is None else GIVEN_OF_INSTANCE
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
