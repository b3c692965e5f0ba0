"""One estimate with the current factors, together with its explanation."""

from dataclasses import replace
from typing import Any

from apps.emissions.calc.estimate import Estimate, Notice
from apps.emissions.calc.explain import explain
from apps.emissions.calc.resolve import resolve
from apps.emissions.calc.tokens import token_estimate
from apps.emissions.calc.usage import TokenUsage
from apps.emissions.selectors import current_factors

_HIDDEN_TOKENS = Notice(
    "hidden_tokens",
    "This model reasons before it answers: the output tokens have to contain the hidden ones.",
)


def estimate(
    model: str | None,
    usage: TokenUsage,
    *,
    provider: str | None = None,
    region: str | None = None,
    country: str | None = None,
) -> tuple[Estimate, dict[str, Any]]:
    """What these tokens cost the air, and how it was calculated."""
    document = current_factors().document
    resolved = resolve(document, model, provider, region, country)
    result = token_estimate(usage, resolved)
    if result.tier == "reasoning" and usage.reasoning is None:
        result = replace(result, warnings=(*result.warnings, _HIDDEN_TOKENS))
    return result, explain(document, usage, resolved, result)
