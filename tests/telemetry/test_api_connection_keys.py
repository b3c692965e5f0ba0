"""Keys over the API: rotated, revoked, taken up again, and never another account's."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.telemetry.models import ProviderConnection, TelemetryEvent
from apps.telemetry.services import connections, polling
from apps.workspaces.models import AuditEvent, Workspace
from devstack.simulator.testing import RunningSimulator
from tests.telemetry.metering import KEYS, NOW, bucket, connected, row, take
from tests.telemetry.using import CONNECTIONS as URL


def test_an_account_revoked_before_is_taken_up_and_not_counted_again(
    connect: Callable[..., Any], program: APIClient, meters: RunningSimulator
) -> None:
    meters.add_event(
        provider="anthropic",
        time="2026-11-18T01:00:00Z",
        dims={"model": "claude-haiku-4-5"},
        quantities={"uncached_input_tokens": 9, "output_tokens": 4},
    )
    first = connect().json()
    pk = ProviderConnection.objects.get().pk
    polling.poll(pk, now=NOW, clock=lambda: NOW)
    program.delete(f"{URL}/{first['id']}")

    again = connect(name="Once more", api_key=KEYS["anthropic"] + "b")

    assert again.status_code == 201
    body = again.json()
    assert (body["id"], body["name"], body["status"]) == (first["id"], "Once more", "active")
    polling.poll(pk, now=NOW, clock=lambda: NOW)
    assert TelemetryEvent.objects.count() == 1


def test_deleting_destroys_the_key_and_keeps_the_history(
    program: APIClient, workspace: Workspace
) -> None:
    connection = connected(workspace)
    take(connection, bucket(0, row()))

    first = program.delete(f"{URL}/{connection.public_id}")
    second = program.delete(f"{URL}/{connection.public_id}")

    assert (first.status_code, first.content) == (204, b"")
    assert second.status_code == 204
    connection.refresh_from_db()
    assert (connection.status, connection.sealed_key) == ("revoked", None)
    assert TelemetryEvent.objects.count() == 1
    assert AuditEvent.objects.filter(action="connection_revoked").count() == 1


def test_a_new_key_of_the_account_takes_the_place_of_the_old_one(
    program: APIClient, connect: Callable[..., Any]
) -> None:
    connection_id = connect().json()["id"]
    ProviderConnection.objects.update(status="error", failure_kind="auth", failure_message="No")
    key = KEYS["anthropic"] + "b"

    answer = program.post(f"{URL}/{connection_id}/rotate-key", {"api_key": key}, format="json")

    assert answer.status_code == 200, answer.content
    assert (answer.json()["status"], answer.json()["failure"]) == ("active", None)
    assert connections.reveal_key(ProviderConnection.objects.get()).reveal() == key


def test_a_key_of_another_account_does_not(program: APIClient, connect: Callable[..., Any]) -> None:
    connection_id = connect().json()["id"]

    answer = program.post(
        f"{URL}/{connection_id}/rotate-key",
        {"api_key": "sk-ant-admin01-simulated-0002"},
        format="json",
    )

    assert answer.json()["error"]["code"] == "connection_validation_failed"
    assert connections.reveal_key(ProviderConnection.objects.get()).reveal() == KEYS["anthropic"]


def test_a_revoked_connection_takes_no_new_key(
    program: APIClient, connect: Callable[..., Any]
) -> None:
    connection_id = connect().json()["id"]
    program.delete(f"{URL}/{connection_id}")

    answer = program.post(
        f"{URL}/{connection_id}/rotate-key", {"api_key": KEYS["anthropic"]}, format="json"
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "connection_revoked")


def test_a_sealed_key_opens_in_no_other_row(workspace: Workspace, theirs: Workspace) -> None:
    mine, foreign = connected(workspace), connected(theirs)
    foreign.sealed_key = mine.sealed_key

    with pytest.raises(Exception, match="seal"):
        connections.reveal_key(foreign)
