"""A worker killed in the middle of a poll loses nothing and doubles nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured

from apps.common import clock
from apps.telemetry.connectors.base import Account
from apps.telemetry.models import PollRun, ProviderConnection, TelemetryEvent
from apps.telemetry.services import polling
from apps.workspaces.models import Workspace
from devstack.simulator.testing import RunningSimulator
from tests.holding import database_url, held, is_waited_for
from tests.telemetry.conftest import base_urls
from tests.telemetry.metering import DAY, assert_sound, co2e_grams, connected
from tests.telemetry.using import DIMS
from tests.telemetry.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(configured.BASE_DIR)
DAYS_APART = 5


@pytest.fixture
def used(meters: RunningSimulator) -> RunningSimulator:
    """Usage over two months, so that a reading takes several pages; the clock is the real one."""
    meters.command("POST", "/clock", {"real": True})
    now = clock.now()
    for days in range(1, 60, DAYS_APART):
        meters.add_event(
            provider="openai",
            time=f"{now - days * DAY:%Y-%m-%dT%H:%M:%SZ}",
            visible_from=f"{now - days * DAY:%Y-%m-%dT%H:%M:%SZ}",
            dims=DIMS,
            quantities={"input_tokens": 100 * days, "output_tokens": 7, "num_model_requests": 1},
        )
    return meters


@pytest.fixture
def poller(used: RunningSimulator, connection: ProviderConnection) -> Iterator[subprocess.Popen]:
    """`manage.py poll` in a process of its own, on the tests' database."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "poll", connection.public_id],
        cwd=ROOT,
        env={
            **os.environ,
            **base_urls(used),
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": database_url(),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    yield process
    process.kill()
    process.communicate()


def test_killed_while_a_page_is_on_its_way(
    used: RunningSimulator,
    connection: ProviderConnection,
    workspace: Workspace,
    poller: subprocess.Popen,
) -> None:
    used.set_latency("openai", 0.2)
    until(lambda: len(used.journal("openai")) >= 3)

    kill(poller)

    used.set_latency("openai", 0.0)
    assert not TelemetryEvent.objects.exists()
    assert not PollRun.objects.exists()
    polled_again_it_equals_an_undisturbed_one(connection, workspace)


@pytest.mark.usefixtures("used")
@pytest.mark.parametrize(
    "table",
    [
        "telemetry_meteredbucket",  # the events are written
        "telemetry_carbonentry",  # the events and buckets are written
        "telemetry_rollup",  # the entries are written
        "telemetry_synccursor",  # everything but the cursor is written
        "telemetry_pollrun",  # everything is committed
    ],
)
def test_killed_while_it_records(
    connection: ProviderConnection, workspace: Workspace, poller: subprocess.Popen, table: str
) -> None:
    with held(table):
        until(lambda: is_waited_for(table) or poller.poll() is not None)
        assert poller.poll() is None, poller.communicate()[0].decode()

        kill(poller)

    polled_again_it_equals_an_undisturbed_one(connection, workspace)


def polled_again_it_equals_an_undisturbed_one(
    connection: ProviderConnection, workspace: Workspace
) -> None:
    now = clock.now()
    until(lambda: polls(connection, now))  # until the dead worker's lock is free
    undisturbed = connected(workspace, account=Account("undisturbed", "Undisturbed"))
    polling.poll(undisturbed.pk, now=now, clock=clock.now)

    assert TelemetryEvent.objects.filter(connection=connection).count() == 60 // DAYS_APART
    assert facts(connection) == facts(undisturbed)
    assert co2e_grams(connection=connection) == co2e_grams(connection=undisturbed) > 0
    assert_sound()


def polls(connection: ProviderConnection, now: datetime) -> bool:
    return bool(polling.poll(connection.pk, now=now, clock=clock.now))


def facts(connection: ProviderConnection) -> list[tuple[Any, ...]]:
    return list(
        TelemetryEvent.objects.filter(connection=connection)
        .order_by("used_at")
        .values_list("used_at", "model", "input_uncached_tokens", "entries__co2e_grams")
    )


def kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
