"""Which points count, as what, and under which name."""

from datetime import timedelta
from typing import Any

import pytest

from apps.telemetry.otlp.signals import SeriesPoint
from tests.telemetry.otlp.sending import (
    NOW,
    START,
    binary,
    counter,
    metrics,
    nanoseconds,
    only,
    point,
    received,
    received_binary,
    tokens,
)

INPUT = {"type": "input", "model": "claude-sonnet-5", "session.id": "s1"}
GENERAL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "OpenAI",
    "gen_ai.request.model": "gpt-4.1",
    "gen_ai.token.type": "input",
}


def histogram(*points: dict[str, Any], temporality: int = 1, **changes: Any) -> dict[str, Any]:
    data = {"aggregationTemporality": temporality, "dataPoints": list(points)}
    return {"name": "gen_ai.client.token.usage", "histogram": data, **changes}


def recordings(values: dict[str, Any], count: int, total: float | None) -> dict[str, Any]:
    sent = {key: value for key, value in point(values, 0).items() if key != "asDouble"}
    return {**sent, "count": str(count), **({} if total is None else {"sum": total})}


def name_of(metric: dict[str, Any], resource: dict[str, Any] | None = None) -> str:
    return only(received("metrics", metrics(metric, resource=resource))).usage.name


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("input", (7, 0, 0, 0)),
        ("cacheRead", (0, 7, 0, 0)),
        ("cacheCreation", (0, 0, 7, 0)),
        ("output", (0, 0, 0, 7)),
    ],
)
def test_a_point_is_one_usage_of_one_kind_of_tokens(kind: str, expected: tuple[int, ...]) -> None:
    signal = only(received("metrics", metrics(counter(point({**INPUT, "type": kind}, 7)))))

    assert tokens(signal) == expected
    used = signal.usage
    assert (used.requests, used.provider, used.model) == (None, "anthropic", "claude-sonnet-5")
    assert used.used_at == used.used_until == START + timedelta(minutes=1)


def test_an_unknown_kind_of_tokens_is_not_counted_and_said_so() -> None:
    mapped = received("metrics", metrics(counter(point({**INPUT, "type": "audio"}, 7))))

    assert (mapped.usages, mapped.rejected) == ((), 0)
    assert mapped.warnings == (
        "claude_code.token.usage: an unknown type of tokens is not counted.",
    )


@pytest.mark.parametrize(
    "name", ["claude_code.cost.usage", "gen_ai.client.inference.tokens", "http.server.duration"]
)
def test_other_metrics_are_passed_over_in_silence(name: str) -> None:
    mapped = received("metrics", metrics(counter(point(INPUT, 0.5), name=name)))

    assert (mapped.usages, mapped.rejected, mapped.warnings) == ((), 0, ())


@pytest.mark.parametrize(
    ("value", "reason"),
    [(-1.0, "negative_count"), (0.5, "fractional_count"), ("NaN", "not_a_count")],
)
def test_a_point_that_cannot_be_counted_is_rejected_alone(value: Any, reason: str) -> None:
    good = point({**INPUT, "type": "output"}, 5)

    mapped = received("metrics", metrics(counter(point(INPUT, value), good)))

    assert (mapped.rejected, mapped.error_message) == (1, f"Not counted: 1 {reason}.")
    assert [tokens(signal) for signal in mapped.usages] == [(0, 0, 0, 5)]


def test_a_time_in_the_future_is_rejected() -> None:
    late = nanoseconds(NOW + timedelta(days=2))

    assert received("metrics", metrics(counter(point(INPUT, 1, timeUnixNano=late)))).rejected == 1


def test_gemini_clis_kinds_repeat_each_other_in_part() -> None:
    sent = [
        point({"type": kind, "model": "gemini-2.5-pro"}, value)
        for kind, value in [
            ("input", 100),
            ("cache", 60),
            ("output", 20),
            ("thought", 50),
            ("tool", 9),
        ]
    ]

    mapped = received("metrics", metrics(counter(*sent, name="gemini_cli.token.usage")))

    assert [tokens(signal) for signal in mapped.usages] == [
        (100, 0, 0, 0),
        (0, 0, 0, 20),
        (0, 0, 0, 50),
    ]
    assert [signal.usage.reasoning for signal in mapped.usages] == [None, None, 50]
    assert [signal.usage.flags for signal in mapped.usages] == [
        ("input_includes_cache",),
        (),
        ("thoughts_added_to_output",),
    ]
    assert mapped.warnings == ()


def test_a_histograms_tokens_are_its_sum_and_its_calls_the_count_of_its_input() -> None:
    sent = histogram(
        recordings(GENERAL, 3, 4200.0),
        recordings({**GENERAL, "gen_ai.token.type": "output"}, 3, 900.0),
    )

    mapped = received("metrics", metrics(sent, resource={"service.name": "support-bot"}))

    assert [tokens(signal) for signal in mapped.usages] == [(4200, 0, 0, 0), (0, 0, 0, 900)]
    assert [signal.usage.requests for signal in mapped.usages] == [3, None]
    assert {signal.usage.provider for signal in mapped.usages} == {"openai"}
    assert {signal.tool for signal in mapped.usages} == {"support-bot"}


def test_a_histogram_of_agents_repeats_the_calls_of_the_models() -> None:
    sent = histogram(recordings({**GENERAL, "gen_ai.operation.name": "invoke_agent"}, 1, 5.0))

    assert received("metrics", metrics(sent)).usages == ()


def test_a_histogram_without_a_sum_is_not_counted_and_said_so() -> None:
    mapped = received("metrics", metrics(histogram(recordings(GENERAL, 3, None))))

    assert (mapped.usages, mapped.rejected, len(mapped.warnings)) == ((), 0, 1)


def test_an_exponential_histogram_counts_like_a_plain_one() -> None:
    data = histogram(recordings(GENERAL, 3, 4200.0))["histogram"]

    sent = {"name": "gen_ai.client.token.usage", "exponentialHistogram": data}

    assert tokens(only(received("metrics", metrics(sent)))) == (4200, 0, 0, 0)


@pytest.mark.parametrize(
    "metric",
    [
        {"name": "claude_code.token.usage", "gauge": {"dataPoints": [point(INPUT, 1)]}},
        counter(point(INPUT, 1), temporality=0),
        {
            "name": "claude_code.token.usage",
            "sum": {"aggregationTemporality": 2, "dataPoints": [point(INPUT, 1)]},
        },
    ],
)
def test_what_does_not_add_up_is_not_counted_and_said_so(metric: dict[str, Any]) -> None:
    mapped = received("metrics", metrics(metric))

    assert (mapped.usages, mapped.series, mapped.rejected) == ((), (), 0)
    assert len(mapped.warnings) == 1


@pytest.mark.parametrize("changes", [{"asDouble": 0.0}, {"flags": 1}])
def test_a_point_of_nothing_adds_nothing(changes: dict[str, Any]) -> None:
    mapped = received("metrics", metrics(counter(point(INPUT, 5, **changes))))

    assert (mapped.usages, mapped.rejected) == ((), 0)


@pytest.mark.parametrize(
    "other",
    [
        counter(point({**INPUT, "anything": "else"}, 7)),
        counter(point({**INPUT, "anything": ["a", {"b": 1}]}, 7)),
        counter(point(INPUT, 7, startTimeUnixNano=nanoseconds(START + timedelta(seconds=1)))),
        counter(point(INPUT, 7, timeUnixNano=nanoseconds(START + timedelta(seconds=61)))),
    ],
)
def test_an_interval_is_named_by_its_ends_and_every_attribute(other: dict[str, Any]) -> None:
    usual = name_of(counter(point(INPUT, 7)))

    assert name_of(counter(point(INPUT, 8))) == usual, "never by its value"
    assert name_of(other) != usual
    assert name_of(counter(point(INPUT, 7)), {"service.name": "claude-code", "pid": 7}) != usual


def test_attributes_have_no_order() -> None:
    backwards = dict(reversed(INPUT.items()))

    assert name_of(counter(point(backwards, 7))) == name_of(counter(point(INPUT, 7)))


def test_both_forms_name_a_point_alike() -> None:
    values = {**INPUT, "list": [1, "a", 2.5, True], "map": {"b": {"c": []}}, "empty": ""}
    body = metrics(counter(point(values, 7)), histogram(recordings(GENERAL, 3, 4200.0)))

    assert received_binary("metrics", binary("metrics", body)) == received("metrics", body)


def test_a_running_total_is_a_step_of_its_series() -> None:
    sent = counter(point(INPUT, 1600), temporality=2)

    mapped = received("metrics", metrics(sent))

    (step,) = mapped.series
    assert mapped.usages == ()
    assert (step.start_time, step.time) == (START, START + timedelta(minutes=1))
    assert (step.value, step.requests, step.column) == (1600, None, "input_uncached")
    assert tokens(step.signal(600, None)) == (600, 0, 0, 0)
    assert tokens(step.template) == (0, 0, 0, 0)


def series_of(metric: dict[str, Any]) -> SeriesPoint:
    (step,) = received("metrics", metrics(metric)).series
    return step


def test_a_series_is_the_same_at_any_time_and_value() -> None:
    one = series_of(counter(point(INPUT, 1), temporality=2))
    later = nanoseconds(START + timedelta(minutes=5))
    other = series_of(counter(point(INPUT, 9, timeUnixNano=later), temporality=2))

    assert one.series == other.series
    assert one.template.usage.name != other.template.usage.name


@pytest.mark.parametrize("start", ["0", nanoseconds(START + timedelta(minutes=1))])
def test_a_start_that_is_not_before_the_point_is_unknown(start: str) -> None:
    sent = counter(point(INPUT, 9, startTimeUnixNano=start), temporality=2)

    assert series_of(sent).start_time is None


@pytest.mark.parametrize(
    ("version", "flags"), [("2.1.213", ("may_be_counted_too_high",)), ("2.1.214", ()), ("new", ())]
)
def test_an_old_claude_codes_metric_is_doubtful(version: str, flags: tuple[str, ...]) -> None:
    values = {**INPUT, "app.version": version}

    assert only(received("metrics", metrics(counter(point(values, 7))))).usage.flags == flags


def test_an_endless_number_is_rejected_where_it_counts_and_else_a_name_like_any_other() -> None:
    endless = "1" + "0" * 5000
    counted = point(INPUT, 7)
    counted["attributes"].append({"key": "n", "value": {"intValue": endless}})

    mapped = received("metrics", metrics(counter(counted, point(INPUT, 7, asInt=endless))))

    assert (len(mapped.usages), mapped.error_message) == (1, "Not counted: 1 not_a_count.")
