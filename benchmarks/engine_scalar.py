"""The engine, one row at a time: tokens to energy, emissions and water with their bounds."""

from collections.abc import Iterator

from apps.emissions.calc.resolve import resolve
from apps.emissions.calc.tokens import token_estimate
from apps.emissions.calc.usage import TokenUsage
from apps.emissions.selectors import current_factors
from apps.telemetry.services.valuation import Metered, value
from benchmarks.measuring import Result, rates_in_turns

ROWS = 20_000
MODELS = (("gpt-4o", "openai"), ("claude-sonnet-4-5", "anthropic"), ("o3-mini", "openai"))


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

    pure, rounded = rates_in_turns(ROWS, estimate, value_for_the_ledger)
    yield Result("engine_scalar", "estimate", pure.median, "rows/s", pure.spread)
    yield Result(
        "engine_scalar",
        "valued for the ledger",
        rounded.median,
        "rows/s",
        rounded.spread,
        "estimate alone",
        rounded.median / pure.median,
    )
