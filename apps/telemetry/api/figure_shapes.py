"""How sums with bounds, groups and spans are written in answers. Null is unknown."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

from apps.telemetry.models import BOUNDED, TOKENS, FactorOverride
from apps.telemetry.selectors import Bounds, Group, Span, Totals

Confidence = Literal["measured", "benchmarked", "estimated"]


class QuantityBounds(Struct, frozen=True):
    """A quantity with its 90 % interval."""

    low: float
    central: float
    high: float


class TimeRange(Struct, frozen=True, kw_only=True):
    """Half-open, UTC."""

    start_time: datetime
    end_time: datetime


class UsageTotals(Struct, frozen=True, kw_only=True):
    """Sums over a set of usage. `requests` and `cost_usd` are null where nobody tells them.

    `market_based_co2e_grams` is a second figure, by the tariffs that are agreed; never part of
    `co2e_grams`.
    """

    input_tokens: int
    input_uncached_tokens: int
    input_cache_read_tokens: int
    input_cache_write_tokens: int
    output_tokens: int
    requests: int | None
    cost_usd: float | None
    energy_kwh: QuantityBounds
    co2e_grams: QuantityBounds
    operational_co2e_grams: QuantityBounds
    embodied_co2e_grams: QuantityBounds
    market_based_co2e_grams: QuantityBounds
    water_litres: QuantityBounds


class UsageGroup(Struct, frozen=True, kw_only=True):
    """One line of a report. `key` is null where nobody named one: a filter says `""` for that."""

    key: str | None
    label: str
    confidence: Confidence
    totals: UsageTotals


class AppliedFactor(Struct, frozen=True, kw_only=True):
    """What a workspace knows better than the catalogue, and since when.

    `value` is a PUE, or grams of CO2e per kWh for a tariff; a place has none.
    """

    id: str
    kind: str
    provider: str
    value: float | None
    operator: str
    region: str
    country: str
    evidence: str
    starts_at: datetime
    ends_at: datetime | None


class Named(Struct, frozen=True, kw_only=True):
    """Something of the workspace, by its id and its name."""

    id: str
    name: str


def number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def bounds_output(found: Bounds) -> QuantityBounds:
    return QuantityBounds(float(found.low), float(found.central), float(found.high))


def range_output(span: Span) -> TimeRange:
    return TimeRange(start_time=span.start, end_time=span.end)


def totals_output(totals: Totals) -> UsageTotals:
    counts: dict[str, Any] = {name: totals.count(name) for name in TOKENS}
    bounded: dict[str, Any] = {name: bounds_output(totals.bounds(name)) for name in BOUNDED}
    return UsageTotals(
        input_tokens=totals.input_tokens,
        requests=totals.requests,
        cost_usd=number(totals.cost_usd),
        **counts,
        **bounded,
    )


def group_output(group: Group) -> UsageGroup:
    return UsageGroup(
        key=group.key,
        label=group.label,
        confidence=group.confidence,  # type: ignore[arg-type] # one of the catalogue's
        totals=totals_output(group.totals),
    )


def factor_output(override: FactorOverride) -> AppliedFactor:
    return AppliedFactor(
        id=override.public_id,
        kind=override.kind,
        provider=override.provider,
        value=number(override.value),
        operator=override.operator,
        region=override.region,
        country=override.country,
        evidence=override.evidence,
        starts_at=override.starts_at,
        ends_at=override.ends_at,
    )
