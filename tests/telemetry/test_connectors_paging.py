"""Pages and buckets that do not fit together, and the windows that are asked for."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.http import BusyError, RefusedError
from apps.telemetry.connectors.anthropic import AnthropicConnector
from apps.telemetry.connectors.base import Window, floor
from apps.telemetry.connectors.openai import OpenAIConnector
from apps.telemetry.connectors.openrouter import OpenRouterConnector
from apps.telemetry.connectors.paging import read
from tests.telemetry.pages import (
    DAY,
    HOUR,
    KEY,
    NOW,
    PATH,
    SOURCE,
    START,
    WINDOW,
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


def malformed(server: RecordedServer, *answers: Answer) -> bool:
    with pytest.raises(BusyError) as busy:
        reading(server, *answers)
    return busy.value.kind == "malformed_response"


def test_more_without_a_cursor_is_malformed(server: RecordedServer) -> None:
    assert malformed(server, Answer({"data": [bucket(0)], "has_more": True, "next_page": None}))
    assert malformed(server, Answer({"data": [bucket(0)], "has_more": True}))
    assert malformed(server, Answer({"data": [bucket(0)], "next_page": "c"}))


def test_a_repeated_cursor_is_malformed(server: RecordedServer) -> None:
    assert malformed(server, page(bucket(0), cursor="a"), page(bucket(1), cursor="a"))
    assert len(server.requests) == 2


def test_more_pages_than_the_window_has_buckets_are_malformed(server: RecordedServer) -> None:
    assert malformed(server, *(page(cursor=f"c{n}") for n in range(20)))
    assert len(server.requests) == 5


def test_a_failure_on_a_later_page_gives_nothing(server: RecordedServer) -> None:
    first = page(bucket(0, row()), cursor="a")

    assert malformed(server, first, Answer(b'{"data": [', fault="cut"))
    with pytest.raises(RefusedError) as refused:
        reading(server, first, Answer({"error": {"code": "invalid_api_key"}}, 401))
    assert refused.value.kind == "auth"


def test_a_refused_cursor_is_restarted_once(server: RecordedServer) -> None:
    first, refused = page(bucket(0, row()), cursor="a"), Answer({"error": {}}, 400)

    again = reading(server, first, refused, first, page(bucket(1), bucket(2)))

    assert [len(one.rows) for one in again.buckets] == [1, 0, 0]
    with pytest.raises(RefusedError):
        reading(server, first, refused, first, refused)
    assert len(server.requests) == 8


def test_the_later_of_two_readings_of_a_bucket_wins(server: RecordedServer) -> None:
    older, newer = bucket(1, row()), bucket(1, row(input_tokens=200))

    got = reading(server, page(bucket(0), older, cursor="a"), page(newer, bucket(2)))

    assert [one.input_total for one in got.buckets[1].rows] == [200]
    assert got.warnings == ("duplicate_bucket",)


def test_half_a_bucket_never_replaces_a_whole_one(server: RecordedServer) -> None:
    whole, half = bucket(1, row()), bucket(1, row(input_tokens=50), minutes=30)

    for order in ((whole, half), (half, whole)):
        got = reading(server, page(bucket(0), *order, bucket(2)))
        assert [one.input_total for one in got.buckets[1].rows] == [100]
        assert not got.buckets[1].is_provisional


def test_buckets_come_ascending_complete_and_inside_the_window(server: RecordedServer) -> None:
    got = reading(server, page(bucket(2, row()), bucket(0), bucket(-1, row()), bucket(3, row())))

    assert [one.bucket_start for one in got.buckets] == list(WINDOW.starts(HOUR))
    assert [len(one.rows) for one in got.buckets] == [0, 0, 1]
    assert got.warnings == ("bucket_not_listed", "bucket_outside_window (x2)")


def test_a_bucket_still_running_is_told_but_never_made_up(server: RecordedServer) -> None:
    openai = OpenAIConnector(server.url)
    window = Window(START, START + 5 * HOUR)
    server.plays(PATH, page(bucket(0), bucket(1), bucket(2), bucket(3, row(), minutes=20)))

    got = read(openai, KEY, SOURCE, window, NOW)

    assert [one.is_provisional for one in got.buckets] == [False, False, False, True]


def test_a_window_off_the_grid_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="boundaries"):
        read(OpenAIConnector(), KEY, SOURCE, Window(START, NOW), NOW)
    with pytest.raises(ValueError, match="empty"):
        Window(START, START)


@pytest.mark.parametrize(
    "edges",
    [
        {"start_time": None},
        {"end_time": None},
        {"start_time": "soon"},
        {"start_time": 10**18},
        {"end_time": int((START + 2 * HOUR).timestamp())},
        {"end_time": int(START.timestamp())},
    ],
)
def test_a_bucket_without_usable_edges_is_malformed(
    server: RecordedServer, edges: dict[str, Any]
) -> None:
    assert malformed(server, page({**bucket(0), **edges}))


def test_the_hourly_window_looks_back_six_hours_and_ends_with_the_last_full_hour() -> None:
    for connector in (OpenAIConnector(), AnthropicConnector()):
        until = START + 3 * HOUR
        assert connector.window(until, NOW) == Window(until - 6 * HOUR, until)
        assert connector.window(None, NOW) == Window(until - 60 * DAY, until)
        assert connector.window(until - 90 * DAY, NOW) == Window(until - 60 * DAY, until)


def test_the_daily_window_has_completed_days_only() -> None:
    openrouter = OpenRouterConnector()

    assert openrouter.window(START - DAY, NOW) == Window(START - 8 * DAY, START)
    assert openrouter.window(None, NOW) == Window(START - 30 * DAY, START)
    early = START + timedelta(minutes=30)
    assert openrouter.window(START - DAY, early) == Window(START - 8 * DAY, START - DAY)
    late = START - timedelta(minutes=5)
    assert openrouter.window(None, late) == Window(START - 30 * DAY, START - DAY)


def test_no_window_where_the_cursor_is_ahead_of_the_clock() -> None:
    assert OpenAIConnector().window(NOW + DAY, NOW) is None


@given(moment=st.datetimes(min_value=datetime(1971, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_a_moment_lies_in_its_bucket(moment: datetime) -> None:
    for width in (timedelta(minutes=1), HOUR, DAY):
        start = floor(moment, width)
        assert start <= moment < start + width
        assert floor(start, width) == start
