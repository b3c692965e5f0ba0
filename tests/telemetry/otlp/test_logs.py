"""Which log events count, as what, and under which name."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.telemetry.otlp.signals import EVENT, EVENT_WITH_ID, Signal
from tests.telemetry.otlp.sending import (
    NOW,
    START,
    logs,
    nanoseconds,
    only,
    received,
    record,
    tokens,
)

CLAUDE = {"service.name": "claude-code"}
CODEX = {"service.name": "codex_cli_rs"}
CALL = {
    "event.name": "api_request",
    "session.id": "s1",
    "model": "claude-sonnet-5",
    "input_tokens": "10",
    "cache_read_tokens": "500",
    "cache_creation_tokens": "40",
    "output_tokens": "20",
    "request_id": "req_1",
}
COMPLETED = {
    "event.name": "codex.sse_event",
    "event.kind": "response.completed",
    "conversation.id": "c1",
    "model": "gpt-5.1-codex-max",
    "input_token_count": 100,
    "cached_token_count": 60,
    "output_token_count": 30,
    "reasoning_token_count": 20,
    "tool_token_count": 130,
}


def signal_of(values: dict[str, Any], resource: dict[str, Any] = CLAUDE, **changes: Any) -> Signal:
    return only(received("logs", logs(record(values, **changes), resource=resource)))


def name_of(values: dict[str, Any], **changes: Any) -> str:
    return signal_of(values, **changes).usage.name


def test_claude_codes_input_is_without_the_cache() -> None:
    signal = signal_of(CALL)

    assert tokens(signal) == (10, 500, 40, 20)
    assert (signal.usage.requests, signal.usage.flags, signal.rank) == (1, (), EVENT_WITH_ID)


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        ({"event.name": "claude_code.api_request"}, {}),
        ({"event.name": None}, {"eventName": "claude_code.api_request"}),
        ({"event.name": None}, {"body": {"stringValue": "claude_code.api_request"}}),
    ],
)
def test_an_event_may_have_its_name_in_any_of_three_places(
    values: dict[str, Any], changes: dict[str, Any]
) -> None:
    named = {name: value for name, value in {**CALL, **values}.items() if value is not None}

    assert signal_of(named, **changes) == signal_of(CALL)


@pytest.mark.parametrize(
    ("values", "resource"),
    [
        ({**CALL, "event.name": "user_prompt"}, CLAUDE),
        ({**CALL, "event.name": "api_error"}, CLAUDE),
        (CALL, {"service.name": "something-else"}),
        ({"event.name": "api_request", "session.id": "s1"}, CLAUDE),
        ({**COMPLETED, "event.kind": "response.created"}, CODEX),
        ({**COMPLETED, "event.name": "codex.api_request"}, CODEX),
        (
            {"event.name": "gen_ai.client.inference.operation.details"},
            {"service.name": "gemini-cli"},
        ),
    ],
)
def test_other_events_are_passed_over_in_silence(
    values: dict[str, Any], resource: dict[str, Any]
) -> None:
    mapped = received("logs", logs(record(values), resource=resource))

    assert (mapped.usages, mapped.rejected, mapped.warnings) == ((), 0, ())


def test_a_request_id_names_the_call_whatever_else_is_said_of_it() -> None:
    assert name_of(CALL) == name_of({**CALL, "output_tokens": "21", "model": "other"})
    assert name_of(CALL) != name_of({**CALL, "request_id": "req_2"})
    assert name_of(CALL) != name_of(CALL, resource={"service.name": "claude-code-desktop"})


def test_the_clients_own_id_stands_in_for_a_missing_one() -> None:
    by_client = {**CALL, "request_id": "", "client_request_id": "9d0c1b2a"}

    assert signal_of(by_client).rank == EVENT_WITH_ID


def test_codex_counts_the_cache_within_the_input_and_has_no_ids() -> None:
    signal = signal_of(COMPLETED, CODEX)

    assert tokens(signal) == (40, 60, 0, 30)
    assert signal.usage.reasoning == 20
    assert (signal.rank, signal.session_key, signal.usage.provider) == (EVENT, "c1", "openai")


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        ({"conversation.id": "c2"}, {}),
        ({"model": "gpt-5.1"}, {}),
        ({"output_token_count": 31}, {}),
        ({}, {"timeUnixNano": nanoseconds(START + timedelta(milliseconds=1))}),
    ],
)
def test_an_event_without_an_id_is_named_by_all_that_tells_it_apart(
    values: dict[str, Any], changes: dict[str, Any]
) -> None:
    usual = name_of(COMPLETED, resource=CODEX)

    assert name_of(COMPLETED, resource=CODEX) == usual
    assert name_of({**COMPLETED, **values}, resource=CODEX, **changes) != usual


def test_gemini_clis_thoughts_are_added_to_its_output() -> None:
    values = {
        "event.name": "gemini_cli.api_response",
        "session.id": "s1",
        "model": "gemini-2.5-pro",
        "input_token_count": 100,
        "cached_content_token_count": 30,
        "output_token_count": 20,
        "thoughts_token_count": 50,
        "tool_token_count": 7,
    }

    signal = signal_of(values, {"service.name": "gemini-cli"})

    assert tokens(signal) == (70, 30, 0, 70)
    assert signal.usage.reasoning == 50
    assert signal.usage.flags == ("thoughts_added_to_output",)
    assert signal.usage.provider == "gcp.gemini"


@pytest.mark.parametrize(
    ("values", "changes", "expected"),
    [
        (
            {"event.timestamp": "2026-11-18T08:00:00.5Z"},
            {},
            datetime(2026, 11, 18, 8, 0, 0, 500000, UTC),
        ),
        ({"event.timestamp": "2026-11-18T10:00:00+01:00"}, {}, START),
        ({"event.timestamp": "2026-11-18T08:00:00"}, {}, START),
        ({"event.timestamp": "yesterday"}, {}, START),
        ({}, {"timeUnixNano": "0", "observedTimeUnixNano": nanoseconds(NOW)}, NOW),
    ],
)
def test_the_time_is_that_of_the_event_and_else_of_its_record(
    values: dict[str, Any], changes: dict[str, Any], expected: datetime
) -> None:
    used = signal_of({**CALL, **values}, **changes).usage

    assert (used.used_at, used.used_until) == (expected, expected)


def test_an_event_that_cannot_be_counted_is_rejected_alone() -> None:
    bad = record({**CALL, "input_tokens": "-3"})

    mapped = received("logs", logs(bad, record(CALL), resource=CLAUDE))

    assert (mapped.rejected, len(mapped.usages)) == (1, 1)
