"""The bell: due connections are found in the database, whatever becomes of the messages."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.conf import settings as configured

from apps.common import clock
from apps.telemetry import tasks
from apps.telemetry.connectors.base import Account
from apps.telemetry.models import ProviderConnection
from apps.telemetry.selectors import due_connection_ids, last_poll_at
from apps.telemetry.services import connections, outcomes
from apps.workspaces.models import Workspace
from devstack.ports import any_free
from devstack.simulator.testing import RunningSimulator
from tests.holding import database_url
from tests.telemetry.metering import DAY, HOUR, NOW, START, connected


@pytest.fixture
def queue(settings: Any) -> Iterator[redis.Redis]:  # noqa: ARG001 - a fixture is asked for by its name
    with redis.Redis.from_url(configured.CELERY_BROKER_URL) as broker:
        yield broker


def queued(broker: redis.Redis) -> int:
    return int(broker.llen("poll"))


def test_due_connections_are_the_active_ones_whose_time_has_come(workspace: Workspace) -> None:
    def one(name: str, **changes: Any) -> int:
        made = connected(workspace, account=Account(name, name))
        ProviderConnection.objects.filter(pk=made.pk).update(**changes)
        return made.pk

    waiting = one("waiting", next_poll_at=NOW)
    longest = one("longest", next_poll_at=START)
    one("later", next_poll_at=NOW + timedelta(seconds=1))
    one("stopped", status="error", next_poll_at=START)
    one("paused", status="paused", next_poll_at=START)
    one("never", next_poll_at=None)

    assert due_connection_ids(NOW) == [longest, waiting]


def test_a_new_connection_is_due_at_once(connection: ProviderConnection) -> None:
    assert due_connection_ids(START) == [connection.pk]


def test_the_tick_rings_for_every_due_connection(workspace: Workspace, queue: redis.Redis) -> None:
    for index in range(3):
        connected(workspace, account=Account(f"{index}", "Example"))

    assert tasks.poll_due_connections() == 3

    assert queued(queue) == 3


@pytest.mark.usefixtures("connection")
def test_what_the_broker_lost_the_next_tick_finds(queue: redis.Redis) -> None:
    tasks.poll_due_connections()
    queue.flushdb()

    assert tasks.poll_due_connections() == 1

    assert queued(queue) == 1


TICK = (
    "import django; django.setup(); from apps.telemetry import tasks; tasks.poll_due_connections()"
)


@pytest.mark.django_db(transaction=True)
def test_a_tick_survives_a_broker_that_is_down(connection: ProviderConnection) -> None:
    environment = {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database_url(),
        "REDIS_URL": f"redis://127.0.0.1:{any_free()}",
    }

    ended = subprocess.run(
        [sys.executable, "-c", TICK],
        cwd=configured.BASE_DIR,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert "bell_not_rung" in ended.stdout
    assert due_connection_ids(START) == [connection.pk]


def test_the_task_polls_and_the_connection_is_due_later(
    meters: RunningSimulator, connection: ProviderConnection
) -> None:
    meters.command("POST", "/clock", {"real": True})
    tasks.poll_connection(connection.pk)

    connection.refresh_from_db()
    assert connection.next_poll_at is not None
    assert connection.next_poll_at > clock.now()
    assert due_connection_ids(clock.now()) == []
    assert last_poll_at() == connection.last_polled_at


@pytest.mark.parametrize("fault", [429, 500, 401, 404])
def test_a_task_whose_provider_fails_ends_quietly(
    meters: RunningSimulator, connection: ProviderConnection, fault: int
) -> None:
    meters.add_fault("openai", fault)

    tasks.poll_connection(connection.pk)

    connection.refresh_from_db()
    assert connection.failure_kind
    assert due_connection_ids(clock.now()) == []


def test_a_task_for_a_revoked_connection_ends_quietly(
    meters: RunningSimulator, connection: ProviderConnection
) -> None:
    connections.revoke(connection, actor="tests", now=NOW)

    tasks.poll_connection(connection.pk)

    assert meters.journal() == []


@pytest.mark.parametrize("minutes", range(0, 60, 7))
def test_the_next_poll_is_in_the_following_hour_each_connection_at_its_own_time(
    workspace: Workspace, minutes: int
) -> None:
    now = START + timedelta(minutes=minutes, seconds=59)
    made = [connected(workspace, account=Account(f"{index}", "")) for index in range(20)]
    for one in made:
        outcomes.all_read(one, now=now)

    times = [one.next_poll_at for one in ProviderConnection.objects.all() if one.next_poll_at]

    assert all(START + HOUR + outcomes.SETTLING <= at < START + 2 * HOUR for at in times)
    assert len(set(times)) > 15
    assert max(times) - min(times) > timedelta(minutes=20)
    assert max(times) - now < DAY
