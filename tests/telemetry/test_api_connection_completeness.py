"""What of a connection's usage was read and what is missing, and whether the days add up."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.common import clock
from apps.telemetry.connectors.base import DayTotal
from apps.telemetry.models import ProviderConnection, ProviderTotal
from tests.telemetry.metering import DAY, HOUR, NOW, SOURCE, START, bucket, row, take
from tests.telemetry.using import CONNECTIONS as URL
from tests.telemetry.using import span


@pytest.fixture
def url(connection: ProviderConnection) -> str:
    return f"{URL}/{connection.public_id}"


def runs_of(body: Any, source: str = SOURCE) -> list[tuple[str, int]]:
    strip = next(one for one in body["strips"] if one["source"] == source)
    return [(run["state"], run["buckets"]) for run in strip["runs"]]


def test_the_strip_tells_what_was_read_what_is_provisional_missing_and_not_yet_due(
    program: APIClient, url: str, connection: ProviderConnection
) -> None:
    now = clock.now().replace(minute=0, second=0, microsecond=0)
    take(connection, bucket(0, row()), bucket(1), bucket(2, row(), provisional=True))
    ProviderConnection.objects.update(last_polled_at=NOW)

    past = program.get(f"{url}/completeness", span(START - HOUR, START + 5 * HOUR)).json()
    ahead = program.get(f"{url}/completeness", span(now - 3 * HOUR, now + 2 * HOUR)).json()

    told = [("missing", 1), ("seen", 2), ("provisional", 1), ("missing", 2)]
    assert runs_of(past) == told
    assert sum(number for _, number in runs_of(ahead)) == 5
    assert runs_of(ahead)[-1][0] == "not_yet_due"
    assert runs_of(past, "openai.embeddings") == [("missing", 6)]
    strip = past["strips"][0]
    assert strip["complete_until"] == "2026-11-18T02:00:00Z"
    assert strip["runs"][0]["start_time"] == "2026-11-17T23:00:00Z"


def test_a_bucket_that_a_span_begins_within_is_not_taken_for_missing(
    program: APIClient, url: str, connection: ProviderConnection
) -> None:
    take(connection, bucket(0, row()), bucket(1), bucket(2, row()))
    ProviderConnection.objects.update(last_polled_at=NOW)
    minutes = timedelta(minutes=18)

    body = program.get(f"{url}/completeness", span(START + minutes, START + 3 * HOUR)).json()

    assert runs_of(body) == [("seen", 3)]


def test_before_the_first_reading_nothing_is_missing(program: APIClient, url: str) -> None:
    body = program.get(f"{url}/completeness", span(START, START + DAY)).json()

    assert runs_of(body) == [("not_yet_due", 24)]


def total(connection: ProviderConnection, told: DayTotal) -> None:
    ProviderTotal.objects.create(
        workspace=connection.workspace,
        connection=connection,
        source=told.source,
        day=told.day,
        input_tokens=told.input_tokens,
        output_tokens=told.output_tokens,
        requests=told.requests,
        cost_usd=told.cost_usd,
        read_at=NOW,
    )


def test_the_providers_figures_stand_beside_ours_exactly(
    program: APIClient, url: str, connection: ProviderConnection
) -> None:
    large = 10**12 + 1
    take(connection, bucket(0, row("gpt-4.1", large, 500)), bucket(1, row("o3", 10, 20)))
    total(connection, DayTotal(SOURCE, START.date(), large + 12, 520, None, None))
    total(connection, DayTotal("openai.embeddings", START.date(), 7, 0, 1, None))

    body = program.get(f"{url}/completeness", span(START, START + DAY)).json()

    completions, embeddings = body["days"]
    assert completions["input_tokens"] == {
        "provider": large + 12,
        "ours": large + 10,
        "delta": -2,
    }
    assert completions["output_tokens"]["delta"] == 0
    assert completions["requests"] == {"provider": None, "ours": 6, "delta": None}
    assert embeddings["input_tokens"] == {"provider": 7, "ours": 0, "delta": -7}


@pytest.mark.parametrize("days", [1, 60])
def test_completeness_takes_the_same_queries_for_any_span(
    program: APIClient, url: str, connection: ProviderConnection, days: int
) -> None:
    take(connection, bucket(0, row()))
    for index in range(days):
        day = START.date() + timedelta(days=index)
        total(connection, DayTotal(SOURCE, day, 1, 1, 1, None))

    with CaptureQueriesContext(database) as queries:
        body = program.get(f"{url}/completeness", span(START, START + days * DAY)).json()

    assert len(body["days"]) == days
    assert sum("telemetry_" in query["sql"] for query in queries) == 5


@pytest.mark.parametrize(
    "asked", [span(START, START), span(START, START + 101 * DAY), {"start_time": "yesterday"}]
)
def test_a_span_that_is_none_is_refused(program: APIClient, url: str, asked: Any) -> None:
    assert program.get(f"{url}/completeness", asked).status_code == 400
