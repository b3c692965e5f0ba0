"""Reading samples of compute, and the grid intensity where a sample names none."""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.emissions.calc.compute import rounded
from apps.emissions.selectors import current_factors
from apps.telemetry.errors import InvalidSampleError
from apps.telemetry.models import UsageSample
from apps.workspaces.models import Workspace

INTENSITY_PLACES: Final = 4


class Intensity(NamedTuple):
    """Grams of CO2e per kWh, where that comes from, and whether it is an estimate of the place."""

    gco2e_per_kwh: Decimal
    source: str
    is_estimate: bool


IntensityFor = Callable[[str, str, datetime], Intensity]
"""(provider, region, moment) to the intensity there; raises InvalidSampleError where unknown."""


class SampleRow(NamedTuple):
    """A stored sample, in the order of its columns."""

    public_id: UUID
    external_id: str | None
    request_hash: bytes | None
    provider: str
    region: str
    resource_type: str
    instance_type: str | None
    utilization: Decimal | None
    usage_amount: Decimal
    usage_unit: str
    normalized_usage_unit: str
    measured_at: datetime
    carbon_intensity_grams_co2e_per_kwh: Decimal
    intensity_source: str
    is_intensity_given: bool
    is_intensity_estimate: bool
    factor_set: str
    is_test: bool
    created_at: datetime
    normalized_usage_amount: Decimal
    energy_kwh_low: Decimal
    energy_kwh: Decimal
    energy_kwh_high: Decimal
    operational_co2e_grams_low: Decimal
    operational_co2e_grams: Decimal
    operational_co2e_grams_high: Decimal
    embodied_co2e_grams_low: Decimal
    embodied_co2e_grams: Decimal
    embodied_co2e_grams_high: Decimal


def samples(workspace: Workspace, *, include_test: bool) -> QuerySet[UsageSample]:
    """The samples of a workspace, each with it."""
    found = UsageSample.objects.filter(workspace=workspace).select_related("workspace")
    return found if include_test else found.filter(is_test=False)


def named_samples(
    workspace: Workspace,
    *,
    external_ids: Iterable[str],
    request_hashes: Iterable[bytes],
    is_test: bool,
) -> list[SampleRow]:
    """The stored samples with any of these names."""
    named = Q(external_id__in=list(external_ids), is_test=is_test)
    found = UsageSample.objects.filter(
        named | Q(request_hash__in=list(request_hashes)), workspace=workspace
    )
    rows = (SampleRow(*values) for values in found.values_list(*SampleRow._fields))
    return [
        row if row.request_hash is None else row._replace(request_hash=bytes(row.request_hash))
        for row in rows
    ]


def country_intensities() -> IntensityFor:
    """The yearly mean of a region's country, by the current factors. Remembers: for one request."""

    @cache
    def of_region(provider: str, region: str) -> Intensity:
        document = current_factors().document
        operator = document.operator_row(provider)
        if operator is None:
            raise _unknown("provider", "the operators whose regions are known")
        place = document.operators.get(f"{operator.regions_of}:{region.lower()}")
        if place is None or not place.default_country:
            raise _unknown("region", f"the known regions of {operator.operator}")
        grid = document.grid[place.default_country]
        return Intensity(
            rounded(Decimal(str(grid.gco2e_per_kwh)), INTENSITY_PLACES),
            f"factors {document.version}; grid {grid.iso2} {grid.year}, {grid.source_url}",
            is_estimate=True,
        )

    return lambda provider, region, _at: of_region(provider, region)


def _unknown(field: str, known: str) -> InvalidSampleError:
    told = f"Not one of {known}: send carbon_intensity_grams_co2e_per_kwh with it."
    return InvalidSampleError(f"{field}: {told}", fields={field: [told]})
