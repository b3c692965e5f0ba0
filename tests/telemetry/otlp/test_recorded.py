"""The documented exports of each sender count as their documentation says."""

from base64 import b64decode
from collections.abc import Iterable
from typing import Any

import pytest

from apps.telemetry.otlp import packing
from apps.telemetry.otlp.errors import BadDataError
from apps.telemetry.otlp.series import SeriesState, advance
from apps.telemetry.otlp.signals import GENERAL_METRIC, OWN_METRIC, Mapped, Signal
from tests.telemetry.otlp.sending import COLUMNS, load, received, received_binary

EXPORTS = load("exports")
EXPECTED = load("expected")
BINARY = load("binary")
ADDED_UP = [name for name, expected in EXPECTED.items() if "counted" in expected]
RUNNING = [name for name, expected in EXPECTED.items() if "adds" in expected]


def totals(signals: Iterable[Signal]) -> dict[str, Any]:
    usages = [signal.usage for signal in signals]
    found: dict[str, Any] = {
        column: sum(getattr(usage, column) for usage in usages) for column in COLUMNS
    }
    known = [usage.requests for usage in usages if usage.requests is not None]
    return {**found, "requests": sum(known) if known or not usages else None}


def grown(mapped: Mapped, states: dict[bytes, SeriesState]) -> list[Signal]:
    signals = []
    for point in mapped.series:
        growth, states[point.series] = advance(states.get(point.series), point)
        signals.append(point.signal(growth.tokens, growth.requests))
    return signals


def made_of(name: str) -> Mapped:
    return received(EXPORTS[name]["kind"], EXPORTS[name]["body"])


@pytest.mark.parametrize("name", [name for name in ADDED_UP if "histogram" not in name])
def test_an_export_counts_as_its_senders_documentation_says(name: str) -> None:
    mapped = made_of(name)

    expected = EXPECTED[name]["counted"]
    assert totals(mapped.usages) == {key: expected[key] for key in (*COLUMNS, "requests")}
    assert (mapped.rejected, mapped.warnings, mapped.series) == (0, (), ())


@pytest.mark.parametrize("name", [n for n in EXPECTED if "by_model" in EXPECTED[n]])
def test_an_export_counts_for_each_model(name: str) -> None:
    mapped = made_of(name)

    for model, expected in EXPECTED[name]["by_model"].items():
        assert totals(one for one in mapped.usages if one.usage.model == model) == expected


def test_the_event_and_the_metric_of_the_same_calls_are_of_one_session() -> None:
    found = {
        (signal.tool, signal.session_key, signal.rank)
        for name in ("claude_code.delta", "claude_code.api_request")
        for signal in made_of(name).usages
    }

    session = "0a9b1c2d-3e4f-4a5b-8c6d-7e8f90a1b2c3"
    assert found == {("claude-code", session, 1), ("claude-code", session, 4)}


def test_a_running_total_adds_its_growth_and_starts_anew_after_a_restart() -> None:
    states: dict[bytes, SeriesState] = {}

    for name in RUNNING:
        assert totals(grown(made_of(name), states)) == EXPECTED[name]["adds"]
        assert totals(grown(made_of(name), states)) == {
            **dict.fromkeys(COLUMNS, 0),
            "requests": None,
        }


def test_of_two_metrics_with_the_same_tokens_the_tools_own_ranks_higher() -> None:
    mapped = made_of("genai.token-usage-histogram")

    found = {signal.rank: signal for signal in grown(mapped, {})}
    assert found.keys() == {GENERAL_METRIC, OWN_METRIC}
    assert [found[rank].usage.input_uncached for rank in (0, 1)] == [4200, 4200]
    assert [found[rank].usage.requests for rank in (0, 1)] == [3, None]
    assert {signal.tool for signal in found.values()} == {"gemini-cli"}


def test_the_route_is_the_provider_of_what_openrouter_sends() -> None:
    (signal,) = made_of("openrouter-broadcast").usages

    assert (signal.usage.provider, signal.tool) == ("openrouter", "openrouter")
    assert signal.usage.facts["upstream"] == "openai"
    assert signal.usage.model == "openai/gpt-4.1-2025-04-14"
    assert (signal.usage.session_id, signal.usage.developer_id) == ("session_abc", "user_12345")


def test_the_older_name_of_the_provider_is_read_in_lower_case() -> None:
    (signal,) = made_of("genai.deprecated-names").usages

    assert signal.usage.provider == EXPECTED["genai.deprecated-names"]["provider"]


@pytest.mark.parametrize("case", [case for case in BINARY if case["same_as"]])
def test_the_binary_form_means_the_same_as_the_written_one(case: dict[str, Any]) -> None:
    body = packing.unpacked(b64decode(case["body_base64"]), case["encoding"])

    assert received_binary(case["kind"], body) == made_of(case["same_as"])


def test_a_binary_export_that_was_cut_off_is_bad_data() -> None:
    (case,) = [case for case in BINARY if not case["same_as"]]

    with pytest.raises(BadDataError):
        received_binary(case["kind"], b64decode(case["body_base64"]))


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_read_again_is_the_same(name: str) -> None:
    assert made_of(name) == made_of(name)
