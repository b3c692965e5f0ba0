"""Provider keys at AWS: connected, rotated, revoked, moved between the stores, and AWS away."""

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from apps.common import clock, secret_stores
from apps.common.secrets import Keyring
from apps.telemetry.connectors.base import Account
from apps.telemetry.models import PollRun, ProviderConnection
from apps.telemetry.services import connections, moving_secrets, polling
from apps.workspaces.models import Workspace
from devstack.ports import any_free
from devstack.simulator.testing import RunningSimulator
from tests.aws import running_aws, secrets_go_to
from tests.telemetry.metering import KEYS, NOW, connected
from tests.telemetry.using import CONNECTIONS as URL

AFTERWARDS = timedelta(hours=2)


@pytest.fixture(scope="module")
def aws_url() -> Iterator[str]:
    with running_aws() as url:
        yield url


@pytest.fixture
def aws(aws_url: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    return secrets_go_to(aws_url, settings, monkeypatch)


def arns(aws: Any) -> set[str]:
    return {one["ARN"] for one in aws.list_secrets(MaxResults=100)["SecretList"]}


def stop_aws(settings: Any) -> None:
    settings.SECRETS_ENDPOINT_URL = f"http://127.0.0.1:{any_free()}"


def move(to: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("move_secrets", to=to, stdout=out, stderr=out, **options)
    return out.getvalue()


def stored() -> ProviderConnection:
    return ProviderConnection.objects.get()


def test_a_connected_accounts_key_lies_at_aws_under_its_own_name(
    aws: Any, connect: Callable[..., Any], workspace: Workspace
) -> None:
    body = connect().json()

    (one,) = aws.list_secrets()["SecretList"]
    assert f"/{workspace.public_id}/{body['id']}/" in one["Name"]
    assert stored().sealed_key == {
        "store": "aws",
        "arn": one["ARN"],
        "version_id": next(iter(one["SecretVersionsToStages"])),
    }
    assert connections.reveal_key(stored()).reveal() == KEYS["anthropic"]


def test_a_refused_connection_leaves_no_secret(aws: Any, connect: Callable[..., Any]) -> None:
    connect()
    before = arns(aws)

    assert connect().status_code == 409
    assert arns(aws) == before


def test_rotating_writes_a_new_secret_and_deletes_the_old_one(
    aws: Any, connect: Callable[..., Any], program: APIClient
) -> None:
    connection_id = connect().json()["id"]
    (before,) = arns(aws)
    key = KEYS["anthropic"] + "b"

    program.post(f"{URL}/{connection_id}/rotate-key", {"api_key": key}, format="json")

    (after,) = arns(aws)
    assert after != before
    assert connections.reveal_key(stored()).reveal() == key


def test_revoking_deletes_the_secret(
    aws: Any, connect: Callable[..., Any], program: APIClient
) -> None:
    connection_id = connect().json()["id"]

    assert program.delete(f"{URL}/{connection_id}").status_code == 204

    assert arns(aws) == set()


def test_what_a_rotation_that_died_left_behind_is_deleted_by_the_next_one(
    aws: Any, workspace: Workspace
) -> None:
    account = Account("org", "Example")
    connection = connected(workspace, account=account)
    secret_stores.seal(connections.reveal_key(connection), connections.place_of(connection))
    assert len(arns(aws)) == 2

    later = clock.now() + AFTERWARDS
    key = connections.reveal_key(connection)
    connections.rotate_key(connection, key=key, account=account, actor="tests", now=later)

    assert arns(aws) == {stored().sealed_key["arn"]}  # type: ignore[index]  # it has one


@pytest.mark.usefixtures("aws")
def test_without_aws_nothing_is_connected(settings: Any, connect: Callable[..., Any]) -> None:
    stop_aws(settings)

    answer = connect()

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "secret_store_unavailable")
    assert not ProviderConnection.objects.exists()


@pytest.mark.usefixtures("aws")
def test_without_aws_a_rotation_keeps_the_old_key(
    aws_url: str, settings: Any, connect: Callable[..., Any], program: APIClient
) -> None:
    connection_id = connect().json()["id"]
    stop_aws(settings)

    answer = program.post(
        f"{URL}/{connection_id}/rotate-key", {"api_key": KEYS["anthropic"] + "b"}, format="json"
    )

    assert answer.status_code == 503
    settings.SECRETS_ENDPOINT_URL = aws_url
    assert connections.reveal_key(stored()).reveal() == KEYS["anthropic"]


@pytest.mark.usefixtures("aws")
def test_without_aws_a_poll_waits_and_the_connection_stays_active(
    aws_url: str, settings: Any, meters: RunningSimulator, workspace: Workspace
) -> None:
    connection = connected(workspace)
    stop_aws(settings)

    with pytest.raises(polling.ProviderBusyError):
        polling.poll(connection.pk, now=NOW, clock=lambda: NOW)

    connection.refresh_from_db()
    assert (connection.status, connection.failure_kind) == ("active", "transient")
    assert connection.next_poll_at is not None
    assert connection.next_poll_at >= NOW + timedelta(minutes=5)
    assert meters.journal() == []
    settings.SECRETS_ENDPOINT_URL = aws_url
    assert polling.poll(connection.pk, now=NOW, clock=lambda: NOW)
    assert PollRun.objects.filter(outcome="busy").count() == 0


def test_a_master_key_that_is_not_on_the_ring_stops_nothing_for_good(
    settings: Any, meters: RunningSimulator, workspace: Workspace
) -> None:
    connection = connected(workspace)
    settings.SECRET_KEYRING = "other:" + "QUFB" * 10 + "QUE="

    with pytest.raises(polling.ProviderBusyError):
        polling.poll(connection.pk, now=NOW, clock=lambda: NOW)

    connection.refresh_from_db()
    assert (connection.status, connection.failure_kind) == ("active", "transient")
    assert meters.journal() == []


def test_keys_move_to_aws_and_back(
    aws: Any, settings: Any, workspace: Workspace, theirs: Workspace
) -> None:
    settings.SECRET_STORE = "keyring"
    both = [connected(workspace), connected(theirs, "anthropic")]

    assert "2 moved" in move("aws", dry_run=True)
    assert arns(aws) == set()
    assert "2 moved" in move("aws")
    assert len(arns(aws)) == 2
    assert "2 there already" in move("aws")
    for one in both:
        one.refresh_from_db()
        assert connections.reveal_key(one).reveal() == KEYS[one.provider]
    assert "2 moved" in move("keyring")
    assert arns(aws) == set()
    for one in both:
        one.refresh_from_db()
        assert secret_stores.store_of(one.sealed_key or {}) == "keyring"
        assert connections.reveal_key(one).reveal() == KEYS[one.provider]


@pytest.mark.usefixtures("aws")
def test_a_move_that_breaks_off_keeps_every_key_and_is_finished_by_the_next(
    aws_url: str, settings: Any, workspace: Workspace
) -> None:
    settings.SECRET_STORE = "keyring"
    for number in range(3):
        connected(workspace, account=Account(f"{number}", "Example"))
    next(moving_secrets.move("aws", is_dry_run=False))
    stop_aws(settings)

    with pytest.raises(CommandError, match="stopped after 1 of 3"):
        move("aws")

    settings.SECRETS_ENDPOINT_URL = aws_url
    assert "2 moved, 1 there already" in move("aws")
    for one in ProviderConnection.objects.all():
        assert connections.reveal_key(one).reveal() == KEYS["openai"]


def test_a_key_that_was_rotated_while_it_was_moved_stays_the_rotated_one(
    aws: Any, settings: Any, workspace: Workspace
) -> None:
    settings.SECRET_STORE = "keyring"
    stale = connected(workspace)
    fresh = secret_stores.seal(connections.reveal_key(stale), connections.place_of(stale))
    ProviderConnection.objects.update(sealed_key=fresh)

    assert moving_secrets._moved(stale, "aws", is_dry_run=False) == "changed meanwhile"
    assert stored().sealed_key == fresh
    assert arns(aws) == set()


def test_leftovers_are_deleted_and_nothing_of_another_installation(
    aws: Any, workspace: Workspace
) -> None:
    connection = connected(workspace)
    key, place = connections.reveal_key(connection), connections.place_of(connection)
    left = secret_stores.seal(key, place)
    foreign = secret_stores.seal(key, secret_stores.Place(place.purpose, "another", "con_x"))
    kept = stored().sealed_key or {}

    found = moving_secrets.discard_leftovers(now=clock.now() + AFTERWARDS, is_dry_run=False)

    assert found == 1
    assert arns(aws) == {kept["arn"], foreign["arn"]}
    assert left["arn"] not in arns(aws)


def test_keys_come_under_the_first_master_key_and_the_old_one_can_go(
    settings: Any, workspace: Workspace
) -> None:
    connected(workspace)
    old, new = settings.SECRET_KEYRING, "kid2:" + "QkJC" * 10 + "QkI="
    settings.SECRET_KEYRING = f"{new},{old}"

    assert "1 rewrapped" in move("keyring")
    assert "1 there already" in move("keyring")

    settings.SECRET_KEYRING = new
    assert connections.reveal_key(stored()).reveal() == KEYS["openai"]
    assert Keyring.from_text(new).current == (stored().sealed_key or {})["kid"]
