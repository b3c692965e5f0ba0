"""From one request to its figures: read the members together, calculate, tell how."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from msgspec import UNSET

from apps.common.typed import fault_in
from apps.emissions.api.estimate.formula import hardware_formula, token_formula
from apps.emissions.api.estimate.shapes import (
    CallInput,
    EstimateDetails,
    EstimateGrid,
    EstimateInput,
    EstimateOutput,
    EstimateSums,
    EstimateWarning,
    HardwareContext,
    MethodComparison,
    Quantity,
)
from apps.emissions.calc.equivalents import equivalents
from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.given import NOTHING_GIVEN, Given
from apps.emissions.calc.greener import greener_tip
from apps.emissions.calc.hardware import HardwareEstimate, hardware_estimate
from apps.emissions.calc.interval import Interval
from apps.emissions.calc.resolve import Resolved, resolve
from apps.emissions.calc.tokens import asking_for_hidden_tokens, token_estimate
from apps.emissions.calc.usage import TokenUsage
from apps.emissions.selectors import CurrentFactors

_EXPLANATION = "/methodology/explain"
_ZERO = Interval(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Figures:
    """A request that was calculated, before it is written down."""

    asked: EstimateInput
    factors: CurrentFactors
    usage: TokenUsage
    resolved: Resolved
    result: Estimate
    by_tokens: Estimate
    by_hardware: HardwareEstimate | None


def figures(asked: EstimateInput, factors: CurrentFactors) -> Figures:
    """Raises InvalidError where members contradict each other."""
    usage, country = usage_of(asked), _country(asked)
    resolved = resolve(
        factors.document, asked.model, asked.provider, asked.region, country, given=_given(asked)
    )
    by_tokens = token_estimate(usage, resolved)
    by_hardware = _by_hardware(asked, resolved) if asked.method == "hardware" else None
    result = by_tokens if by_hardware is None else by_hardware.estimate
    if by_hardware is None:
        result = asking_for_hidden_tokens(result, usage)
    return Figures(asked, factors, usage, resolved, result, by_tokens, by_hardware)


def answer(found: Figures) -> EstimateOutput:
    """The contract's fields from the central values, and everything else beside them."""
    result, total = found.result, found.usage.total
    grams = result.co2e_grams.central
    per_1k = grams / total * 1000 if total else 0.0
    return EstimateOutput(
        estimated_co2_grams=grams,
        confidence=result.confidence,
        source=source_of(result, found.resolved),
        billed_event=False,
        total_tokens=total,
        co2_per_1k_tokens_used=per_1k,
        warning=" ".join(notice.text for notice in result.warnings) or UNSET,
        calculation_details=EstimateDetails(
            formula=_formula(found),
            total_tokens=total,
            coefficient_per_1k=per_1k,
            method=result.method,
        ),
        hardware_context=_hardware_context(found),
        comparison=_comparison(found),
        green_datacenter_tip=greener_tip(found.factors.document, result.grid.gco2e_per_kwh)
        or UNSET,
        energy_kwh=quantity(result.energy_kwh),
        co2e_grams=quantity(result.co2e_grams),
        operational_co2e_grams=quantity(result.operational_co2e_grams),
        embodied_co2e_grams=quantity(result.embodied_co2e_grams),
        water_litres=quantity(result.water_litres),
        factor_version=result.factor_version,
        methodology_version=result.factor_version,
        model_matched=result.model_matched,
        model_found=result.model_found,
        tier=result.tier,
        method=result.method,
        grid=grid_of(result),
        warnings=warnings_of(result),
        equivalents=equivalents(grams, result.energy_kwh.central),
        explanation_url=_explanation_url(found),
    )


def quantity(interval: Interval) -> Quantity:
    return Quantity(interval.low, interval.central, interval.high)


def sums_of(results: Iterable[Estimate]) -> EstimateSums:
    """Lows added to lows and highs to highs."""
    estimates = list(results)
    return EstimateSums(**{name: _sum(estimates, name) for name in EstimateSums.__struct_fields__})


def _sum(estimates: Iterable[Estimate], name: str) -> Quantity:
    return quantity(reduce(add, (getattr(each, name) for each in estimates), _ZERO))


def usage_of(asked: CallInput) -> TokenUsage:
    """Disjoint counts. Raises InvalidError where a part is larger than its whole."""
    cached, written = asked.cached_tokens or 0, asked.cache_write_tokens or 0
    if cached + written > asked.prompt_tokens:
        name = "cached_tokens" if cached else "cache_write_tokens"
        raise fault_in(name, "Cached and written tokens are parts of prompt_tokens.")
    if (asked.reasoning_tokens or 0) > asked.completion_tokens:
        raise fault_in("reasoning_tokens", "Reasoning tokens are a part of completion_tokens.")
    return TokenUsage(
        input=asked.prompt_tokens - cached - written,
        cached_input=cached,
        cache_write=written,
        output=asked.completion_tokens,
        reasoning=asked.reasoning_tokens,
        requests=asked.requests or 1,
    )


def _country(asked: EstimateInput) -> str | None:
    if (
        asked.country
        and asked.datacenter_country
        and asked.country.upper() != asked.datacenter_country.upper()
    ):
        raise fault_in("country", "Not the same as datacenter_country.")
    return asked.datacenter_country or asked.country


def _given(asked: EstimateInput) -> Given:
    if asked.grid_intensity_gco2e_per_kwh is None and not asked.batch:
        return NOTHING_GIVEN
    return Given(gco2e_per_kwh=asked.grid_intensity_gco2e_per_kwh, is_batch=bool(asked.batch))


def _by_hardware(asked: EstimateInput, resolved: Resolved) -> HardwareEstimate:
    if asked.duration_ms is None:
        raise fault_in("duration_ms", "The hardware method needs the time that the call took.")
    return hardware_estimate(
        resolved, duration_seconds=asked.duration_ms / 1000, power_watts=asked.power_watts
    )


def _formula(found: Figures) -> str:
    if found.by_hardware is None or found.asked.duration_ms is None:
        return token_formula(found.usage, found.resolved, found.result)
    return hardware_formula(found.by_hardware, found.resolved, found.asked.duration_ms)


def source_of(result: Estimate, resolved: Resolved) -> str:
    """Which row of which version each part of the figure comes from."""
    grid, operator = result.grid, resolved.place.operator
    return (
        f"factors {result.factor_version}; model {result.model_matched}; "
        f"grid {grid.zone} {grid.year} ({urlsplit(grid.source).netloc or grid.source}); "
        f"PUE {operator.operator} {operator.year}"
    )


def grid_of(result: Estimate) -> EstimateGrid:
    grid = result.grid
    return EstimateGrid(
        gco2e_per_kwh=grid.gco2e_per_kwh,
        zone=grid.zone,
        source=grid.source,
        year=grid.year,
        is_estimate=grid.is_estimate,
    )


def warnings_of(result: Estimate) -> list[EstimateWarning]:
    return [EstimateWarning(notice.code, notice.text) for notice in result.warnings]


def _hardware_context(found: Figures) -> Any:
    machine, duration_ms = found.by_hardware, found.asked.duration_ms
    if machine is None or duration_ms is None:
        return UNSET
    return HardwareContext(
        accelerators=machine.accelerators,
        board_power_kw=machine.board_power_kw,
        sharing_requests=machine.sharing_requests,
        metered_power_watts=machine.metered_power_watts,
        server_factor=machine.server_factor,
        pue=machine.pue,
        duration_ms=duration_ms,
        country=found.result.grid.zone,
        gco2e_per_kwh=found.result.grid.gco2e_per_kwh,
    )


def _comparison(found: Figures) -> Any:
    if found.by_hardware is None:
        return UNSET
    tokens, hardware = found.by_tokens.co2e_grams.central, found.result.co2e_grams.central
    return MethodComparison(
        token_co2_grams=tokens,
        hardware_co2_grams=hardware,
        ratio=hardware / tokens if tokens else None,
    )


def _explanation_url(found: Figures) -> str:
    """What was given and nothing else, with the version, so that it says the same for ever."""
    asked, usage = found.asked, found.usage
    given: dict[str, Any] = {
        "model": asked.model,
        "provider": asked.provider,
        "region": asked.region,
        "country": found.resolved.asked.country,
        "input": usage.input,
        "cached_input": None if asked.cached_tokens is None else usage.cached_input,
        "cache_write": None if asked.cache_write_tokens is None else usage.cache_write,
        "output": usage.output,
        "reasoning": usage.reasoning,
        "requests": asked.requests,
        "method": asked.method,
        "duration_ms": asked.duration_ms,
        "power_watts": asked.power_watts,
        "batch": None if asked.batch is None else str(asked.batch).lower(),
        "gco2e_per_kwh": asked.grid_intensity_gco2e_per_kwh,
        "factors": found.result.factor_version,
    }
    return explanation_url(given)


def explanation_url(given: Mapping[str, Any]) -> str:
    """The page that recomputes a figure from its inputs; what is None was not given."""
    query = urlencode({name: value for name, value in given.items() if value is not None})
    return f"{settings.PUBLIC_URL}{_EXPLANATION}?{query}"
