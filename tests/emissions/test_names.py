"""One spelling for a model, however a provider writes it."""

import itertools
import re

import pytest
from ecologits.model_repository import models as ecologits_models
from hypothesis import given
from hypothesis import strategies as st

from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.names import normalized_model_name
from apps.emissions.calc.resolve import resolve

ARN = "arn:aws:bedrock:us-east-1:"
SPELLINGS = {
    "gpt-4o*": [
        "gpt-4o",
        "GPT-4o",
        "gpt-4o-2024-08-06",
        "openai/gpt-4o",
        "azure/gpt-4o",
        "azure_ai/gpt-4o",
        "azure-gpt-4o",
        "openai/gpt-4o:extended",
        "gpt-4o (batch)",
        "gpt-4o/",
    ],
    "gpt-4o-mini*": [
        "gpt-4o-mini",
        "gpt-4o-mini-2024-07-18",
        "ft:gpt-4o-mini-2024-07-18:acme::abc",
        "ft:gpt-4o-mini-2024-07-18:acme/research:suffix:abc",
        "openai/ft:gpt-4o-mini-2024-07-18:acme::abc",
        "gpt-4o-mini (batch)",
        "  GPT 4o mini  ",
    ],
    "gpt-4-1": ["gpt-4.1", "openai/gpt-4.1", "databricks-gpt-4-1"],
    "gpt-3-5-turbo*": ["gpt-3.5-turbo", "gpt-3.5-turbo-0125", "openai/gpt-3.5-turbo-16k"],
    "claude-3-5-sonnet*": [
        "claude-3-5-sonnet-20241022",
        "claude-3-5-sonnet-v2@20241022",
        "anthropic/claude-3.5-sonnet",
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
        f"{ARN}:foundation-model/anthropic.claude-3-5-sonnet-20241022-v2:0",
    ],
    "claude-3-7-sonnet*": ["anthropic/claude-3.7-sonnet:thinking", "claude-sonnet-3-7"],
    "claude-2*": ["anthropic.claude-v2:1", "claude-2.1"],
    "claude-sonnet-4*": [
        "claude-sonnet-4-5-20250929",
        "claude-sonnet-4-5@20250929",
        "claude-sonnet-4-5[1m]",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "bedrock/eu-west-1/anthropic.claude-sonnet-4-5-20250929-v1:0",
        "bedrock/converse/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        f"{ARN}123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "vertex_ai/claude-sonnet-4-5@20250929",
        "publishers/anthropic/models/claude-sonnet-4-5@20250929",
        "anthropic/claude-sonnet-4.5",
        "anthropic/claude-sonnet-4.5:beta",
        "anthropic/claude-4.5-sonnet-20250929",
        "anthropic/claude-4-sonnet-20250522",
        "databricks-claude-sonnet-4-5",
    ],
    "claude-opus-4*": ["claude-opus-4@20250514", "anthropic/claude-opus-4"],
    "claude-opus-4-[5-9]*": ["claude-opus-4-5@20251101", "anthropic/claude-4.5-opus-20251124"],
    "gemini-2-5-pro*": ["vertex_ai/gemini-2.5-pro", "google/gemini-2.5-pro", "gemini-2.5-pro@001"],
    "gemini-2-5-flash*": [
        "models/gemini-2.5-flash",
        "publishers/google/models/gemini-2.5-flash",
        "projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash",
        "google/gemini-2.5-flash:free",
        "gemini/gemini-2.5-flash",
    ],
    "*llama*3-1-70b*": [
        "meta-llama/llama-3.1-70b-instruct",
        "meta-llama/llama-3.1-70b-instruct:free",
        "accounts/fireworks/models/llama-v3p1-70b-instruct",
        "accounts/fireworks/models/llama-v3p1-70b-instruct#accounts/acme/deployments/d1",
        "together_ai/meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo",
        "us.meta.llama3-1-70b-instruct-v1:0",
        "llama3.1:70b-instruct-q4_0",
    ],
    "*llama*3-1-8b*": ["@cf/meta/llama-3.1-8b-instruct", "llama-3.1-8b-instant", "llama3.1:8b"],
    "*llama*3-3-70b*": ["groq/llama-3.3-70b-versatile", "databricks-meta-llama-3-3-70b-instruct"],
    "*deepseek-r1*": [
        "us.deepseek.r1-v1:0",
        "deepseek-ai/DeepSeek-R1",
        "deepseek/deepseek-r1:free",
    ],
    "*deepseek-v3*": ["deepseek.v3-v1:0", "accounts/fireworks/models/deepseek-v3p1"],
    "gpt-oss-120b*": ["openai.gpt-oss-120b-1:0", "openai/gpt-oss-120b", "gpt-oss:120b-cloud"],
    "mistral-large-2407*": ["mistral.mistral-large-2407-v1:0", "mistral-large@2407"],
    "*nova-pro*": ["us.amazon.nova-pro-v1:0", "amazon/nova-pro-v1"],
    "grok-4*": ["x-ai/grok-4", "xai/grok-4-0709"],
}
WRITTEN = [(name, pattern) for pattern, names in SPELLINGS.items() for name in names]


@pytest.mark.parametrize(
    ("written", "normalized"),
    [
        ("GPT-4o", "gpt-4o"),
        (" gpt-4.1-mini ", "gpt-4-1-mini"),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc123", "gpt-4o-mini-2024-07-18"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3-1-8b-instruct"),
        ("meta-llama/llama-3.1-70b-instruct:free", "llama-3-1-70b-instruct"),
        ("accounts/fireworks/models/llama-v3p1-405b-instruct", "llama-v3-1-405b-instruct"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929"),
        ("us-gov.anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku-20240307"),
        ("amazon.nova-pro-v1:0", "nova-pro"),
        ("bedrock/eu.amazon.nova-lite-v1:0", "nova-lite"),
        ("claude-opus-4-5@20251101", "claude-opus-4-5-20251101"),
        ("databricks-meta-llama-3-3-70b-instruct", "meta-llama-3-3-70b-instruct"),
        ("openai-gpt-oss-120b", "gpt-oss-120b"),
        ("vertex_ai/gemini-2.5-flash", "gemini-2-5-flash"),
        ("gemini 2.5 flash_lite", "gemini-2-5-flash-lite"),
        ("moonshot-v1-8k", "moonshot-v1-8k"),
        ("", ""),
    ],
)
def test_a_name_is_written_in_one_way(written: str, normalized: str) -> None:
    assert normalized_model_name(written) == normalized


@pytest.mark.parametrize(("name", "pattern"), WRITTEN)
def test_every_spelling_of_a_model_finds_its_row(
    document: FactorDocument, name: str, pattern: str
) -> None:
    assert resolve(document, name).row.pattern == pattern


def test_the_table_of_spellings_is_a_long_one() -> None:
    assert len(WRITTEN) >= 60


@given(st.text(max_size=80))
def test_no_name_is_too_strange_for_a_row(document: FactorDocument, name: str) -> None:
    once = normalized_model_name(name)

    assert document.model_row(once) in document.models
    assert once == once.strip("-").lower().strip()


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("o3-mini", "o3-mini*"),
        ("claude-opus-4-8", "claude-opus-4-[5-9]*"),
        ("claude-opus-4-20250514", "claude-opus-4*"),
        ("accounts/fireworks/models/llama-v3p1-405b-instruct", "*llama*405b*"),
        ("something-mini-thinking", "*-thinking*"),
        ("something-large-non-reasoning", "*non-reasoning*"),
        ("some-new-model", "*"),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/a1b2", "*"),
    ],
)
def test_the_first_matching_row_is_taken(document: FactorDocument, name: str, pattern: str) -> None:
    assert resolve(document, name).row.pattern == pattern


def literal_names(pattern: str) -> list[str]:
    """Names that the pattern means: every choice of its brackets, with and without its stars."""
    parts = re.findall(r"\[[^\]]+\]|.", pattern)
    return [
        "".join(name)
        for star in ("", "x")
        for name in itertools.product(*(choices(part, star) for part in parts))
    ]


def choices(part: str, star: str) -> list[str]:
    if part == "*":
        return [star]
    if ranged := re.fullmatch(r"\[(.)-(.)\]", part):
        return [chr(code) for code in range(ord(ranged[1]), ord(ranged[2]) + 1)]
    return list(part.strip("[]"))


def test_every_row_is_reachable_by_a_name_of_its_own(document: FactorDocument) -> None:
    shadowed = [
        row.pattern
        for row in document.models
        if all(document.model_row(name) != row for name in literal_names(row.pattern))
    ]

    assert shadowed == []


def test_more_than_a_hundred_and_fifty_rows_are_about_a_named_model(
    document: FactorDocument,
) -> None:
    assert sum(row.is_specific for row in document.models) == 411


def test_every_model_that_ecologits_knows_has_a_row_of_its_own(document: FactorDocument) -> None:
    names = [model.name for model in ecologits_models.list_models()]

    unknown = [name for name in names if not resolve(document, name).row.is_specific]

    assert len(names) > 300
    assert unknown == []


def test_every_row_but_the_guards_has_a_source_or_is_a_tier(document: FactorDocument) -> None:
    nameless = {row.provider for row in document.models if not row.source_url}

    assert nameless == {"*"}


@pytest.mark.parametrize(
    ("operator", "names"),
    [
        ("bedrock", "bedrock aws.bedrock aws_bedrock amazon_bedrock Amazon-Bedrock AWS.Bedrock"),
        ("azure-openai", "azure.ai.openai azure_openai az.ai.openai azure-openai"),
        ("azure", "azure azure.ai.inference az.ai.inference azure_ai"),
        ("vertex", "vertex gcp.vertex_ai vertex_ai google-vertex"),
        ("google", "google gcp.gemini gcp.gen_ai gemini"),
        ("mistral", "mistral mistral_ai mistralai"),
        ("xai", "xai x_ai x-ai"),
        ("ibm", "ibm ibm.watsonx.ai watsonx"),
        ("together", "together together_ai together.ai"),
        ("fireworks", "fireworks fireworks_ai fireworks-ai"),
        ("moonshot", "moonshot moonshot_ai moonshotai"),
        ("zai", "zai z-ai z.ai"),
        ("meta-llama-api", "meta-llama meta_llama"),
        ("perplexity", "perplexity"),
        ("groq", "groq Groq"),
        ("cohere", "cohere"),
        ("deepseek", "deepseek"),
        ("openrouter", "openrouter OpenRouter"),
        ("aws:eu-west-1", "aws:eu-west-1"),
    ],
)
def test_every_spelling_of_an_operator_finds_its_row(
    document: FactorDocument, operator: str, names: str
) -> None:
    found = [document.operator_row(name) for name in names.split()]

    assert {row.operator if row else None for row in found} == {operator}


@pytest.mark.parametrize("name", ["", " ", "_", "nobody", "aws.nowhere"])
def test_an_operator_that_nobody_knows_has_no_row(document: FactorDocument, name: str) -> None:
    assert document.operator_row(name) is None
