"""From what was metered to what the ledger stores: one call of the engine, rounded once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.interval import Interval
from apps.emissions.calc.resolve import Resolved, resolve
from apps.emissions.calc.tokens import token_estimate
from apps.emissions.calc.usage import TokenUsage
from apps.emissions.selectors import CurrentFactors
from apps.telemetry.models import BOUNDED, ENERGY_PLACES, MASS_PLACES, TOKENS
from apps.telemetry.services.basis import BATCH, NO_OVERRIDES, Overrides

KWH: Final = Decimal(1).scaleb(-ENERGY_PLACES)
MASS: Final = Decimal(1).scaleb(-MASS_PLACES)
STEPS: Final = {name: KWH if name.endswith("_kwh") else MASS for name in BOUNDED}
"""The step that each output is rounded to."""

COUNTRY_OF_GEOGRAPHY: Final = {"us": "US"}
"""Anthropic's `inference_geo` where it is a country; `global` and `not_available` are none."""
BEHIND_A_PROXY: Final = "custom_llm_provider"
"""LiteLLM's name for whoever ran the inference that its proxy passed on."""


@dataclass(frozen=True, slots=True)
class Metered:
    """The facts of one event that decide its value. What is not counted is worth nothing."""

    model: str | None
    provider: str
    dims: Mapping[str, str | None]
    input_uncached_tokens: int
    input_cache_read_tokens: int
    input_cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int | None
    requests: int | None
    cost_usd: Decimal | None = None
    is_counted: bool = True


@dataclass(frozen=True, slots=True)
class Valued:
    """An event's totals by column name, and the calculation that led to them."""

    quantities: dict[str, Decimal | None]
    calculation: dict[str, Any]
    usage: TokenUsage
    resolved: Resolved
    estimate: Estimate

    def question(self) -> dict[str, Any]:
        """The inputs from which anyone can recompute the figure; None: not given."""
        asked, usage = self.resolved.asked, self.usage
        return {
            "model": asked.model,
            "provider": asked.provider or None,
            "region": asked.region,
            "country": asked.country,
            "input": usage.input,
            "cached_input": usage.cached_input or None,
            "cache_write": usage.cache_write or None,
            "output": usage.output,
            "reasoning": usage.reasoning,
            "requests": usage.requests,
            "batch": "true" if asked.given.is_batch else None,
            "pue": asked.given.pue,
            "tariff_gco2e_per_kwh": asked.given.tariff_gco2e_per_kwh,
            "factors": self.resolved.factor_version,
        }


def value(metered: Metered, factors: CurrentFactors, overrides: Overrides = NO_OVERRIDES) -> Valued:
    """What the metered tokens cost the air, by these factors and overrides."""
    if not metered.is_counted:
        metered = _emptied(metered)
    resolved = resolved_for(metered, factors, overrides)
    calls = metered.requests or _calls_of_short_context(metered, resolved)
    usage = _usage(metered, calls)
    estimate = token_estimate(usage, resolved)
    quantities: dict[str, Decimal | None] = {
        name: _whole(getattr(metered, name)) for name in (*TOKENS, "requests")
    }
    quantities["cost_usd"] = metered.cost_usd
    calculation: dict[str, Any] = {
        "factor_version": factors.version,
        "method": estimate.method,
        "model_matched": estimate.model_matched,
        "tier": estimate.tier,
        "confidence": estimate.confidence,
        "grid": {
            "zone": estimate.grid.zone,
            "gco2e_per_kwh": estimate.grid.gco2e_per_kwh,
            "year": estimate.grid.year,
            "source": estimate.grid.source,
            "is_estimate": estimate.grid.is_estimate,
        },
        "warnings": [warning.code for warning in estimate.warnings],
    }
    if ids := overrides.ids():
        calculation["overrides"] = ids
    if not metered.is_counted:
        calculation["is_counted"] = False
    elif not metered.requests:
        calculation["calls_assumed"] = calls
        calculation["warnings"].append("requests_unknown")
    for name, step in STEPS.items():
        rounded = _rounded(getattr(estimate, name), step)
        calculation[name] = {bound: format(number, "f") for bound, number in rounded.items()}
        quantities[f"{name}_low"] = rounded["low"]
        quantities[name] = rounded["central"]
        quantities[f"{name}_high"] = rounded["high"]
    return Valued(quantities, calculation, usage, resolved, estimate)


def resolved_for(metered: Metered, factors: CurrentFactors, overrides: Overrides) -> Resolved:
    """Which model ran where: by the workspace's own place, else by what was reported."""
    dims, place = metered.dims, overrides.place
    country = dims.get("country") or COUNTRY_OF_GEOGRAPHY.get(dims.get("inference_geo") or "")
    provider, region = dims.get(BEHIND_A_PROXY) or metered.provider, dims.get("region")
    if place is not None:
        provider = place.operator or provider
        region = place.region or (None if place.operator or place.country else region)
        country = place.country or (None if place.region or place.operator else country)
    given = overrides.given(is_batch=dims.get("service_tier") == BATCH)
    return resolve(factors.document, metered.model, provider, region, country, given=given)


def _emptied(metered: Metered) -> Metered:
    return replace(
        metered,
        input_uncached_tokens=0,
        input_cache_read_tokens=0,
        input_cache_write_tokens=0,
        output_tokens=0,
        reasoning_tokens=None,
        requests=None,
        cost_usd=None,
    )


def _calls_of_short_context(metered: Metered, resolved: Resolved) -> int:
    """So many calls that the length of the context costs nothing extra.

    Taking a bucket whose calls nobody counted for one call would make a context of millions of
    tokens of it, and several times the energy. Not to count the context at all understates it a
    little, and the calculation says so.
    """
    tokens = (
        metered.input_uncached_tokens
        + metered.input_cache_read_tokens
        + metered.input_cache_write_tokens
        + metered.output_tokens
    )
    return max(1, math.ceil(tokens / resolved.coefficients.context_free_tokens))


def _usage(metered: Metered, calls: int) -> TokenUsage:
    return TokenUsage(
        input=metered.input_uncached_tokens,
        cached_input=metered.input_cache_read_tokens,
        cache_write=metered.input_cache_write_tokens,
        output=metered.output_tokens,
        reasoning=metered.reasoning_tokens,
        requests=calls,
    )


def _whole(count: int | None) -> Decimal | None:
    return None if count is None else Decimal(count)


def _rounded(interval: Interval, step: Decimal) -> dict[str, Decimal]:
    return {
        bound: Decimal(getattr(interval, bound)).quantize(step, rounding=ROUND_HALF_EVEN)
        for bound in ("low", "central", "high")
    }
