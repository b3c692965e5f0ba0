"""What a receipt states about its period: the footprint, what binds it, and each retired line."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from apps.billing.models import BillingPeriod, CreditAllocation
from apps.billing.serials import parse
from apps.emissions.models import FactorSet
from apps.receipts.envelope import Emissions, RetirementLine
from apps.receipts.errors import ReceiptRefusedError
from apps.receipts.presentation import SIMULATED
from apps.receipts.selectors import factor_sets_of, inputs, is_simulated

BOUNDARY = (
    "AI inference as metered by the providers: electricity of the serving hardware and its data "
    "centre, location-based, and a share of the hardware's manufacture; 90 % interval"
)


def emissions_of(period: BillingPeriod, allocations: Sequence[CreditAllocation]) -> Emissions:
    """The figures exactly as the period settled them."""
    figures = (
        period.co2e_grams,
        period.co2e_grams_low,
        period.co2e_grams_high,
        period.energy_kwh,
        period.adjustments_grams,
    )
    central, low, high, energy, adjustments = (_settled(period, figure) for figure in figures)
    factor_sets = factor_sets_of(period)
    if not factor_sets:
        raise ReceiptRefusedError("No factor set is published", period=period.public_id)
    return Emissions(
        co2e_grams=central,
        co2e_grams_low=low,
        co2e_grams_high=high,
        energy_kwh=energy,
        adjustments_grams=adjustments,
        factor_version=factor_sets[0].version,
        factor_sha256=bytes.fromhex(factor_sets[0].sha256),
        inputs_sha256=inputs.digest(period),
        boundary=_boundary(period, allocations, factor_sets),
    )


def grams_to_cover(period: BillingPeriod) -> Decimal:
    """The bound that the workspace chose to have covered; without retirement the central value."""
    is_high = period.retires_credits and period.retirement_basis == "high"
    return _settled(period, period.co2e_grams_high if is_high else period.co2e_grams)


def line_of(allocation: CreditAllocation) -> RetirementLine:
    """An allocation in the terms of its batch, so that an outsider can recompute its serials."""
    batch, order = allocation.batch, allocation.order
    return RetirementLine(
        serial=parse(batch.registry, batch.serial_range),
        gram_start=allocation.grams.lower - batch.grams.lower,
        gram_end=allocation.grams.upper - batch.grams.lower,
        project_id=batch.project_ref,
        project_name=batch.project_name,
        methodology=batch.methodology,
        vintage_start=batch.vintage_start,
        vintage_end=batch.vintage_end,
        mitigation=batch.mitigation,
        beneficiary=order.beneficiary,
        labels=tuple(_label(label) for label in batch.labels),
        corresponding_adjustment=batch.corresponding_adjustment,
        retired_on=order.retired_on,
        registry_url=order.registry_url,
    )


def _boundary(
    period: BillingPeriod, allocations: Sequence[CreditAllocation], factor_sets: list[FactorSet]
) -> str:
    parts = [SIMULATED] if is_simulated(period, allocations) else []
    parts.append(BOUNDARY)
    if len(factor_sets) > 1:
        versions = ", ".join(factors.version for factors in factor_sets)
        parts.append(f"entries by factor sets {versions}, each entry naming its own")
    return "; ".join(parts)


def _label(label: Any) -> str:
    return str(label["name"]) if isinstance(label, dict) else str(label)


def _settled(period: BillingPeriod, figure: Decimal | None) -> Decimal:
    if figure is None:
        raise ReceiptRefusedError("The period states no figures", period=period.public_id)
    return figure
