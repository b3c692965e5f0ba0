"""One spelling for a model, however a provider writes it."""

import pytest

from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.names import normalized_model_name
from apps.emissions.calc.resolve import resolve


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
        ("claude-opus-4-5@20251101", "claude-opus-4-5"),
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


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("o3-mini", "o3-mini*"),
        ("gpt-4o-mini", "gpt-4o-mini*"),
        ("gpt-4o-2024-08-06", "gpt-4o*"),
        ("gpt-4.1", "gpt-4-1"),
        ("claude-opus-4-8", "claude-opus-4-[5-9]*"),
        ("claude-opus-4-20250514", "claude-opus-4*"),
        ("accounts/fireworks/models/llama-v3p1-405b-instruct", "*llama*405b*"),
        ("something-mini-thinking", "*-thinking*"),
        ("something-large-non-reasoning", "*non-reasoning*"),
        ("some-new-model", "*"),
    ],
)
def test_the_first_matching_row_is_taken(document: FactorDocument, name: str, pattern: str) -> None:
    assert resolve(document, name).row.pattern == pattern


def test_every_row_but_the_guards_has_a_source_or_is_a_tier(document: FactorDocument) -> None:
    nameless = {row.provider for row in document.models if not row.source_url}

    assert nameless == {"*"}
