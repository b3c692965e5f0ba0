"""One estimate together with its explanation, by the current factors or by those of a version."""

from typing import Any

from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.explain import explain
from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.given import NOTHING_GIVEN, Given
from apps.emissions.calc.hardware import HardwareEstimate, hardware_estimate
from apps.emissions.calc.resolve import resolve
from apps.emissions.calc.tokens import asking_for_hidden_tokens, token_estimate
from apps.emissions.calc.usage import TokenUsage
from apps.emissions.selectors import factors_by_version, recent_factors


def estimate(
    model: str | None,
    usage: TokenUsage,
    *,
    provider: str | None = None,
    region: str | None = None,
    country: str | None = None,
    given: Given = NOTHING_GIVEN,
    factors_version: str | None = None,
) -> tuple[Estimate, dict[str, Any]]:
    """What these tokens cost the air, and how it was calculated."""
    document = _document(factors_version)
    resolved = resolve(document, model, provider, region, country, given=given)
    result = asking_for_hidden_tokens(token_estimate(usage, resolved), usage)
    return result, explain(document, usage, resolved, result)


def estimate_hardware(
    model: str | None,
    usage: TokenUsage,
    *,
    duration_seconds: float,
    power_watts: float | None = None,
    provider: str | None = None,
    region: str | None = None,
    country: str | None = None,
    given: Given = NOTHING_GIVEN,
    factors_version: str | None = None,
) -> tuple[HardwareEstimate, dict[str, Any]]:
    """The same by the time a call took, or by the power that was metered meanwhile.

    The tokens are told in the explanation, not calculated with.
    """
    document = _document(factors_version)
    resolved = resolve(document, model, provider, region, country, given=given)
    machine = hardware_estimate(
        resolved, duration_seconds=duration_seconds, power_watts=power_watts
    )
    return machine, explain(document, usage, resolved, machine)


def _document(version: str | None) -> FactorDocument:
    factors = recent_factors() if version is None else factors_by_version(version)
    return factors.document
