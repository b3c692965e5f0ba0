"""Which spans count, as what, and under which name."""

from datetime import timedelta
from typing import Any

import pytest

from tests.telemetry.otlp.sending import (
    CHAT,
    NOW,
    SPAN,
    START,
    TRACE,
    nanoseconds,
    only,
    received,
    span,
    tokens,
    traces,
)


def usage_of(values: dict[str, Any], **changes: Any) -> Any:
    return only(received("traces", traces(span(values, **changes)))).usage


def test_a_model_call_is_named_by_its_ids_and_timed_by_its_ends() -> None:
    used = usage_of(CHAT)

    assert (used.source, used.name) == ("otlp.span", f"span:{TRACE}:{SPAN}")
    assert (used.used_at, used.used_until) == (START, START + timedelta(seconds=2))
    assert (used.provider, used.model, used.requests) == ("openai", "gpt-4.1", 1)
    assert (used.input_uncached, used.output, used.reasoning) == (1000, 200, None)
    assert used.facts == {
        "operation": "chat",
        "request_model": "gpt-4.1",
        "service": "support-bot",
    }


def test_ids_are_the_same_in_either_case() -> None:
    assert usage_of(CHAT, traceId=TRACE.upper()).name == f"span:{TRACE}:{SPAN}"


@pytest.mark.parametrize(
    "operation",
    [
        "invoke_agent",
        "create_agent",
        "invoke_workflow",
        "execute_tool",
        "plan",
        "retrieval",
        "something_new",
    ],
)
def test_what_repeats_or_is_no_model_call_does_not_count(operation: str) -> None:
    values = {**CHAT, "gen_ai.operation.name": operation}

    mapped = received("traces", traces(span(values)))

    assert (mapped.usages, mapped.rejected, mapped.warnings) == ((), 0, ())


@pytest.mark.parametrize("operation", ["chat", "text_completion", "generate_content", "Embeddings"])
def test_model_calls_count_and_keep_their_operation(operation: str) -> None:
    used = usage_of({**CHAT, "gen_ai.operation.name": operation})

    assert used.facts["operation"] == operation


def test_without_an_operation_the_model_makes_it_a_model_call() -> None:
    values = {name: CHAT[name] for name in CHAT if name != "gen_ai.operation.name"}
    nameless = {name: values[name] for name in values if name != "gen_ai.request.model"}

    assert usage_of(values).model == "gpt-4.1"
    assert received("traces", traces(span(nameless))).usages == ()


def test_a_model_call_without_a_model_counts_as_not_attributed() -> None:
    values = {name: CHAT[name] for name in CHAT if name != "gen_ai.request.model"}

    assert usage_of(values).model is None


def test_the_model_that_answered_goes_before_the_one_asked_for() -> None:
    used = usage_of({**CHAT, "gen_ai.response.model": "gpt-4.1-2025-04-14"})

    assert used.model == "gpt-4.1-2025-04-14"
    assert used.facts["request_model"] == "gpt-4.1"


@pytest.mark.parametrize(
    "values", [{}, {"http.request.method": "POST"}, {"model": "x", "input_tokens": 5}]
)
def test_spans_of_other_things_are_passed_over_in_silence(values: dict[str, Any]) -> None:
    mapped = received("traces", traces(span(values, traceId="")))

    assert (mapped.usages, mapped.rejected, mapped.error_message) == ((), 0, "")


def test_older_and_newer_names_are_one_quantity_and_the_newer_goes_first() -> None:
    used = usage_of(
        {
            **CHAT,
            "gen_ai.usage.prompt_tokens": 999,
            "gen_ai.usage.completion_tokens": 199,
            "gen_ai.system": "azure",
        }
    )

    assert (used.input_uncached, used.output, used.provider) == (1000, 200, "openai")


@pytest.mark.parametrize(
    ("read", "written", "expected", "flags"),
    [
        (600, 100, (300, 600, 100, 200), ()),
        (900, 100, (0, 900, 100, 200), ()),
        (900, 101, (1000, 900, 101, 200), ("input_excludes_cache",)),
    ],
)
def test_cached_parts_are_taken_out_of_the_input_unless_they_cannot_be_in_it(
    read: int, written: int, expected: tuple[int, ...], flags: tuple[str, ...]
) -> None:
    values = {
        **CHAT,
        "gen_ai.usage.cache_read.input_tokens": read,
        "gen_ai.usage.cache_creation.input_tokens": written,
    }

    signal = only(received("traces", traces(span(values))))

    assert tokens(signal) == expected
    assert signal.usage.flags == flags


def test_reasoning_is_a_part_of_the_output() -> None:
    within = usage_of({**CHAT, "gen_ai.usage.reasoning.output_tokens": 150})
    beyond = usage_of({**CHAT, "gen_ai.usage.reasoning.output_tokens": 201})

    assert (within.output, within.reasoning, within.flags) == (200, 150, ())
    assert (beyond.output, beyond.reasoning) == (200, 200)
    assert beyond.flags == ("reasoning_exceeds_completion",)


@pytest.mark.parametrize(
    ("changes", "values", "reason"),
    [
        ({"traceId": ""}, {}, "no_ids"),
        ({"traceId": "0" * 32}, {}, "no_ids"),
        ({"spanId": "zz" * 8}, {}, "no_ids"),
        ({"spanId": SPAN[:-2]}, {}, "no_ids"),
        ({}, {"gen_ai.usage.input_tokens": -1}, "negative_count"),
        ({}, {"gen_ai.usage.output_tokens": 1.5}, "fractional_count"),
        ({}, {"gen_ai.usage.output_tokens": "many"}, "not_a_count"),
        ({}, {"gen_ai.usage.output_tokens": True}, "not_a_count"),
        ({}, {"gen_ai.usage.output_tokens": 10**15 + 1}, "count_too_large"),
        ({"startTimeUnixNano": 0, "endTimeUnixNano": "0"}, {}, "no_time"),
        ({"startTimeUnixNano": "soon"}, {}, "not_a_number"),
        (
            {"endTimeUnixNano": nanoseconds(NOW + timedelta(days=1, seconds=1))},
            {},
            "time_in_the_future",
        ),
        ({"startTimeUnixNano": str(2**64 - 1)}, {}, "time_in_the_future"),
    ],
)
def test_a_span_that_cannot_be_counted_is_rejected_alone(
    changes: dict[str, Any], values: dict[str, Any], reason: str
) -> None:
    bad = span({**CHAT, **values}, **changes)
    good = span(CHAT, spanId="eee19b7ec3c1b175")

    mapped = received("traces", traces(bad, good))

    assert (mapped.rejected, mapped.error_message) == (1, f"Not counted: 1 {reason}.")
    assert [signal.usage.name for signal in mapped.usages] == [f"span:{TRACE}:eee19b7ec3c1b175"]


def test_a_time_within_a_day_ahead_is_a_clock_that_is_fast() -> None:
    ahead = nanoseconds(NOW + timedelta(hours=23))

    assert usage_of(CHAT, endTimeUnixNano=ahead).used_at == START


@pytest.mark.parametrize("written", [1000, "1000", 1000.0, " 1000 ", "1000.0"])
def test_a_count_may_be_written_in_any_way(written: Any) -> None:
    assert usage_of({**CHAT, "gen_ai.usage.input_tokens": written}).input_uncached == 1000


@pytest.mark.parametrize(
    ("of_item", "of_resource", "expected"),
    [
        ({"developer.id": "a", "user.id": "b"}, {}, "a"),
        ({"user.id": "b"}, {"developer.id": "c"}, "c"),
        ({"enduser.id": "d", "user.email": "e@example.org"}, {"enduser.id": "f"}, "d"),
        ({"user.account_id": "g", "user.account_uuid": "h"}, {}, "h"),
        ({"user.id": " "}, {}, None),
    ],
)
def test_the_developer_is_the_first_of_the_known_names(
    of_item: dict[str, Any], of_resource: dict[str, Any], expected: str | None
) -> None:
    resource = {"service.name": "support-bot", **of_resource}

    signal = only(received("traces", traces(span({**CHAT, **of_item}), resource=resource)))

    assert signal.usage.developer_id == expected
    assert not {"a", "b", "c", "d", "g", "h"} & set(signal.usage.facts.values())


def test_project_region_and_session_are_read_where_senders_put_them() -> None:
    resource = {"service.name": "x", "project.name": "Search", "cloud.region": "EU-West-1"}
    values = {**CHAT, "session.id": "s1", "gen_ai.conversation.id": "c1"}

    signal = only(received("traces", traces(span(values), resource=resource)))

    assert (signal.usage.project_name, signal.usage.region) == ("Search", "eu-west-1")
    assert (signal.usage.session_id, signal.session_key) == ("s1", "s1")
    assert signal.usage.country is None


def test_a_conversation_is_a_session_that_metrics_do_not_know() -> None:
    signal = only(received("traces", traces(span({**CHAT, "gen_ai.conversation.id": "c1"}))))

    assert (signal.usage.session_id, signal.session_key) == ("c1", "")


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("bedrock-runtime.eu-central-1.amazonaws.com", "eu-central-1"),
        ("europe-west4-aiplatform.googleapis.com", "europe-west4"),
        ("api.openai.com", None),
    ],
)
def test_a_host_may_tell_the_region(host: str, region: str | None) -> None:
    assert usage_of({**CHAT, "server.address": host}).region == region


@pytest.mark.parametrize(
    ("resource", "tool", "provider"),
    [
        ({"service.name": "claude-code-desktop"}, "claude-code-desktop", "anthropic"),
        ({"service.name": "codex_cli_rs"}, "codex_cli_rs", "openai"),
        ({"service.name": "gemini-cli"}, "gemini-cli", "gcp.gemini"),
        ({"service.name": "openrouter"}, "openrouter", "openrouter"),
        ({"service.name": "openrouter-demo"}, "openrouter-demo", "unknown"),
        ({"service.name": "unknown_service:python"}, "unknown", "unknown"),
        ({}, "unknown", "unknown"),
    ],
)
def test_a_known_tool_has_a_provider_when_none_is_named(
    resource: dict[str, Any], tool: str, provider: str
) -> None:
    values = {name: CHAT[name] for name in CHAT if name != "gen_ai.provider.name"}

    signal = only(received("traces", traces(span(values), resource=resource)))

    assert (signal.tool, signal.usage.provider) == (tool, provider)


def test_claude_codes_own_span_has_its_own_names() -> None:
    values = {
        "gen_ai.system": "anthropic",
        "model": "claude-sonnet-5",
        "input_tokens": "10",
        "cache_read_tokens": "500",
        "cache_creation_tokens": "40",
        "output_tokens": "20",
        "session.id": "s1",
    }
    sent = span(values, name="claude_code.llm_request")

    signal = only(received("traces", traces(sent, resource={"service.name": "claude-code"})))

    assert tokens(signal) == (10, 500, 40, 20)
    assert (signal.usage.model, signal.usage.flags) == ("claude-sonnet-5", ())
