"""What is answered to calls that were stored: their value as it stands in the ledger."""

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from apps.common.typed import RowFault
from apps.emissions.api.estimate.answer import (
    explanation_url,
    grid_of,
    quantity,
    source_of,
    sums_of,
    warnings_of,
)
from apps.telemetry.api.tracking_shapes import TrackBatchOutput, TrackedRow, TrackOutput
from apps.telemetry.models import TOKENS
from apps.telemetry.pushed import PushedUsage
from apps.telemetry.services.ledger import Appended
from apps.telemetry.services.tracking import Tracked


def tracked_output(tracked: Tracked, *, is_test: bool) -> TrackOutput:
    """Of one call."""
    stored = tracked.stored[0]
    result, resolved = stored.valued.estimate, stored.valued.resolved
    grams = result.co2e_grams.central
    total = sum(getattr(stored.state.metered, name) for name in TOKENS)
    return TrackOutput(
        queued=True,
        event_id=event_id(stored),
        is_test=is_test,
        methodology_version=result.factor_version,
        estimated_co2_grams=grams,
        total_tokens=total,
        co2_per_1k_tokens_used=grams / total * 1000 if total else 0.0,
        confidence=result.confidence,
        source=source_of(result, resolved),
        model_found=result.model_found,
        free_events_remaining=_remaining(tracked),
        energy_kwh=quantity(result.energy_kwh),
        co2e_grams=quantity(result.co2e_grams),
        operational_co2e_grams=quantity(result.operational_co2e_grams),
        embodied_co2e_grams=quantity(result.embodied_co2e_grams),
        water_litres=quantity(result.water_litres),
        factor_version=result.factor_version,
        model_matched=result.model_matched,
        tier=result.tier,
        grid=grid_of(result),
        overrides=stored.valued.calculation.get("overrides", []),
        warnings=warnings_of(result),
        explanation_url=explanation_url(stored.valued.question()),
    )


def batch_output(
    rows: Sequence[PushedUsage | RowFault], tracked: Tracked, *, is_test: bool
) -> TrackBatchOutput:
    """Of a batch: refused rows stand where they were given."""
    stored = iter(tracked.stored)
    return TrackBatchOutput(
        queued=True,
        accepted=len(tracked.stored),
        is_test=is_test,
        factor_version=tracked.factor_version,
        free_events_remaining=_remaining(tracked),
        total=sums_of(one.valued.estimate for one in tracked.stored),
        results=[
            TrackedRow(index=index, error=row)
            if isinstance(row, RowFault)
            else _stored_row(index, next(stored))
            for index, row in enumerate(rows)
        ],
    )


def event_id(stored: Appended) -> str:
    return f"evt_{stored.state.identity.hex()}"


def _stored_row(index: int, stored: Appended) -> TrackedRow:
    return TrackedRow(
        index=index,
        event_id=event_id(stored),
        estimated_co2_grams=stored.valued.estimate.co2e_grams.central,
    )


def _remaining(tracked: Tracked) -> int | UnsetType:
    return UNSET if tracked.events_remaining is None else tracked.events_remaining
