"""The engine, one row at a time: names and tokens to energy, emissions and water with bounds.

The peer is EcoLogits, which has no cache or prompt tokens to count: its pure function with the
sizes and the place at hand, and its function that looks these up by name as ours does.
"""

from collections.abc import Iterator
from typing import Any

from ecologits.electricity_mix_repository import electricity_mixes
from ecologits.impacts.llm import compute_llm_impacts
from ecologits.model_repository import models
from ecologits.tracers.utils import PROVIDER_CONFIG_MAP, llm_impacts

from apps.emissions.calc.resolve import resolve
from apps.emissions.calc.tokens import token_estimate
from apps.emissions.calc.usage import TokenUsage
from apps.emissions.selectors import current_factors
from apps.telemetry.services.valuation import Metered, value
from benchmarks.measuring import Rates, Result, rates_in_turns

ROWS = 20_000
PEER_ROWS = 600
MODELS = (("gpt-4o", "openai"), ("claude-sonnet-4-5", "anthropic"), ("o3-mini", "openai"))
SECONDS = 10.0


def run() -> Iterator[Result]:
    factors = current_factors()
    asked = [(MODELS[i % len(MODELS)], 900 + i % 700, 100 + i % 300) for i in range(ROWS)]

    def estimate() -> None:
        for (model, provider), read, written in asked:
            usage = TokenUsage(input=read, output=written)
            token_estimate(usage, resolve(factors.document, model, provider))

    def value_for_the_ledger() -> None:
        for (model, provider), read, written in asked:
            value(Metered(model, provider, {}, read, 0, 0, written, None, 1), factors)

    ours, ledger, pure, named = rates_in_turns(
        1, estimate, value_for_the_ledger, ecologits, ecologits_by_name
    )
    yield _result("estimate", ours, ROWS, "EcoLogits, bare", pure)
    yield _result("estimate", ours, ROWS, "EcoLogits, by name", named)
    share = ledger.median / ours.median
    yield Result(
        "engine_scalar",
        "valued for the ledger",
        ledger.median * ROWS,
        "rows/s",
        ledger.spread,
        "estimate alone",
        share,
    )
    for case, rates in (("EcoLogits, bare", pure), ("EcoLogits, by name", named)):
        yield Result("engine_scalar", case, rates.median * PEER_ROWS, "rows/s", rates.spread)


def ecologits() -> None:
    """PEER_ROWS rows by the pure function, with everything but the tokens looked up before."""
    for i in range(PEER_ROWS):
        compute_llm_impacts(output_token_count=100 + i % 300, **_INPUTS[i % len(MODELS)])


def ecologits_by_name() -> None:
    for i in range(PEER_ROWS):
        model, provider = MODELS[i % len(MODELS)]
        llm_impacts(provider, model, 100 + i % 300, SECONDS)


def _result(case: str, ours: Rates, rows: int, peer: str, theirs: Rates) -> Result:
    ratio = ours.median * rows / (theirs.median * PEER_ROWS)
    return Result("engine_scalar", case, ours.median * rows, "rows/s", ours.spread, peer, ratio)


def _inputs(model: str, provider: str) -> dict[str, Any]:
    """What EcoLogits itself looks up for this model."""
    found, site = models.find_model(provider, model), PROVIDER_CONFIG_MAP[provider]
    mix = electricity_mixes.find_electricity_mix(zone=site.datacenter_location)
    if found is None or mix is None:
        raise LookupError(f"EcoLogits does not know {model} of {provider}")
    sizes, speed = found.architecture.parameters, found.deployment
    return {
        "model_active_parameter_count": getattr(sizes, "active", sizes),
        "model_total_parameter_count": getattr(sizes, "total", sizes),
        "if_electricity_mix_adpe": mix.adpe,
        "if_electricity_mix_pe": mix.pe,
        "if_electricity_mix_gwp": mix.gwp,
        "if_electricity_mix_wue": mix.wue,
        "datacenter_pue": site.datacenter_pue,
        "datacenter_wue": site.datacenter_wue,
        "request_latency": SECONDS,
        "tps": speed.tps if speed else None,
        "ttft": speed.ttft if speed else None,
    }


_INPUTS = [_inputs(model, provider) for model, provider in MODELS]
