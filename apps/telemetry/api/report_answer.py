"""Reports as they are answered."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from apps.emissions.calc.compute_factors import EXACT
from apps.emissions.calc.equivalents import equivalents
from apps.telemetry.api.figure_shapes import (
    AppliedFactor,
    bounds_output,
    factor_output,
    group_output,
    number,
    range_output,
    totals_output,
)
from apps.telemetry.api.report_shapes import (
    CatalogueMatch,
    ChangeInPercent,
    EarlierSpan,
    ModelLine,
    PossiblyCountedTwice,
    SeriesPoint,
    TokenKinds,
)
from apps.telemetry.models import FactorOverride
from apps.telemetry.selectors import Point, Summary, Totals
from apps.telemetry.selectors.figures import Earlier
from apps.telemetry.selectors.model_usage import ModelUsage


def summary_members(found: Summary) -> dict[str, Any]:
    """The members of UsageSummary that are sums."""
    grams, energy = (found.total.bounds(name).central for name in ("co2e_grams", "energy_kwh"))
    groups = ("by_model", "by_project", "by_provider", "by_connection", "by_region")
    return {
        "time_range": range_output(found.span),
        "confidence": found.confidence,
        "total": totals_output(found.total),
        "tokens": _tokens(found.total),
        "cost_usd": number(found.total.cost_usd),
        "cost_known_share": number(found.cost_known_share),
        "equivalents": equivalents(float(grams), float(energy)),
        "previous": _earlier(found.previous, found.total) if found.previous else None,
        "possible_double_counting": [
            PossiblyCountedTwice(
                provider=one.provider,
                pushed_tokens=one.pushed_tokens,
                metered_tokens=one.metered_tokens,
            )
            for one in found.double_counting
        ],
        **{name: [group_output(group) for group in getattr(found, name)] for name in groups},
    }


def applied(overrides: Iterable[FactorOverride]) -> list[AppliedFactor]:
    return [factor_output(override) for override in overrides]


def point_output(point: Point) -> SeriesPoint:
    return SeriesPoint(
        start_time=point.start,
        key=point.key,
        label=point.label,
        tokens=point.tokens,
        totals=None if point.totals is None else totals_output(point.totals),
    )


def model_output(one: ModelUsage) -> ModelLine:
    rate = one.grams_per_1000_tokens
    return ModelLine(
        model=one.model,
        provider=one.provider,
        provider_label=one.provider_label,
        confidence=one.row.confidence,
        matched=CatalogueMatch(
            pattern=one.row.pattern, tier=one.row.tier, is_specific=one.row.is_specific
        ),
        share_of_total=number(one.share_of_total),
        co2e_grams_per_1000_tokens=None if rate is None else bounds_output(rate),
        totals=totals_output(one.totals),
    )


def _tokens(total: Totals) -> TokenKinds:
    uncached, read, written = (
        total.count(f"input_{kind}_tokens") for kind in ("uncached", "cache_read", "cache_write")
    )
    whole = total.input_tokens
    return TokenKinds(
        input_uncached=uncached,
        input_cache_read=read,
        input_cache_write=written,
        output=total.count("output_tokens"),
        cached_share=read / whole if whole else None,
        cache_write_share=written / whole if whole else None,
        uncached_share=uncached / whole if whole else None,
    )


def _earlier(earlier: Earlier, now: Totals) -> EarlierSpan:
    before = earlier.totals
    names = ("energy_kwh", "co2e_grams", "water_litres")
    return EarlierSpan(
        time_range=range_output(earlier.span),
        tokens=before.tokens,
        requests=before.requests,
        cost_usd=number(before.cost_usd),
        **{name: float(before.bounds(name).central) for name in names},
        change_percent=ChangeInPercent(
            tokens=_change(before.tokens, now.tokens),
            requests=_change(before.requests, now.requests),
            cost_usd=_change(before.cost_usd, now.cost_usd),
            **{
                name: _change(before.bounds(name).central, now.bounds(name).central)
                for name in names
            },
        ),
    )


def _change(before: Decimal | int | None, now: Decimal | int | None) -> float | None:
    if not before or now is None:
        return None
    return float(EXACT.divide(100 * (Decimal(now) - Decimal(before)), Decimal(before)))
