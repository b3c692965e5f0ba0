"""Every recorded report becomes exactly the rows that were worked out for it by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.common.secrets import Secret
from apps.telemetry.connectors.anthropic import AnthropicConnector
from apps.telemetry.connectors.base import BucketReading, Connector, Window
from apps.telemetry.connectors.identity import identity
from apps.telemetry.connectors.litellm import LiteLLMConnector
from apps.telemetry.connectors.openai import OpenAIConnector
from apps.telemetry.connectors.openrouter import OpenRouterConnector
from apps.telemetry.connectors.paging import read
from tests.telemetry.recorded import Answer, RecordedServer, load, recorded

EXPECTED = load("expected")
PATHS = {
    "openai.completions": "/organization/usage/completions",
    "openai.embeddings": "/organization/usage/embeddings",
    "anthropic.messages": "/v1/organizations/usage_report/messages",
    "openai.moderations": "/organization/usage/moderations",
    "openrouter.activity": "/activity",
    "litellm.spend_logs": "/spend/logs/v2",
}
KEY = Secret("sk-recorded")
NOW = datetime(2026, 11, 19, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 18, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def server() -> Iterator[RecordedServer]:
    with RecordedServer() as running:
        yield running


def connector_of(name: str, url: str) -> Connector:
    expected = EXPECTED[name]
    group_by = {expected["source"]: tuple(expected["group_by"])}
    width = {"1h": HOUR, "1d": DAY}[expected["bucket_width"]]
    if name.startswith("openai"):
        return OpenAIConnector(url, width, group_by)
    if name.startswith("anthropic"):
        return AnthropicConnector(url, width, group_by)
    if name.startswith("litellm"):
        return LiteLLMConnector(url, group_by)
    return OpenRouterConnector(url, group_by)


def playing(server: RecordedServer, *names: str) -> Connector:
    """A connector whose reports are answered by these recordings, in this order."""
    answers = [recorded(*name.split("/")) for name in names]
    server.plays(PATHS[EXPECTED[names[0]]["source"]], *answers)
    return connector_of(names[0], server.url)


def as_expected(buckets: tuple[BucketReading, ...]) -> list[dict[str, Any]]:
    fields = ("input_uncached", "input_cache_read", "input_cache_write", "input_total", "output")
    others = ("reasoning", "requests", "byok", "cache_read_known")
    return [
        {
            "bucket_start": f"{bucket.bucket_start:%Y-%m-%dT%H:%M:%SZ}",
            "bucket_end": f"{bucket.bucket_end:%Y-%m-%dT%H:%M:%SZ}",
            "is_provisional": bucket.is_provisional,
            "dims": row.dims,
            **{field: getattr(row, field) for field in (*fields, *others)},
            "cost_usd": row.cost_usd,
        }
        for bucket in buckets
        for row in bucket.rows
    ]


def expected_rows(name: str) -> list[dict[str, Any]]:
    """What an answer says nothing of costs, costs nobody knows what."""
    rows = EXPECTED[name]["rows"]
    costs = [row.get("cost_usd") for row in rows]
    return [
        {**row, "cost_usd": None if cost is None else Decimal(cost)}
        for row, cost in zip(rows, costs, strict=True)
    ]


def in_any_order(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(str(sorted((name, _plain(value)) for name, value in row.items())) for row in rows)


def _plain(value: object) -> str:
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_recorded_report_gives_the_expected_rows_and_totals(
    server: RecordedServer, name: str
) -> None:
    connector = playing(server, name)
    expected = EXPECTED[name]
    window = Window(MIDNIGHT - 7 * DAY, MIDNIGHT + DAY)
    if expected["source"] == "openrouter.activity":
        window = Window(MIDNIGHT - 7 * DAY, MIDNIGHT)
    if expected["source"] == "litellm.spend_logs":
        window = Window(MIDNIGHT, MIDNIGHT + HOUR)

    page = connector.poll(KEY, expected["source"], window, None, NOW)

    rows = [row for bucket in page.buckets for row in bucket.rows]
    assert in_any_order(as_expected(page.buckets)) == in_any_order(expected_rows(name))
    assert [row.flags for row in rows] == [()] * expected["totals"]["rows"]
    for quantity in ("input_uncached", "input_cache_read", "input_cache_write", "input_total"):
        assert sum(getattr(row, quantity) for row in rows) == expected["totals"][quantity]
    assert sum(row.output for row in rows) == expected["totals"]["output"]
    assert sum(row.requests or 0 for row in rows) == (expected["totals"]["requests"] or 0)
    assert all(bucket.quarantined == () for bucket in page.buckets)


@pytest.mark.parametrize(
    ("first", "second", "hours"),
    [
        ("openai/completions.page1", "openai/completions.page2-last", 6),
        ("anthropic/messages.page1", "anthropic/messages.page2-last", 6),
        ("openai/embeddings.page1", "openai/embeddings.page2-last", 48),
    ],
)
def test_two_pages_make_one_complete_reading(
    server: RecordedServer, first: str, second: str, hours: int
) -> None:
    connector = playing(server, first, second)
    start = MIDNIGHT - 2 * DAY if hours == 48 else MIDNIGHT
    window = Window(start, start + hours * HOUR)

    reading = read(connector, KEY, EXPECTED[first]["source"], window, NOW)

    starts = [bucket.bucket_start for bucket in reading.buckets]
    assert starts == list(window.starts(connector.bucket_width))
    assert as_expected(reading.buckets) == expected_rows(first) + expected_rows(second)
    cursors = [request.every("page") for request in server.requests]
    assert cursors == [[], [recorded(*first.split("/")).body["next_page"]]]
    bare = [[pair for pair in request.query if pair[0] != "page"] for request in server.requests]
    assert bare[0] == bare[1]


@pytest.mark.parametrize(
    "name", ["openai/completions", "anthropic/messages", "openrouter/activity"]
)
def test_a_revision_moves_quantities_but_no_identity(server: RecordedServer, name: str) -> None:
    before, after = f"{name}.page1", f"{name}.revised"
    if name.startswith("openrouter"):
        before = f"{name}.all"
    expected = EXPECTED[before]

    ids: list[set[bytes]] = []
    for recording in (before, after):
        connector = playing(server, recording)
        window = Window(MIDNIGHT - 7 * DAY, MIDNIGHT)
        if connector.bucket_width == HOUR:
            window = Window(MIDNIGHT, MIDNIGHT + 3 * HOUR)
        page = connector.poll(KEY, expected["source"], window, None, NOW)
        ids.append(
            {
                identity(
                    "con_1",
                    expected["source"],
                    connector.bucket_width,
                    bucket.bucket_start,
                    grouping=expected["group_by"],
                    dims=row.dims,
                )
                for bucket in page.buckets
                for row in bucket.rows
            }
        )

    def places(recording: str) -> set[str]:
        return {row["bucket_start"] + str(row["dims"]) for row in EXPECTED[recording]["rows"]}

    assert len(ids[0] & ids[1]) == len(places(before) & places(after)) > 0
    assert len(ids[0]) == len(EXPECTED[before]["rows"])
    assert len(ids[1]) == len(EXPECTED[after]["rows"])


def test_the_clipped_first_bucket_keeps_its_identity_and_is_provisional(
    server: RecordedServer,
) -> None:
    connector = playing(server, "openai/completions.unaligned-window")

    page = connector.poll(
        KEY, "openai.completions", Window(MIDNIGHT - 2 * DAY, MIDNIGHT + DAY), None, NOW
    )

    assert [bucket.bucket_start for bucket in page.buckets] == [
        MIDNIGHT - 2 * DAY,
        MIDNIGHT - DAY,
        MIDNIGHT,
    ]
    assert [bucket.is_provisional for bucket in page.buckets] == [True, False, True]


def test_an_openai_request_is_aligned_and_grouped(server: RecordedServer) -> None:
    server.plays(PATHS["openai.completions"], recorded("openai", "completions.page2-last"))

    OpenAIConnector(server.url).poll(
        KEY, "openai.completions", Window(MIDNIGHT, MIDNIGHT + 6 * HOUR), "cursor", NOW
    )

    (sent,) = server.requests
    assert sent.query == [
        ("start_time", "1794960000"),
        ("end_time", "1794981600"),
        ("bucket_width", "1h"),
        ("limit", "72"),
        ("group_by[]", "model"),
        ("group_by[]", "project_id"),
        ("group_by[]", "service_tier"),
        ("group_by[]", "batch"),
        ("page", "cursor"),
    ]
    assert sent.headers["authorization"] == "Bearer sk-recorded"


def test_an_anthropic_request_pins_the_version_and_asks_past_the_last_bucket(
    server: RecordedServer,
) -> None:
    server.plays(PATHS["anthropic.messages"], recorded("anthropic", "messages.page2-last"))
    now = MIDNIGHT + 5 * HOUR + timedelta(minutes=10, seconds=7)

    page = AnthropicConnector(server.url).poll(
        KEY, "anthropic.messages", Window(MIDNIGHT, MIDNIGHT + 5 * HOUR), None, now
    )

    (sent,) = server.requests
    assert sent.headers["anthropic-version"] == "2023-06-01"
    assert sent.headers["x-api-key"] == "sk-recorded"
    assert sent.every("ending_at") == ["2026-11-18T05:10:00Z"]
    assert sent.every("group_by[]") == [
        *("model", "workspace_id", "service_tier", "inference_geo", "context_window")
    ]
    assert max(bucket.bucket_start for bucket in page.buckets) == MIDNIGHT + 4 * HOUR
    assert page.warnings == ()


def test_openrouter_reads_one_day_by_date_and_more_in_one_call(server: RecordedServer) -> None:
    connector = OpenRouterConnector(server.url)
    server.plays("/activity", recorded("openrouter", "activity.all"))

    day = read(connector, KEY, "openrouter.activity", Window(MIDNIGHT - DAY, MIDNIGHT), NOW)
    week = read(connector, KEY, "openrouter.activity", Window(MIDNIGHT - 7 * DAY, MIDNIGHT), NOW)

    assert [request.query for request in server.requests] == [[("date", "2026-11-17")], []]
    assert [len(bucket.rows) for bucket in day.buckets] == [3]
    assert day.warnings == ("bucket_outside_window",)
    assert [len(bucket.rows) for bucket in week.buckets] == [0, 0, 0, 0, 0, 1, 3]
    assert week.warnings == ()


def test_the_raw_row_is_kept_without_addresses_and_keys(server: RecordedServer) -> None:
    row = {
        "date": "2026-11-17 00:00:00",
        "model": "a/b",
        "model_permaslug": "a/b",
        "endpoint_id": None,
        "requests": 1,
        "prompt_tokens": 1,
        "completion_tokens": 1,
        "usage": 0.25,
        "user": "someone@example.org",
        "key": "sk-or-v1-0123456789abcdef0123",
        "note": "nul \0 byte",
    }
    server.plays("/activity", Answer({"data": [row]}))
    connector = OpenRouterConnector(server.url)

    reading = read(connector, KEY, "openrouter.activity", Window(MIDNIGHT - DAY, MIDNIGHT), NOW)

    assert reading.buckets[0].rows[0].raw == {
        **row,
        "usage": "0.25",
        "user": "[address removed]",
        "key": "[key removed]",
        "note": "nul \N{REPLACEMENT CHARACTER} byte",
    }
