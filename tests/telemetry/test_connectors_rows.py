"""How one row is counted: what is accepted, capped, flagged, skipped or set aside."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.common.outside import BusyError
from apps.telemetry.connectors.anthropic import AnthropicConnector
from apps.telemetry.connectors.base import Window
from apps.telemetry.connectors.openrouter import OpenRouterConnector
from apps.telemetry.connectors.paging import read
from tests.telemetry.pages import (
    DAY,
    HOUR,
    KEY,
    NOW,
    START,
    bucket,
    page,
    reading,
    row,
)
from tests.telemetry.recorded import Answer, RecordedServer


@pytest.fixture
def server() -> Iterator[RecordedServer]:
    with RecordedServer() as running:
        yield running


def test_rows_of_one_key_are_added(server: RecordedServer) -> None:
    rows = [row(model=None), row(model=""), row(model=None, input_tokens=1000), row()]

    got = reading(server, page(bucket(0, *rows), bucket(1), bucket(2)))

    merged, other = got.buckets[0].rows
    assert (merged.model, merged.dims["model"]) == (None, None)
    assert (merged.input_uncached, merged.input_cache_read) == (90 + 90 + 990, 30)
    assert (merged.output, merged.requests) == (15, 6)
    assert len(merged.raw["merged"]) == 3
    assert other.model == "gpt-4.1"
    assert got.warnings == ("model_missing (x3)",)


def test_counts_come_as_text_and_with_a_point_too(server: RecordedServer) -> None:
    counted = row(input_tokens="12", input_cached_tokens=3.0, output_tokens=10**15)

    got = reading(server, page(bucket(0, counted), bucket(1), bucket(2)))

    (one,) = got.buckets[0].rows
    assert (one.input_uncached, one.input_cache_read, one.output) == (9, 3, 10**15)


@pytest.mark.parametrize(
    ("fields", "reason", "value"),
    [
        ({"input_tokens": -1}, "negative_count", -1),
        ({"input_tokens": "-1"}, "negative_count", "-1"),
        ({"input_tokens": -0.5}, "negative_count", "-0.5"),
        ({"output_tokens": 1.5}, "fractional_count", "1.5"),
        ({"output_tokens": "1.5"}, "fractional_count", "1.5"),
        ({"output_tokens": "many"}, "not_a_count", "many"),
        ({"output_tokens": True}, "not_a_count", True),
        ({"output_tokens": None}, "missing_count", None),
        ({"num_model_requests": -3}, "negative_count", -3),
        ({"input_tokens": 10**15 + 1}, "count_too_large", 10**15 + 1),
        ({"input_tokens": 1e300}, "count_too_large", "1E+300"),
        ({"model": "m" * 201}, "name_too_long", "m" * 201),
        ({"model": ["m"]}, "not_a_name", ["m"]),
    ],
)
def test_a_row_that_cannot_be_counted_is_quarantined_alone(
    server: RecordedServer, fields: dict[str, Any], reason: str, value: object
) -> None:
    got = reading(server, page(bucket(0, row(**fields), row()), bucket(1), bucket(2)))

    (set_aside,) = got.buckets[0].quarantined
    (field,) = fields
    assert (set_aside["reason"], set_aside["field"]) == (reason, field)
    assert str(set_aside["value"]).upper() == str(value).upper()
    assert len(got.buckets[0].rows) == 1
    assert got.warnings == (f"row_quarantined: {reason} {field}",)


def test_a_number_too_long_to_hold_is_quarantined_quickly(server: RecordedServer) -> None:
    text = '{"data": [%s], "has_more": false, "next_page": null}'
    one = str(bucket(0, row(input_tokens=7))).replace("'", '"').replace(": 7", ": 1e999999999")

    got = reading(server, Answer((text % one).encode()))

    assert got.buckets[0].quarantined[0]["reason"] == "count_too_large"


@pytest.mark.parametrize(
    ("fields", "parts", "flags"),
    [
        ({}, (90, 10, 0), ()),
        ({"input_cache_write_tokens": 20}, (70, 10, 20), ()),
        ({"input_uncached_tokens": 90}, (90, 10, 0), ()),
        ({"input_uncached_tokens": 95}, (90, 10, 0), ("input_split_inconsistent",)),
        ({"input_cached_tokens": 150}, (0, 100, 0), ("input_split_inconsistent",)),
        (
            {"input_cached_tokens": 80, "input_cache_write_tokens": 50},
            (0, 80, 20),
            ("input_split_inconsistent",),
        ),
        ({"input_text_tokens": 7, "input_audio_tokens": 9}, (90, 10, 0), ()),
    ],
)
def test_the_parts_of_the_input_always_sum_to_the_total(
    server: RecordedServer,
    fields: dict[str, Any],
    parts: tuple[int, int, int],
    flags: tuple[str, ...],
) -> None:
    got = reading(server, page(bucket(0, row(**fields)), bucket(1), bucket(2)))

    (one,) = got.buckets[0].rows
    assert (one.input_uncached, one.input_cache_read, one.input_cache_write) == parts
    assert (one.input_total, one.flags, one.cache_read_known) == (100, flags, True)


def test_a_cache_the_source_is_silent_about_is_unknown(server: RecordedServer) -> None:
    silent = row()
    del silent["input_cached_tokens"]

    got = reading(server, page(bucket(0, silent), bucket(1), bucket(2)))

    (one,) = got.buckets[0].rows
    assert (one.input_cache_read, one.cache_read_known) == (0, False)


def test_rows_of_an_unknown_kind_are_skipped_with_a_warning(server: RecordedServer) -> None:
    strange = row(object="organization.usage.dreams.result")

    got = reading(server, page(bucket(0, strange, row()), bucket(1), bucket(2)))

    assert len(got.buckets[0].rows) == 1
    assert got.warnings == ("unknown_row_kind: organization.usage.dreams.result",)


def test_anthropic_keeps_unknown_values_and_counts_unknown_cache_lifetimes(
    server: RecordedServer,
) -> None:
    used = {
        "uncached_input_tokens": 5,
        "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_9h_input_tokens": 2},
        "cache_read_input_tokens": 3,
        "output_tokens": 4,
        "model": "claude-sonnet-5",
        "workspace_id": None,
        "service_tier": "express",
        "inference_geo": "eu",
    }
    edges = {"starting_at": "2026-11-18T01:00:00.000+01:00", "ending_at": "2026-11-18T01:00:00Z"}
    body = {"data": [{**edges, "results": [used]}], "has_more": False, "next_page": None}
    server.plays("/v1/organizations/usage_report/messages", Answer(body))
    anthropic = AnthropicConnector(server.url)

    got = read(anthropic, KEY, "anthropic.messages", Window(START, START + HOUR), NOW)

    (one,) = got.buckets[0].rows
    assert (one.input_cache_write, one.input_total, one.requests) == (3, 11, None)
    assert one.dims["service_tier"] == "express"
    assert got.warnings == (
        "unknown_cache_lifetime: ephemeral_9h_input_tokens",
        "unknown_inference_geo: eu",
        "unknown_service_tier: express",
    )


def test_openrouter_caps_what_exceeds_its_whole(server: RecordedServer) -> None:
    used = {
        "date": "2026-11-17",
        "model": "a/b",
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "cached_tokens": 15,
        "reasoning_tokens": 9,
        "requests": 1,
    }
    server.plays("/activity", Answer({"data": [used]}))

    got = read(
        OpenRouterConnector(server.url), KEY, "openrouter.activity", Window(START - DAY, START), NOW
    )

    (one,) = got.buckets[0].rows
    assert (one.input_uncached, one.input_cache_read, one.output, one.reasoning) == (0, 10, 4, 4)
    assert one.flags == ("cached_exceeds_prompt", "reasoning_exceeds_completion")


def test_rows_that_add_up_to_too_much_are_not_believed(server: RecordedServer) -> None:
    rows = [row(model=None, output_tokens=10**15), row(model="", output_tokens=1)]

    with pytest.raises(BusyError, match="more than can be counted"):
        reading(server, page(bucket(0, *rows), bucket(1), bucket(2)))
