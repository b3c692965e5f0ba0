"""Golden vectors: questions with exact answers, against which an implementation is checked."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.given import NOTHING_GIVEN, Given
from apps.emissions.calc.hardware import hardware_estimate
from apps.emissions.calc.resolve import resolve
from apps.emissions.calc.tokens import token_estimate
from apps.emissions.calc.usage import TokenUsage
from apps.emissions.selectors import current_factors
from apps.emissions.services.catalogue import load_catalogue
from apps.emissions.services.factor_sets import document_sha256

_TOLERANCE = 1e-9  # relative: floats of other languages and libraries differ in the last digits
_QUANTITIES = (
    "energy_kwh",
    "it_energy_kwh",
    "operational_co2e_grams",
    "embodied_co2e_grams",
    "co2e_grams",
    "market_based_co2e_grams",
    "water_litres",
)
_WORDS = ("model_matched", "model_found", "tier", "confidence", "method")
_USUAL = TokenUsage(input=1000, output=500)


@dataclass(frozen=True, slots=True)
class _Question:
    """One call of the calculation. With a duration, the hardware method answers."""

    id: str
    model: str
    usage: TokenUsage = _USUAL
    provider: str | None = None
    region: str | None = None
    country: str | None = None
    given: Given = NOTHING_GIVEN
    duration_seconds: float | None = None
    power_watts: float | None = None


_Q = _Question
_QUESTIONS = (
    # the worked examples of the documentation
    _Q("G1", "gpt-4o"),
    _Q("G2", "gpt-4o", TokenUsage(2000, 50000, 3000, 800), country="IE"),
    _Q("G3", "claude-sonnet-4-5-20250929"),
    _Q("G4", "o3-mini"),
    _Q("G5", "meta-llama/Llama-3.1-8B-Instruct", country="FR"),
    _Q("G6", "some-new-model"),
    _Q("G7", "mistral-large-2407", TokenUsage(input=100, output=400)),
    _Q("G8", "gpt-4o", TokenUsage(100, 0, 0, 50), country="FI", duration_seconds=120.0),
    _Q("G9", "gpt-4o", TokenUsage(input=100, output=50)),
    _Q(
        "G10",
        "claude-opus-4-8",
        TokenUsage(1_200_000, 30_000_000, 2_500_000, 400_000, requests=600),
        provider="aws",
        region="eu-west-1",
    ),
    # a model that no row knows: its tier from its name, else medium
    _Q("tier-reasoning", "some-reasoner"),
    _Q("tier-large", "unknown-large"),
    _Q("tier-small", "unknown-tiny"),
    _Q("tier-not-reasoning", "someone-non-reasoning"),
    _Q("model-missing", ""),
    # one model under many spellings
    _Q("name-cloud", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    _Q("name-case", "OpenAI/GPT-4o"),
    _Q("name-point", "accounts/fireworks/models/llama-v3p1-8b-instruct"),
    # how sure: metered, published size, a reasoning model
    _Q("measured", "gpt-oss-120b"),
    _Q("benchmarked", "Mixtral-8x22B-Instruct-v0.1"),
    _Q("measured-reasoning", "deepseek-r1", TokenUsage(922, 0, 0, 7373, reasoning=6000)),
    # each class of tokens alone, none at all, and long contexts
    _Q("nothing", "gpt-4o", TokenUsage()),
    _Q("input-alone", "gpt-4o", TokenUsage(input=1000)),
    _Q("cached-alone", "gpt-4o", TokenUsage(cached_input=1000)),
    _Q("cache-write-alone", "gpt-4o", TokenUsage(cache_write=1000)),
    _Q("output-alone", "gpt-4o", TokenUsage(output=500)),
    _Q("long-prompt", "gpt-4o", TokenUsage(input=100_000, output=500)),
    _Q("long-context-small-model", "llama-3.1-8b", TokenUsage(20_000, 80_000, 0, 2000)),
    # many calls in one count
    _Q("bucket", "gpt-4o-mini", TokenUsage(500_000, 0, 0, 120_000, requests=900)),
    _Q("bucket-without-requests", "gpt-4o-mini", TokenUsage(500_000, 0, 0, 120_000, requests=0)),
    # where it ran
    _Q("country-three-letters", "gpt-4o", country="deu"),
    _Q("country-unknown", "gpt-4o", country="QQ"),
    _Q("country-world", "gpt-4o", country="ZZ"),
    _Q("provider-unknown", "gpt-4o", provider="somebody"),
    _Q("provider-router", "gpt-4o", provider="openrouter"),
    _Q("region", "gpt-4o", provider="azure", region="swedencentral"),
    _Q("region-unknown", "gpt-4o", provider="azure", region="nowhere"),
    _Q("region-and-country", "gemini-2.5-pro", provider="gcp", region="us-west1", country="NL"),
    # the maker's published assessment
    _Q("disclosure", "mistral-large-2", TokenUsage(input=1000, output=500), country="DE"),
    # by time and by meter
    _Q("hardware-exact-size", "llama-3.1-8b", TokenUsage(output=50), duration_seconds=2.5),
    _Q("metered", "gpt-4o", TokenUsage(output=50), duration_seconds=3600.0, power_watts=1000.0),
    # what the caller knows better
    _Q("given-pue", "gpt-4o", given=Given(pue=1.08)),
    _Q("given-intensity", "gpt-4o", given=Given(gco2e_per_kwh=120.0)),
    _Q("given-tariff", "gpt-4o", given=Given(tariff_gco2e_per_kwh=0.0)),
    _Q("given-all", "gpt-4o", country="FR", given=Given(1.08, 30.0, 12.5, is_batch=True)),
    _Q("batch", "gpt-4o", given=Given(is_batch=True)),
    _Q("disclosure-tariff", "mistral-large-2", given=Given(tariff_gco2e_per_kwh=10.0)),
)


def golden_vectors() -> dict[str, Any]:
    """The vectors of the current factor set, as plain JSON values."""
    current = current_factors()
    return vectors_of(current.document, current.sha256)


def catalogue_vectors(path: Path) -> dict[str, Any]:
    """The vectors of a catalogue directory, whether it is published or not."""
    document = load_catalogue(path)
    return vectors_of(FactorDocument.from_dict(document), document_sha256(document))


def vectors_of(document: FactorDocument, sha256: str) -> dict[str, Any]:
    """Every question with what these factors answer, and the digest of the factors."""
    return {
        "version": document.version,
        "sha256": sha256,
        "tolerance": _TOLERANCE,
        "vectors": [
            {
                "id": question.id,
                "input": _input(question),
                "output": _output(_answer(document, question)),
            }
            for question in _QUESTIONS
        ],
    }


def _answer(document: FactorDocument, question: _Question) -> Estimate:
    resolved = resolve(
        document,
        question.model,
        question.provider,
        question.region,
        question.country,
        given=question.given,
    )
    if question.duration_seconds is None:
        return token_estimate(question.usage, resolved)
    return hardware_estimate(
        resolved, duration_seconds=question.duration_seconds, power_watts=question.power_watts
    ).estimate


def _input(question: _Question) -> dict[str, Any]:
    fields = asdict(question)
    del fields["id"]
    return fields | {"method": "token" if question.duration_seconds is None else "hardware"}


def _output(estimate: Estimate) -> dict[str, Any]:
    return {
        **{name: getattr(estimate, name).as_dict() for name in _QUANTITIES},
        **{name: getattr(estimate, name) for name in _WORDS},
        "grid_zone": estimate.grid.zone,
        "gco2e_per_kwh": estimate.grid.gco2e_per_kwh,
    }
