"""Pausing, moving and reading connections now, trying their keys, and what is missing of them."""

from datetime import timedelta
from typing import Any, get_args

import pytest
import redis
from django.conf import settings as configured
from rest_framework.test import APIClient

from apps.common import clock
from apps.common.outside import BusyKind, RefusedKind
from apps.telemetry.models import (
    ProviderConnection,
    SyncCursor,
    TelemetryEvent,
    Workload,
)
from apps.telemetry.services import operating, polling
from apps.telemetry.services.advice import ADVICE
from apps.workspaces.models import AuditEvent, Workspace
from devstack.simulator.testing import RunningSimulator
from tests.factories import ProjectFactory, bearer, new_key
from tests.telemetry.metering import (
    HOUR,
    NOW,
    connected,
    live_counts,
)
from tests.telemetry.using import CONNECTIONS as URL
from tests.telemetry.using import Poll, use


@pytest.fixture
def url(connection: ProviderConnection) -> str:
    return f"{URL}/{connection.public_id}"


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


def test_every_kind_of_failure_has_a_sentence_that_says_what_to_do() -> None:
    assert set(ADVICE) == {*get_args(BusyKind), *get_args(RefusedKind)}


def test_a_connection_is_paused_and_resumed(
    program: APIClient, url: str, poll: Poll, connection: ProviderConnection
) -> None:
    paused = program.patch(url, {"status": "paused"}, format="json").json()

    assert (paused["status"], paused["next_poll_at"]) == ("paused", None)
    assert poll() == []
    resumed = program.patch(url, {"status": "active"}, format="json").json()
    assert resumed["status"] == "active"
    connection.refresh_from_db()
    assert connection.next_poll_at is not None
    assert actions()[-2:] == ["connection_paused", "connection_resumed"]


def test_asking_for_what_is_so_already_changes_nothing(program: APIClient, url: str) -> None:
    before = actions()

    answer = program.patch(url, {"status": "active", "name": "Our openai"}, format="json")

    assert answer.status_code == 200
    assert actions() == before


def test_a_connection_moved_to_another_project_sends_new_usage_there_and_keeps_its_history(
    program: APIClient,
    url: str,
    meters: RunningSimulator,
    poll: Poll,
    workspace: Workspace,
) -> None:
    use(meters, 1)
    poll()
    project = ProjectFactory.create(workspace=workspace)

    body = program.patch(url, {"project_id": str(project.public_id)}, format="json").json()
    use(meters, 9)
    poll(NOW + HOUR)

    assert body["project_id"] == str(project.public_id)
    assert Workload.objects.filter(is_active=True).get().project == project
    assert Workload.objects.count() == 2
    old, new = TelemetryEvent.objects.order_by("used_at")
    assert (old.project.is_default, new.project) == (True, project)
    assert actions()[-1] == "connection_moved"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": "revoked"}, 400),
        ({"name": ""}, 400),
        ({"name": None}, 400),
        ({"colour": "green"}, 400),
        ({"project_id": "6b0f3f0e-32a1-4be4-8d5a-3a7ea4e9e9b1"}, 404),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_changed(
    program: APIClient, url: str, connection: ProviderConnection, *, body: Any, status: int
) -> None:
    answer = program.patch(url, {"status": "paused", **body}, format="json")

    assert answer.status_code == status
    connection.refresh_from_db()
    assert connection.status == "active"


@pytest.mark.parametrize("verb", ["patch", "poll", "validate", "completeness"])
def test_another_workspaces_connection_is_not_found(
    program: APIClient, theirs: Workspace, verb: str
) -> None:
    foreign = f"{URL}/{connected(theirs).public_id}"
    ask = {
        "patch": lambda: program.patch(foreign, {"status": "paused"}, format="json"),
        "completeness": lambda: program.get(f"{foreign}/completeness"),
    }.get(verb, lambda: program.post(f"{foreign}/{verb}"))

    assert ask().status_code == 404
    assert ProviderConnection.objects.get(workspace=theirs).status == "active"


@pytest.mark.parametrize("verb", ["poll", "validate"])
def test_a_key_that_may_only_read_changes_no_connection(
    workspace: Workspace, url: str, verb: str
) -> None:
    reader = APIClient(headers=bearer(new_key(workspace, scopes=("read",))))

    assert reader.post(f"{url}/{verb}").status_code == 403
    assert reader.get(f"{url}/completeness").status_code == 200


def test_a_reading_is_asked_for_at_most_once_a_minute(
    program: APIClient, url: str, connection: ProviderConnection
) -> None:
    ProviderConnection.objects.update(next_poll_at=clock.now() + HOUR, last_polled_at=None)

    first, second = program.post(f"{url}/poll"), program.post(f"{url}/poll")

    assert (first.status_code, first.json()["id"]) == (202, connection.public_id)
    assert (second.status_code, second.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 0 < int(second["Retry-After"]) <= 60
    with redis.Redis.from_url(configured.CELERY_BROKER_URL) as broker:
        assert broker.llen("poll") == 1
    connection.refresh_from_db()
    assert connection.next_poll_at is not None
    assert connection.next_poll_at <= clock.now()  # should the bell be lost, the tick finds it


def test_where_the_provider_asked_for_patience_nobody_can_hurry(
    program: APIClient, url: str
) -> None:
    ProviderConnection.objects.update(
        next_poll_at=clock.now() + timedelta(minutes=20), failure_kind="rate_limited"
    )

    answer = program.post(f"{url}/poll")

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 1000


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "paused"}, "connection_paused"),
        ({"status": "error", "failure_kind": "auth"}, "connection_stopped"),
        ({"status": "revoked", "sealed_key": None}, "connection_revoked"),
    ],
)
def test_what_is_not_read_is_not_read_now_either(
    program: APIClient, url: str, changes: dict[str, Any], code: str
) -> None:
    ProviderConnection.objects.update(**changes)

    answer = program.post(f"{url}/poll")

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, code)


@pytest.mark.usefixtures("meters")
def test_a_key_that_is_accepted_takes_a_stopped_connection_up_again(
    program: APIClient, url: str, connection: ProviderConnection
) -> None:
    ProviderConnection.objects.update(
        status="error", failure_kind="auth", failure_message="No", failed_at=NOW, next_poll_at=None
    )

    body = program.post(f"{url}/validate").json()

    assert (body["status"], body["account"], body["failure"]) == ("active", "OpenAI", None)
    assert body["checked_at"]
    connection.refresh_from_db()
    assert connection.next_poll_at is not None
    assert actions()[-1] == "connection_key_tried"


def test_a_key_that_is_refused_stops_the_connection_and_says_what_to_do(
    program: APIClient, url: str, meters: RunningSimulator
) -> None:
    meters.add_fault("openai", 403)

    body = program.post(f"{url}/validate").json()

    assert (body["status"], body["failure"]["kind"]) == ("error", "permission")
    assert body["failure"]["advice"] == ADVICE["permission"]
    shown = program.get(url).json()
    assert (shown["status"], shown["failure"]) == ("error", body["failure"])


def test_a_paused_connection_stays_paused_whatever_its_key_does(
    program: APIClient, url: str, meters: RunningSimulator
) -> None:
    ProviderConnection.objects.update(status="paused")

    assert program.post(f"{url}/validate").json()["status"] == "paused"
    meters.add_fault("openai", 401)
    assert program.post(f"{url}/validate").json()["status"] == "paused"


def test_a_provider_that_does_not_answer_leaves_everything_as_it_was(
    program: APIClient, url: str, meters: RunningSimulator
) -> None:
    ProviderConnection.objects.update(failure_kind="auth", status="error")
    meters.add_fault("openai", 429, params={"retry_after": 9})

    answer = program.post(f"{url}/validate")

    assert (answer.status_code, answer["Retry-After"]) == (503, "9")
    assert program.get(url).json()["status"] == "error"


def test_what_is_learnt_of_a_key_that_was_replaced_meanwhile_is_dropped(
    meters: RunningSimulator, connection: ProviderConnection
) -> None:
    meters.add_fault("openai", 401)
    ProviderConnection.objects.update(sealed_key={"another": "envelope"})

    tried = operating.try_key(connection, actor="tests", now=NOW)

    assert (tried.status, tried.failure_kind) == ("active", "")


def test_a_reading_that_is_rung_for_twice_is_made_once(
    meters: RunningSimulator, connection: ProviderConnection
) -> None:
    for _ in range(2):
        polling.poll(connection.pk, now=NOW, clock=lambda: NOW, only_due=True)

    assert SyncCursor.objects.count() == 3
    asked = len(meters.journal("openai"))
    polling.poll(connection.pk, now=NOW, clock=lambda: NOW, only_due=True)
    assert len(meters.journal("openai")) == asked
    assert live_counts(connection) == {}
