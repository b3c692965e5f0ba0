"""What is written is what was valued, to the last digit and the last character."""

import random
from datetime import timedelta
from decimal import Decimal

import pytest

from apps.emissions.calc.compute import compute_estimate
from apps.emissions.calc.compute_factors import unit_rates
from apps.emissions.services.compute_catalogue import NAMES, compute_factors
from apps.telemetry.models import UsageSample
from apps.telemetry.selectors.samples import SampleRow, named_samples
from apps.telemetry.services.samples import NewSample, record, value
from apps.telemetry.services.samples_intensity import intensities_for
from apps.workspaces.models import Workspace
from tests.telemetry.metering import NOW

pytestmark = pytest.mark.django_db
TEXTS = [
    "aws",
    "NULL",
    "null",
    'say "so"',
    "back\\slash",
    "{a,b}",
    "it's",
    "100 %s",
    "é 東京",
    "\\N",
]
UNITS = {unit.unit: unit.resource_type for unit in compute_factors(NAMES[0]).units.values()}


def some(number: int, **more: object) -> NewSample:
    """Any sample at all; the number decides which."""
    chance = random.Random(number)  # noqa: S311 - nothing secret
    unit = chance.choice(sorted(UNITS))
    given = {
        "provider": chance.choice([*TEXTS, "gcp", "azure"]),
        "region": chance.choice(TEXTS),
        "resource_type": UNITS[unit],
        "usage_amount": Decimal(chance.randrange(1, 10**18)).scaleb(-6),
        "usage_unit": unit,
        "measured_at": NOW - timedelta(minutes=chance.randrange(10**6)),
        "intensity": Decimal(chance.randrange(10**12)).scaleb(-4),
        "factor_set": chance.choice(NAMES),
    }
    return NewSample(**given | more)


def valued(samples: list[NewSample]) -> list[SampleRow]:
    intensity_for = intensities_for(samples, now=NOW)
    return [value(sample, intensity_for, is_test=False, now=NOW) for sample in samples]


def stored(workspace: Workspace) -> list[SampleRow]:
    fields = UsageSample.objects.filter(workspace=workspace).values_list(*SampleRow._fields)
    return [SampleRow(*row) for row in fields.order_by("id")]


def test_every_digit_of_the_estimate_is_stored(workspace: Workspace) -> None:
    samples = [some(number) for number in range(500)]

    record(workspace, valued(samples), idempotency_key=None, is_test=False)

    for sample, row in zip(samples, stored(workspace), strict=True):
        factors = compute_factors(row.factor_set)
        rates = unit_rates(factors, sample.provider, sample.usage_unit)
        estimate = compute_estimate(
            sample.usage_amount, rates, row.carbon_intensity_grams_co2e_per_kwh
        )
        assert row[-10:] == (
            estimate.normalized_usage_amount,
            *estimate.energy_kwh,
            *estimate.operational_co2e_grams,
            *estimate.embodied_co2e_grams,
        )


@pytest.mark.parametrize("count", [1, 2, 300])
def test_every_member_of_a_row_is_stored_as_it_is(workspace: Workspace, count: int) -> None:
    samples = [some(number) for number in range(count)]
    instance = some(0, provider="aws", resource_type="instance", usage_unit="instance_hour")
    instance = instance._replace(factor_set=None, instance_type="m5.large")
    rows = valued([*samples, instance, instance._replace(utilization=Decimal("0.1234"))])

    record(workspace, rows, idempotency_key=None, is_test=False)

    assert stored(workspace) == rows


def test_names_and_hashes_are_stored_beside_rows_without_them(workspace: Workspace) -> None:
    rows = valued([some(0, external_id=text) for text in TEXTS] + [some(1), some(2)])

    kept = record(workspace, [*rows, None], idempotency_key="key", is_test=False)

    hashes = [row.request_hash for row in kept if row.request_hash is not None]
    found = named_samples(workspace, external_ids=[], request_hashes=hashes, is_test=False)
    assert sorted(found) == sorted(kept)
    assert {row.external_id for row in found} == {*TEXTS, None}


def test_the_same_again_beside_new_ones_is_answered_as_it_stands(workspace: Workspace) -> None:
    named = some(0, external_id="a")
    first = record(workspace, valued([named]), idempotency_key=None, is_test=False)

    again = valued([some(3), named, some(4, external_id="b")])
    kept = record(workspace, again, idempotency_key=None, is_test=False)

    assert kept == [again[0], first[0], again[2]]
    assert len(stored(workspace)) == 3


def test_nothing_is_nothing(workspace: Workspace) -> None:
    assert record(workspace, [], idempotency_key=None, is_test=False) == []
    assert record(workspace, [None], idempotency_key="key", is_test=False) == []
