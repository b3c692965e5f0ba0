"""One coefficient per model for every token alike, as the carbon-llm service publishes them."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from apps.emissions.calc.methods.results import MethodResult
from apps.emissions.calc.usage import TokenUsage

_URL = "https://carbon-llm.com/llm-co2-benchmark"


@dataclass(frozen=True, slots=True)
class FlatCoefficient:
    """Grams of CO2e per 1,000 tokens, as published; which normalized names we take it for."""

    model: str
    patterns: tuple[str, ...]
    gco2e_per_1k_tokens: float
    grade: str
    source_url: str
    remark: str

    def fits(self, normalized_name: str) -> bool:
        return any(fnmatchcase(normalized_name, pattern) for pattern in self.patterns)


def flat_coefficient(
    coefficients: Iterable[FlatCoefficient], normalized_name: str
) -> FlatCoefficient | None:
    return next((one for one in coefficients if one.fits(normalized_name)), None)


def flat_result(coefficient: FlatCoefficient | None, usage: TokenUsage) -> MethodResult:
    """No energy, no bounds: the coefficient holds grid and data centre already."""
    grams, note = None, "Not available: the published table has no such model."
    if coefficient is not None:
        grams = coefficient.gco2e_per_1k_tokens * usage.total / 1000
        note = (
            f"{coefficient.gco2e_per_1k_tokens} g per 1,000 tokens of {coefficient.model},"
            f' which its publisher grades "{coefficient.grade}". {coefficient.remark}'
        ).strip()
    return MethodResult(
        name="carbon_llm",
        version="as published in November 2026",
        formula="CO2e = coefficient of the model x all tokens / 1,000",
        leaves_out=(
            "the difference between prompt, cached and output tokens",
            "the place: its grid and PUE are inside the coefficient and not stated",
            "energy and water",
            "bounds",
        ),
        source_url=_URL if coefficient is None else coefficient.source_url,
        is_available=coefficient is not None,
        energy_kwh=None,
        co2e_grams=grams,
        note=note,
    )
