"""Samples as they are answered: the published decimals, and the stored ones with their bounds."""

import functools
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from apps.common.typed import RowFault
from apps.emissions.calc.compute_factors import EXACT, ExactInterval
from apps.emissions.services.compute_catalogue import pue_used, warnings_about
from apps.telemetry.api.sample_shapes import (
    DecimalBounds,
    ProviderSampleSums,
    RegionSampleSums,
    SampleSummaryOutput,
    SampleSums,
    SampleTimeRange,
    UsageSampleOutput,
    UsageSampleRow,
    UsageSamplesOutput,
    WorkspaceSampleSums,
)
from apps.telemetry.models import UsageSample
from apps.telemetry.selectors.sample_reports import SampleSummary, SampleTotals
from apps.telemetry.selectors.samples import SampleRow
from apps.workspaces.models import Workspace

ENERGY_STEP: Final = Decimal("0.000001")
GRAMS_STEP: Final = Decimal("0.0001")
_REMEMBERED: Final = 4096  # callers choose the names, so the memory of them is bounded


class SampleResults:
    """The rows of a page, where a serializer would do too much."""

    def __init__(self, found: Iterable[UsageSample], *, many: bool) -> None:
        self.data = [_output(sample.workspace.public_id, _row_of(sample)) for sample in found]


def sample_output(workspace: Workspace, row: SampleRow) -> UsageSampleOutput:
    """Of one sample."""
    return _output(workspace.public_id, row)


def samples_output(
    workspace: Workspace,
    rows: Sequence[SampleRow | RowFault],
    stored: Sequence[SampleRow],
    *,
    is_test: bool,
) -> UsageSamplesOutput:
    """Of a list: refused rows stand where they were given."""
    kept = iter(stored)
    return UsageSamplesOutput(
        accepted=len(stored),
        is_test=is_test,
        results=[
            UsageSampleRow(index=index, error=row)
            if isinstance(row, RowFault)
            else UsageSampleRow(index=index, sample=_output(workspace.public_id, next(kept)))
            for index, row in enumerate(rows)
        ],
    )


def summary_output(found: SampleSummary) -> SampleSummaryOutput:
    """Of a report."""
    return SampleSummaryOutput(
        time_range=SampleTimeRange(start_time=found.span.start, end_time=found.span.end),
        total=SampleSums(**_sums(found.total)),
        by_workspace=[
            WorkspaceSampleSums(
                workspace_id=group.public_id, workspace_name=group.name, **_sums(group.totals)
            )
            for group in found.by_workspace
            if group.public_id is not None
        ],
        by_provider=[
            ProviderSampleSums(provider=group.name, **_sums(group.totals))
            for group in found.by_provider
        ],
        by_region=[
            RegionSampleSums(region=group.name, **_sums(group.totals)) for group in found.by_region
        ],
    )


def _sums(totals: SampleTotals) -> dict[str, Any]:
    """The members of SampleSums."""
    return {
        "usage_sample_count": totals.usage_sample_count,
        "energy_kwh": _energy(totals.energy_kwh.central),
        "estimated_grams_co2e": _grams(totals.co2e_grams.central),
        "energy_kwh_bounds": _bounds(totals.energy_kwh),
        "co2e_grams": _bounds(totals.co2e_grams),
    }


def _energy(kwh: Decimal) -> str:
    """Six places, half up."""
    return str(EXACT.quantize(kwh, ENERGY_STEP))


def _grams(mass: Decimal) -> str:
    """Four places, half up."""
    return str(EXACT.quantize(mass, GRAMS_STEP))


def _bounds(interval: ExactInterval) -> DecimalBounds:
    """Every digit that is stored, without trailing zeros."""
    low, central, high = interval
    middle = _plain(central)
    if low == high:
        return DecimalBounds(middle, middle, middle)
    return DecimalBounds(_plain(low), middle, _plain(high))


def _output(workspace_id: UUID, row: SampleRow) -> UsageSampleOutput:
    energy_kwh = ExactInterval(row.energy_kwh_low, row.energy_kwh, row.energy_kwh_high)
    operational = ExactInterval(
        row.operational_co2e_grams_low, row.operational_co2e_grams, row.operational_co2e_grams_high
    )
    embodied = ExactInterval(
        row.embodied_co2e_grams_low, row.embodied_co2e_grams, row.embodied_co2e_grams_high
    )
    total = ExactInterval(*map(EXACT.add, operational, embodied))
    return UsageSampleOutput(
        id=row.public_id,
        workspace_id=workspace_id,
        provider=row.provider,
        region=row.region,
        resource_type=row.resource_type,  # type: ignore[arg-type] # checked on its way in
        instance_type=row.instance_type,
        utilization=None if row.utilization is None else _plain(row.utilization),
        usage_amount=_energy(row.usage_amount),
        usage_unit=row.usage_unit,  # type: ignore[arg-type] # likewise
        measured_at=row.measured_at,
        normalized_usage_amount=_energy(row.normalized_usage_amount),
        normalized_usage_unit=row.normalized_usage_unit,
        energy_kwh=_energy(row.energy_kwh),
        carbon_intensity_grams_co2e_per_kwh=_grams(row.carbon_intensity_grams_co2e_per_kwh),
        estimated_grams_co2e=_grams(total.central),
        factor_source=row.factor_set,
        created_at=row.created_at,
        external_id=row.external_id,
        is_test=row.is_test,
        intensity_source=row.intensity_source,
        intensity_is_estimate=row.is_intensity_estimate,
        pue=_pue(row.factor_set, row.provider, row.region),
        energy_kwh_bounds=_bounds(energy_kwh),
        co2e_grams=_bounds(total),
        operational_co2e_grams=_bounds(operational),
        embodied_co2e_grams=_bounds(embodied),
        warnings=warnings_about(row.factor_set),
    )


@functools.lru_cache(maxsize=_REMEMBERED)
def _pue(factor_set: str, provider: str, region: str) -> DecimalBounds | None:
    used = pue_used(factor_set, provider=provider, region=region)
    return None if used is None else _bounds(used)


def _row_of(sample: UsageSample) -> SampleRow:
    return SampleRow(*(getattr(sample, name) for name in SampleRow._fields))


def _plain(value: Decimal) -> str:
    return format(value.normalize(EXACT), "f")
