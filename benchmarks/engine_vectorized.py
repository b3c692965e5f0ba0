"""The engine over columns: 100,000 rows of mixed models and places, their names included.

The peers are the engine one row at a time, and EcoLogits, which has nothing but one row at a time.
"""

from collections.abc import Iterator

import numpy as np

from apps.emissions.calc.columns import Question, UsageColumns, resolve_each, token_estimates
from apps.emissions.calc.given import NOTHING_GIVEN, Given
from apps.emissions.calc.resolve import resolve
from apps.emissions.calc.tokens import token_estimate
from apps.emissions.calc.usage import TokenUsage
from apps.emissions.selectors import current_factors
from benchmarks.engine_scalar import PEER_ROWS, ecologits, ecologits_by_name
from benchmarks.measuring import Result, rates_in_turns

ROWS = 100_000
SCALAR_ROWS = 5_000
MODELS = (
    ("gpt-4o", "openai"),
    ("gpt-4o-mini", "azure"),
    ("claude-sonnet-4-5", "anthropic"),
    ("us.anthropic.claude-opus-4-8-v1:0", "aws"),
    ("llama-3.1-8b", None),
    ("mistral-large-2407", "mistral"),
    ("a-model-nobody-knows", "openrouter"),
)
COUNTRIES = (None, "FR", "US", "DE", "IE")
GIVEN = (NOTHING_GIVEN, NOTHING_GIVEN, Given(pue=1.1, tariff_gco2e_per_kwh=20.0))
CLASSES = ("input", "cached_input", "cache_write", "output")


def run() -> Iterator[Result]:
    document = current_factors().document
    random = np.random.default_rng(1)
    counts = {name: random.integers(0, 5000, ROWS) for name in CLASSES}
    counts["requests"] = random.integers(1, 4, ROWS)
    asked = [_question(*numbers) for numbers in random.integers(0, 105, (ROWS, 3)).tolist()]

    def vectorized() -> None:
        token_estimates(UsageColumns(**counts), *resolve_each(document, asked))

    def one_row_at_a_time() -> None:
        for row in range(SCALAR_ROWS):
            usage = TokenUsage(**{name: int(column[row]) for name, column in counts.items()})
            *names, given = asked[row]
            token_estimate(usage, resolve(document, *names, given=given))

    ours, scalar, pure, named = rates_in_turns(
        1, vectorized, one_row_at_a_time, ecologits, ecologits_by_name
    )
    rows_a_second = ours.median * ROWS
    for peer, rate in (
        ("EcoLogits, bare", pure.median * PEER_ROWS),
        ("EcoLogits, by name", named.median * PEER_ROWS),
        ("one row at a time", scalar.median * SCALAR_ROWS),
    ):
        yield Result(
            "engine_vectorized",
            f"estimate, {ROWS:,} rows",
            rows_a_second,
            "rows/s",
            ours.spread,
            peer,
            rows_a_second / rate,
        )


def _question(model: int, country: int, given: int) -> Question:
    name, provider = MODELS[model % len(MODELS)]
    place = COUNTRIES[country % len(COUNTRIES)]
    return name, provider, None, place, GIVEN[given % len(GIVEN)]
