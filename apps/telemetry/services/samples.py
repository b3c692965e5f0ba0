"""Recording samples of compute: valued once, stored once, never changed.

Which factors apply: the set that a sample names; else `demo-static-v1` for a sample that brings
its own intensity, which is the published form of this endpoint and its published figures; else,
where the intensity is looked up too, the newest set with sources.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple, get_args

from django.db import transaction

from apps.emissions.calc.compute import compute_estimate
from apps.emissions.calc.compute_factors import InstanceUnit, UnitRates, unit_rates
from apps.emissions.calc.instance_energy import DEFAULT_UTILIZATION
from apps.emissions.services.compute_catalogue import (
    DEMO,
    NEWEST,
    compute_factors,
    instance_valuation,
)
from apps.telemetry.errors import InvalidSampleError
from apps.telemetry.selectors.samples import (
    Intensity,
    IntensityFor,
    SampleRow,
    named_samples,
)
from apps.telemetry.services.samples_insert import insert, insert_new
from apps.telemetry.services.samples_repeated import as_stored, request_hashes
from apps.workspaces.models import Workspace

GIVEN: Final = "given by the caller"
UNFIT: Final = "Usage unit is not compatible with resource type."
_Valuation = tuple[str, UnitRates, str | None, Decimal | None]
"""Factor set, rates, and of an instance its type and load."""


class NewSample(NamedTuple):
    """One metered fact as its sender reports it. Without an intensity it is looked up.

    An `instance_type` goes with the resource type `instance` alone, and a `utilization` from 0 to 1
    with it.
    """

    provider: str
    region: str
    resource_type: str
    usage_amount: Decimal
    usage_unit: str
    measured_at: datetime
    intensity: Decimal | None = None
    factor_set: str | None = None
    external_id: str | None = None
    instance_type: str | None = None
    utilization: Decimal | None = None


def value(
    sample: NewSample, intensity_for: IntensityFor, *, is_test: bool, now: datetime
) -> SampleRow:
    """The sample with its value, not stored yet.

    `intensity_for` is that of `samples_intensity.intensities_for`. Raises InvalidSampleError where
    unit or instance do not fit, or the place of an intensity is unknown.
    """
    factor_set, rates, instance_type, utilization = _valuation(sample)
    if rates.resource_type != sample.resource_type:
        raise invalid("usage_unit", UNFIT)
    intensity = _intensity(sample, intensity_for)
    estimate = compute_estimate(sample.usage_amount, rates, intensity.gco2e_per_kwh)
    return SampleRow(
        uuid.uuid4(),
        sample.external_id,
        None,
        sample.provider,
        sample.region,
        sample.resource_type,
        instance_type,
        utilization,
        sample.usage_amount,
        sample.usage_unit,
        rates.normalized_unit,
        sample.measured_at,
        intensity.gco2e_per_kwh,
        intensity.source,
        sample.intensity is not None,
        intensity.is_estimate,
        factor_set,
        is_test,
        now,
        estimate.normalized_usage_amount,
        *estimate.energy_kwh,
        *estimate.operational_co2e_grams,
        *estimate.embodied_co2e_grams,
    )


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
    if idempotency_key is None and all(row.external_id is None for row in kept):
        insert(workspace.pk, kept)  # one statement: stored whole, or not at all
        return kept
    hashes: list[bytes] = []
    if idempotency_key is not None:
        hashes = request_hashes(workspace, idempotency_key, len(rows) + 1, is_test=is_test)
        pairs = zip(rows, hashes, strict=False)
        kept = [row._replace(request_hash=hashed) for row, hashed in pairs if row is not None]
    return _recorded_once(workspace, kept, hashes, is_test=is_test)


@transaction.atomic
def _recorded_once(
    workspace: Workspace, rows: list[SampleRow], hashes: Sequence[bytes], *, is_test: bool
) -> list[SampleRow]:
    """New names are stored, the others answered as they stand, or all of it is taken back."""
    if insert_new(workspace.pk, rows) == len(rows):
        return rows
    external_ids = [row.external_id for row in rows if row.external_id is not None]
    found = named_samples(
        workspace, external_ids=external_ids, request_hashes=hashes, is_test=is_test
    )
    return as_stored(rows, found, hashes)


def invalid(field: str, sentence: str) -> InvalidSampleError:
    """A member that its type allows and the rest of the sample does not."""
    return InvalidSampleError(f"{field}: {sentence}", fields={field: [sentence]})


def _valuation(sample: NewSample) -> _Valuation:
    if sample.resource_type == "instance":
        return _valuation_of_instance(sample)
    if sample.instance_type is not None or sample.utilization is not None:
        name = "utilization" if sample.instance_type is None else "instance_type"
        raise invalid(name, "Only an instance has one.")
    name = sample.factor_set or (NEWEST if sample.intensity is None else DEMO)
    factors = compute_factors(name)
    if sample.usage_unit not in factors.units:
        raise invalid("usage_unit", UNFIT)
    return name, unit_rates(factors, sample.provider, sample.usage_unit), None, None


def _valuation_of_instance(sample: NewSample) -> _Valuation:
    """Of a whole instance, which the cloud catalogue has; it has no other factor set."""
    if sample.instance_type is None:
        raise invalid("instance_type", "Required for an instance.")
    if sample.factor_set is not None:
        raise invalid("factor_set", "An instance is valued by the cloud catalogue.")
    if sample.usage_unit not in get_args(InstanceUnit):
        raise invalid("usage_unit", UNFIT)
    utilization = DEFAULT_UTILIZATION if sample.utilization is None else sample.utilization
    found = instance_valuation(
        sample.provider,
        sample.region,
        sample.instance_type,
        utilization=utilization,
        unit=sample.usage_unit,
    )
    if found is None:
        raise invalid("instance_type", f"Not a known instance type of {sample.provider}.")
    return found.factor_set, found.rates, found.instance_type, utilization


def _intensity(sample: NewSample, intensity_for: IntensityFor) -> Intensity:
    if sample.intensity is None:
        return intensity_for(sample.provider, sample.region, sample.measured_at)
    return Intensity(sample.intensity, GIVEN, is_estimate=False)
