"""What may be asked of a report: spans, projects, test events; and what it costs the database."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.emissions.selectors import current_factors
from apps.telemetry.connectors.base import Account
from apps.telemetry.models import ProviderConnection, TelemetryEvent
from apps.telemetry.services import ledger
from apps.telemetry.services.valuation import Metered
from apps.workspaces.models import Workspace
from tests.factories import ProjectFactory
from tests.telemetry.metering import (
    HOUR,
    NOW,
    START,
    bucket,
    connected,
    row,
    take,
)
from tests.telemetry.spread import push
from tests.telemetry.using import A_DAY as DAY
from tests.telemetry.using import SERIES, SUMMARY, span

REPORTS = [f"/api/v1/telemetry/{name}" for name in ("models", "events", "rollups", "footprint")]
SCI = "/api/v1/telemetry/sci"


@pytest.mark.parametrize("url", [SUMMARY, SERIES, SCI, *REPORTS])
@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"start_time": "2026-11-18T00:00:00"}, "start_time"),
        ({"end_time": "2026-11-18 00:00:00"}, "end_time"),
        ({"start_time": "2026-11-18"}, "start_time"),
        ({"start_time": "yesterday"}, "start_time"),
        (span(START, START), "start_time"),
        (span(START + HOUR, START), "start_time"),
        (span(START - timedelta(days=800), START), "start_time"),
        ({"end_time": "0001-01-01T00:00:00Z"}, "end_time"),
        ({"include_test": "perhaps"}, "include_test"),
        ({"colour": "green"}, "colour"),
    ],
)
def test_a_query_that_makes_no_sense_is_400_in_the_envelope(
    program: APIClient, url: str, asked: dict[str, Any], field: str
) -> None:
    answer = program.get(url, asked | ({"unit": "request"} if url == SCI else {}))

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "validation_error"
    assert field in error["details"]["fields"]


@pytest.mark.parametrize("url", [SUMMARY, SERIES, *REPORTS[:3]])
@pytest.mark.parametrize(
    "asked", [{"project_id": "nobody"}, {"model": "x" * 201}, {"connection_id": "c" * 41}]
)
def test_what_a_report_is_narrowed_to_is_checked(
    program: APIClient, url: str, asked: dict[str, str]
) -> None:
    answer = program.get(url, asked)

    assert answer.status_code == 400
    assert list(answer.json()["error"]["details"]["fields"]) == list(asked)


@pytest.mark.parametrize("asked", [{"step": "year"}, {"split_by": "colour"}])
def test_a_series_has_known_steps_and_splits(program: APIClient, asked: dict[str, Any]) -> None:
    answer = program.get(SERIES, asked)

    assert answer.status_code == 400
    assert list(answer.json()["error"]["details"]["fields"]) == list(asked)


def test_hourly_steps_are_given_for_three_months_at_most(program: APIClient) -> None:
    asked = span(START - timedelta(days=93), START)

    assert program.get(SERIES, asked | {"step": "hour"}).status_code == 400
    assert program.get(SERIES, asked | {"step": "day"}).status_code == 200


@pytest.mark.usefixtures("six_rows")
def test_a_report_of_one_project_counts_only_what_was_routed_there(
    program: APIClient, workspace: Workspace, theirs: Workspace
) -> None:
    project = ProjectFactory.create(workspace=workspace)
    other = connected(workspace, account=Account("b", "B"), project_id=project.public_id)
    take(other, bucket(0, row("o1", 7, 8)))

    only = program.get(SUMMARY, DAY | {"project_id": str(project.public_id)}).json()
    series = program.get(SERIES, DAY | {"project_id": str(project.public_id)}).json()

    assert only["total"]["output_tokens"] == 8
    assert [group["key"] for group in only["by_model"]] == ["o1"]
    assert [point["totals"]["output_tokens"] for point in series["points"]] == [8]
    foreign = ProjectFactory.create(workspace=theirs).public_id
    for unknown in (foreign, uuid4()):
        answer = program.get(SUMMARY, DAY | {"project_id": str(unknown)})
        assert answer.json()["total"]["output_tokens"] == 0


@pytest.mark.usefixtures("six_rows")
def test_another_workspaces_usage_is_not_in_it(program: APIClient, theirs: Workspace) -> None:
    take(connected(theirs), bucket(0, row("o1", 10**6, 10**6)))

    assert program.get(SUMMARY, DAY).json()["total"]["output_tokens"] == 2220


@pytest.mark.usefixtures("six_rows")
def test_test_events_are_counted_only_when_asked_for(program: APIClient) -> None:
    a_test_event_like(TelemetryEvent.objects.filter(model="o3").first())

    without = program.get(SUMMARY, DAY).json()
    included = program.get(SUMMARY, DAY | {"include_test": "true"}).json()
    series = program.get(SERIES, DAY | {"include_test": "true"}).json()

    assert without["total"]["output_tokens"] == 2220
    assert included["total"]["output_tokens"] == 2240
    assert sum(point["totals"]["output_tokens"] for point in series["points"]) == 2240


def a_test_event_like(event: TelemetryEvent | None) -> None:
    assert event is not None
    event.pk, event.idempotency_hash, event.is_test = None, b"a test", True
    event.save(force_insert=True)
    metered = Metered(event.model, event.provider, event.dims, 10, 0, 0, 20, None, 3)
    state = ledger.EventState(
        id=event.pk,
        identity=bytes(event.idempotency_hash),
        workspace_id=event.workspace_id,
        project_id=event.project_id,
        connection_id=event.connection_id,
        is_test=True,
        used_at=event.used_at,
        region=event.region,
        reason="measured",
        metered=metered,
    )
    ledger.append([state], current_factors(), now=NOW)


@pytest.mark.parametrize("models", [1, 50])
@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ((SUMMARY, {}), 7),  # hours, entries, both of before too; names, doubles, overrides
        ((SERIES, {"split_by": "model"}), 3),  # hours, entries, overrides
        ((SERIES, {"split_by": "connection", "step": "hour"}), 4),  # and connections
        ((REPORTS[0], {}), 2),  # hours, entries
        ((REPORTS[3], {}), 4),  # hours and entries, of tokens and of samples
        ((SCI, {"unit": "1k_tokens"}), 2),
        ((SCI, {"unit": "customer"}), 4),  # of the labelled ones: entries, and how many
    ],
)
def test_a_report_takes_the_same_queries_for_any_number_of_models(
    program: APIClient,
    connection: ProviderConnection,
    models: int,
    question: tuple[str, dict[str, str]],
    expected: int,
) -> None:
    url, asked = question
    push(connection.workspace, START + HOUR, customer="acme")
    rows = [row(f"model-{number}") for number in range(models)]
    take(connection, bucket(0, *rows), bucket(1, *rows))
    minute = timedelta(minutes=1)

    with CaptureQueriesContext(database) as queries:
        answer = program.get(url, span(START - minute, START + 2 * HOUR + minute) | asked)

    assert answer.status_code == 200
    assert sum("telemetry_" in query["sql"] for query in queries) == expected
