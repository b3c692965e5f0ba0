"""The hours and events behind a total: pages, filters, and what is nobody's business."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.telemetry.models import ProviderConnection, TelemetryEvent
from apps.telemetry.services import retention
from apps.workspaces.models import Workspace
from tests.contract import ContractClient
from tests.factories import bearer, new_key
from tests.telemetry.metering import HOUR, NOW, START, bucket, row, take
from tests.telemetry.spread import push
from tests.telemetry.using import A_DAY as DAY
from tests.telemetry.using import SERIES, span

EVENTS, ROLLUPS = "/api/v1/telemetry/events", "/api/v1/telemetry/rollups"


def all_of(program: Any, url: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Every page, followed by its link."""
    body = program.get(url, asked).json()
    found: list[dict[str, Any]] = body["results"]
    while body["next"]:
        body = program.get(body["next"]).json()
        found += body["results"]
    return found


@pytest.mark.usefixtures("six_rows")
@pytest.mark.parametrize(("url", "moment"), [(EVENTS, "used_at"), (ROLLUPS, "hour")])
def test_pages_are_newest_first_and_miss_nothing(program: APIClient, url: str, moment: str) -> None:
    found = all_of(program, url, DAY | {"limit": 4})

    assert len(found) == 6
    moments = [row[moment] for row in found]
    assert moments == sorted(moments, reverse=True)
    assert len({str(row) for row in found}) == 6


@pytest.mark.parametrize("models", [1, 40])
@pytest.mark.parametrize("url", [EVENTS, ROLLUPS])
def test_a_page_takes_one_query_whatever_is_on_it(
    program: APIClient, connection: ProviderConnection, models: int, url: str
) -> None:
    take(connection, bucket(0, *(row(f"model-{number}") for number in range(models))))

    with CaptureQueriesContext(database) as queries:
        answer = program.get(url, DAY)

    assert len(answer.json()["results"]) == models
    assert sum("telemetry_" in query["sql"] for query in queries) == 1


@pytest.mark.parametrize("revisions", [0, 5])
def test_one_event_takes_the_same_queries_whatever_became_of_it(
    program: APIClient, connection: ProviderConnection, revisions: int
) -> None:
    for number in range(revisions + 1):
        take(connection, bucket(0, row("o3", 100 + number)), at=NOW + timedelta(minutes=number))
    event = TelemetryEvent.objects.get()

    with CaptureQueriesContext(database) as queries:
        answer = program.get(f"{EVENTS}/{event.public_id}")

    assert len(answer.json()["entries"]) == revisions + 1
    assert sum("telemetry_" in query["sql"] for query in queries) == 4  # event, bucket, run, lines


FACTS: list[tuple[dict[str, Any], str]] = [
    ({"customer": "acme"}, "customer"),
    ({"session_id": "s1"}, "session_id"),
    ({"source": "track"}, "pushed customer session_id"),
    ({"is_withdrawn": "true"}, "withdrawn"),
    ({"is_withdrawn": "false", "model": "o1"}, "metered"),
    ({"is_counted": "false"}, ""),
    ({"customer": "acme", "session_id": "s1"}, ""),
]


@pytest.mark.parametrize(("asked", "expected"), FACTS)
def test_events_are_found_by_what_they_carry(
    program: APIClient, connection: ProviderConnection, asked: dict[str, Any], expected: str
) -> None:
    take(connection, bucket(0, row("o1", output=1), row("o3", output=2)))
    take(connection, bucket(0, row("o1", output=1)), at=NOW + HOUR)
    push(connection.workspace, START, output=3)
    push(connection.workspace, START, output=4, customer="acme")
    push(connection.workspace, START, output=5, session_id="s1")
    names = {1: "metered", 0: "withdrawn", 3: "pushed", 4: "customer", 5: "session_id"}

    found = all_of(program, EVENTS, DAY | asked)

    assert {names[event["output_tokens"]] for event in found} == set(expected.split())


def test_the_start_is_inside_and_the_end_is_not(program: APIClient, workspace: Workspace) -> None:
    second = timedelta(seconds=1)
    for offset in (-1, 0, 59, 60):
        push(workspace, START + offset * second)

    found = all_of(program, EVENTS, span(START, START + 60 * second))

    assert [event["used_at"][-9:] for event in found] == ["00:00:59Z", "00:00:00Z"]


@pytest.mark.usefixtures("six_rows")
@pytest.mark.parametrize("end", ["start_time", "end_time"])
def test_rollups_are_asked_for_by_whole_hours(program: APIClient, end: str) -> None:
    asked = DAY | {end: DAY[end].replace(":00:00Z", ":00:01Z")}

    answer = program.get(ROLLUPS, asked)

    assert answer.status_code == 400
    assert list(answer.json()["error"]["details"]["fields"]) == [end]
    assert len(program.get(ROLLUPS, DAY).json()["results"]) == 6


def test_without_a_range_rollups_are_those_of_the_last_thirty_days(program: APIClient) -> None:
    assert program.get(ROLLUPS).json() == {"next": None, "previous": None, "results": []}
    assert program.get(EVENTS).json() == {"next": None, "previous": None, "results": []}


def test_test_events_are_shown_only_when_asked_for(
    program: APIClient, workspace: Workspace
) -> None:
    push(workspace, START, is_test=True)

    asked = DAY | {"include_test": "true"}
    shown = [len(program.get(url, asked).json()["results"]) for url in (EVENTS, ROLLUPS)]
    hidden = [len(program.get(url, DAY).json()["results"]) for url in (EVENTS, ROLLUPS)]

    assert (shown, hidden) == ([1, 1], [0, 0])
    (hour,) = program.get(ROLLUPS, asked).json()["results"]
    assert len(program.get(hour["links"]["events"]).json()["results"]) == 1


def test_another_workspaces_event_is_not_found(
    program: APIClient, six_rows: ProviderConnection, theirs: Workspace
) -> None:
    event = TelemetryEvent.objects.filter(connection=six_rows).first()
    assert event is not None
    stranger = APIClient(headers=bearer(new_key(theirs)))

    assert program.get(f"{EVENTS}/{event.public_id}").status_code == 200
    answer = stranger.get(f"{EVENTS}/{event.public_id}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "event_not_found"
    assert stranger.get(EVENTS, DAY).json()["results"] == []
    assert stranger.get(ROLLUPS, DAY).json()["results"] == []


@pytest.mark.usefixtures("six_rows")
@pytest.mark.parametrize(
    "unknown", ["evt_", "evt_00", f"evt_{'0' * 64}", f"EVT_{'0' * 64}", "évt", "%00", f"{'0' * 64}"]
)
def test_an_unknown_event_is_not_found(program: APIClient, unknown: str) -> None:
    assert program.get(f"{EVENTS}/{unknown}").status_code == 404


def test_an_events_name_has_one_spelling(program: APIClient, six_rows: ProviderConnection) -> None:
    event = TelemetryEvent.objects.filter(connection=six_rows).first()
    assert event is not None
    loud = f"evt_{event.public_id.removeprefix('evt_').upper()}"

    assert program.get(f"{EVENTS}/{loud}").status_code == (200 if loud == event.public_id else 404)


def test_a_payload_that_was_forgotten_is_told_from_one_that_is_kept(
    program: APIClient, six_rows: ProviderConnection, settings: Any
) -> None:
    event = TelemetryEvent.objects.filter(connection=six_rows).latest("pk")
    TelemetryEvent.objects.filter(pk=event.pk).update(created_at=START - 240 * HOUR)
    url = f"{EVENTS}/{event.public_id}"
    assert program.get(url).json()["is_raw_payload_expired"] is False

    settings.RAW_PAYLOAD_DAYS = 5
    retention.clear_raw_payloads(now=START)

    found = program.get(url).json()
    assert (found["raw_payload"], found["is_raw_payload_expired"]) == (None, True)
    assert found["calculation"] is not None


def test_a_pushed_event_has_no_meter_behind_it(program: APIClient, workspace: Workspace) -> None:
    push(workspace, START, developer_id="somebody@example.com", session_id="s1")
    event = TelemetryEvent.objects.get()

    answer = program.get(f"{EVENTS}/{event.public_id}")

    body = answer.json()
    assert (body["connection"], body["bucket"], body["poll_run"]) == (None, None, None)
    assert body["raw_payload"] is None
    assert b"somebody" not in answer.content
    assert len(body["entries"]) == 1


def test_the_answers_keep_the_contract(workspace: Workspace, six_rows: ProviderConnection) -> None:
    client = ContractClient(new_key(workspace))
    push(six_rows.workspace, START, customer="acme", session_id="s", developer_id="d")
    names = ("summary", "timeseries", "models", "events", "rollups")
    event = TelemetryEvent.objects.filter(connection=six_rows).first()
    assert event is not None

    answers = [
        *(client.get(f"/api/v1/telemetry/{name}", DAY) for name in (*names, "footprint")),
        *(
            client.get("/api/v1/telemetry/sci", DAY | {"unit": unit})
            for unit in ("request", "1k_tokens", "1k_output_tokens", "session", "developer")
        ),
        client.get("/api/v1/telemetry/sci", DAY | {"units": "12.5"}),
        client.get(SERIES, DAY | {"split_by": "token_kind"}),
        client.get(f"{EVENTS}/{event.public_id}"),
        client.get(f"/api/v1/workspaces/{workspace.public_id}/reports/summary"),
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert client.get(f"{EVENTS}/evt_nothing").status_code == 404
    empty = span(START - 2 * HOUR, START - HOUR)
    assert client.get("/api/v1/telemetry/sci", empty | {"unit": "request"}).status_code == 422
