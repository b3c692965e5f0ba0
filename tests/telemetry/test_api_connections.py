"""The connections of a workspace, over the API, with the simulator as the provider."""

# ruff: noqa: S608 - the names in these statements are our own

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.telemetry.connectors.base import Account
from apps.telemetry.models import ProviderConnection, Workload
from apps.telemetry.services import connections
from apps.telemetry.services.advice import ADVICE
from apps.workspaces.models import AuditEvent, Project, Workspace
from devstack.simulator.testing import RunningSimulator
from tests.factories import ProjectFactory, bearer, new_key
from tests.telemetry.metering import KEYS, NOW, connected
from tests.telemetry.using import ASKED
from tests.telemetry.using import CONNECTIONS as URL


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("provider", KEYS)
def test_connecting_an_account_stores_it_and_never_shows_the_key(
    connect: Callable[..., Any], provider: str, capsys: Any
) -> None:
    answer = connect(provider=provider, api_key=KEYS[provider])

    assert answer.status_code == 201, answer.content
    stored = ProviderConnection.objects.get()
    body = answer.json()
    assert body["id"] == stored.public_id
    assert (body["provider"], body["name"], body["status"]) == (provider, "Our Anthropic", "active")
    assert body["key_hint"] == "0001"
    assert body["failure"] is None
    assert Project.objects.get(public_id=body["project_id"]).is_default
    assert connections.reveal_key(stored).reveal() == KEYS[provider]
    assert KEYS[provider] not in answer.content.decode()
    assert KEYS[provider] not in capsys.readouterr().out
    assert KEYS[provider] not in whole_database()
    assert AuditEvent.objects.get(action="connection_created").object_ref == stored.public_id


def whole_database() -> str:
    """Every row of every table as text."""
    found = []
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" AS t')
            found += [line for (line,) in cursor.fetchall()]
    return "\n".join(found)


@pytest.mark.parametrize(
    ("provider", "key"),
    [
        ("openai", "sk-proj-simulated-0001"),
        ("openai", "sk-admin-revoked-0001"),
        ("anthropic", "sk-ant-api03-simulated-0001"),
        ("anthropic", "sk-ant-admin01-expired-0001"),
        ("openrouter", "sk-or-v1-simulated-inference-0001"),
        ("openrouter", "no key at all"),
    ],
)
def test_a_key_the_provider_refuses_is_400_and_nothing_is_stored(
    connect: Callable[..., Any], provider: str, key: str
) -> None:
    answer = connect(provider=provider, api_key=key)

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "connection_validation_failed"
    assert error["details"]["provider"] == provider
    assert key not in answer.content.decode()
    assert not ProviderConnection.objects.exists()
    assert not Workload.objects.exists()


@pytest.mark.parametrize("fault", [503, 429, "reset", "truncated_json"])
def test_a_provider_that_cannot_be_asked_is_503_and_nothing_is_stored(
    connect: Callable[..., Any], meters: RunningSimulator, fault: Any
) -> None:
    meters.add_fault("anthropic", fault, params={"retry_after": 7})

    answer = connect()

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "provider_unavailable"
    if fault == 429:
        assert answer["Retry-After"] == "7"
    assert not ProviderConnection.objects.exists()


@pytest.mark.parametrize("provider", KEYS)
def test_the_same_account_twice_is_409(connect: Callable[..., Any], provider: str) -> None:
    assert connect(provider=provider, api_key=KEYS[provider]).status_code == 201

    answer = connect(provider=provider, api_key=KEYS[provider], name="Again")

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "connection_exists"
    assert ProviderConnection.objects.count() == 1


def test_a_second_key_of_the_same_organisation_is_409(connect: Callable[..., Any]) -> None:
    connect()

    assert connect(api_key=KEYS["anthropic"] + "b").status_code == 409


def test_two_workspaces_may_connect_the_same_account(
    connect: Callable[..., Any], theirs: Workspace
) -> None:
    connect()

    answer = APIClient(headers=bearer(new_key(theirs))).post(URL, ASKED, format="json")

    assert answer.status_code == 201


def test_a_connection_may_name_its_project(
    connect: Callable[..., Any], workspace: Workspace
) -> None:
    project = ProjectFactory.create(workspace=workspace)

    answer = connect(project_id=str(project.public_id))

    assert answer.json()["project_id"] == str(project.public_id)
    assert Workload.objects.get().project == project


def test_a_project_of_another_workspace_is_404(
    connect: Callable[..., Any], theirs: Workspace
) -> None:
    foreign = ProjectFactory.create(workspace=theirs)

    for project_id in (foreign.public_id, uuid4()):
        answer = connect(project_id=str(project_id))
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "project_not_found"
    assert not ProviderConnection.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "green"},
        {"provider": "unknown"},
        {"name": ""},
        {"name": "n" * 121},
        {"api_key": ""},
        {"api_key": None},
        {"project_id": "not-a-uuid"},
    ],
)
def test_a_body_that_breaks_the_schema_is_400_and_names_the_field(
    connect: Callable[..., Any], changes: dict[str, Any], meters: RunningSimulator
) -> None:
    answer = connect(**changes)

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "validation_error"
    assert list(error["details"]["fields"]) == list(changes)
    assert meters.journal("anthropic") == []


def test_the_list_holds_the_workspaces_own_newest_first(
    program: APIClient, workspace: Workspace, theirs: Workspace
) -> None:
    connected(theirs)
    older, newer = connected(workspace), connected(workspace, "anthropic", now=NOW)

    body = program.get(URL).json()

    assert [one["id"] for one in body["results"]] == [newer.public_id, older.public_id]
    assert (body["next"], body["previous"]) == (None, None)


@pytest.mark.parametrize("number", [1, 30])
def test_the_list_takes_the_same_queries_however_long(
    program: APIClient, workspace: Workspace, number: int
) -> None:
    for index in range(number):
        connected(workspace, account=Account(f"account {index}", "Example"))

    with CaptureQueriesContext(database) as queries:
        body = program.get(URL).json()

    assert len(body["results"]) == number
    assert sum("telemetry_" in query["sql"] for query in queries) == 1


def test_a_connection_moved_to_another_project_is_listed_once(
    program: APIClient, workspace: Workspace
) -> None:
    first = connected(workspace)
    project = ProjectFactory.create(workspace=workspace)
    connections.revoke(first, actor="tests", now=NOW)
    connected(workspace, project_id=project.public_id)

    (only,) = program.get(URL).json()["results"]

    assert only["project_id"] == str(project.public_id)
    assert Workload.objects.filter(connection=first).count() == 2


def test_one_connection_shows_why_it_stopped(program: APIClient, workspace: Workspace) -> None:
    stopped = connected(workspace)
    ProviderConnection.objects.update(
        status="error", failure_kind="auth", failure_message="Incorrect API key", failed_at=NOW
    )

    body = program.get(f"{URL}/{stopped.public_id}").json()

    assert body["status"] == "error"
    assert body["failure"] == {
        "kind": "auth",
        "message": "Incorrect API key",
        "advice": ADVICE["auth"],
        "at": "2026-11-18T10:30:00Z",
    }
    assert "sealed_key" not in json.dumps(body)


@pytest.mark.parametrize("method", ["get", "delete"])
def test_another_workspaces_connection_is_404(
    program: APIClient, theirs: Workspace, method: str
) -> None:
    foreign = connected(theirs)

    answers = [
        getattr(program, method)(f"{URL}/{public_id}")
        for public_id in (foreign.public_id, "con_nothing")
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert {answer.json()["error"]["code"] for answer in answers} == {"connection_not_found"}
    foreign.refresh_from_db()
    assert foreign.status == "active"


@pytest.mark.usefixtures("program")
def test_without_the_scope_nothing_is_connected(workspace: Workspace) -> None:
    reader = APIClient(headers=bearer(new_key(workspace, scopes=("read",))))

    assert reader.get(URL).status_code == 200
    assert reader.post(URL, ASKED, format="json").status_code == 403
    assert APIClient().get(URL).status_code == 401
