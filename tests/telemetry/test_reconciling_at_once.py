"""Two workers, a killed worker and a lost broker while the last days are read again."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from django.conf import settings as configured

from apps.common import clock
from apps.telemetry import tasks
from apps.telemetry.models import CarbonEntry, MeteredBucket, ProviderConnection, TelemetryEvent
from apps.telemetry.selectors import due_connection_ids
from apps.telemetry.services import polling, reconciling
from devstack.simulator.testing import RunningSimulator
from tests.holding import database_url, held, is_waited_for
from tests.telemetry.conftest import base_urls
from tests.telemetry.metering import DAY, HOUR, assert_sound, co2e_grams
from tests.telemetry.test_polling_at_once import Background
from tests.telemetry.using import DIMS
from tests.telemetry.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(configured.BASE_DIR)
SWEEP = """
import sys, django
django.setup()
from apps.telemetry import tasks
tasks.sweep_connection(int(sys.argv[1]))
"""


@pytest.fixture
def revised(meters: RunningSimulator, connection: ProviderConnection) -> RunningSimulator:
    """Usage of the last weeks that was polled and then revised; the sweep is due."""
    meters.command("POST", "/clock", {"real": True})
    now = clock.now()
    added = []
    for days in (1, 12, 25):
        at = f"{now - days * DAY:%Y-%m-%dT%H:%M:%SZ}"
        quantities = {"input_tokens": 100 * days, "output_tokens": 7, "num_model_requests": 1}
        event = {"provider": "openai", "time": at, "visible_from": at, "dims": DIMS}
        added.append(meters.add_event(**event, quantities=quantities)["id"])
    polling.poll(connection.pk, now=now, clock=clock.now)
    for event_id in added:
        meters.revise_event(id=event_id, quantities={"output_tokens": 70})
    ProviderConnection.objects.update(next_sweep_at=clock.now(), next_reconcile_at=clock.now())
    return meters


@pytest.fixture
def sweeper(
    revised: RunningSimulator, connection: ProviderConnection
) -> Iterator[subprocess.Popen[bytes]]:
    """The task in a process of its own, on the tests' database."""
    environment = {
        **os.environ,
        **base_urls(revised),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database_url(),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", SWEEP, str(connection.pk)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize(
    "table", ["telemetry_carbonentry", "telemetry_synccursor", "telemetry_providertotal"]
)
def test_killed_while_it_reads_again_it_is_taken_up_and_appends_every_difference_once(
    connection: ProviderConnection, sweeper: subprocess.Popen[bytes], table: str
) -> None:
    with held(table):
        until(lambda: is_waited_for(table) or sweeper.poll() is not None)
        assert sweeper.poll() is None, sweeper.communicate()[0].decode()
        sweeper.send_signal(signal.SIGKILL)
        assert sweeper.wait(10) == -signal.SIGKILL
    assert due_connection_ids(clock.now(), "next_sweep_at") == [connection.pk]

    until(lambda: is_swept(connection))

    assert set(TelemetryEvent.objects.values_list("output_tokens", flat=True)) == {70}
    assert CarbonEntry.objects.count() == 6
    assert co2e_grams() > 0
    assert due_connection_ids(clock.now(), "next_sweep_at") == []
    assert_sound()


def is_swept(connection: ProviderConnection) -> bool:
    """Swept to its end, once the dead worker's lock is free."""
    reconciling.sweep(connection.pk, now=clock.now(), clock=clock.now)
    return not due_connection_ids(clock.now(), "next_sweep_at")


def test_what_was_read_before_the_worker_died_is_not_read_again(
    revised: RunningSimulator, connection: ProviderConnection, sweeper: subprocess.Popen[bytes]
) -> None:
    with held("telemetry_providertotal"):  # the last thing a visit writes
        until(lambda: is_waited_for("telemetry_providertotal"))
        sweeper.send_signal(signal.SIGKILL)
        sweeper.wait(10)
    revised.clear_journal()

    until(lambda: is_swept(connection))

    assert MeteredBucket.objects.exists()
    usage = [one for one in revised.journal("openai") if ["bucket_width", "1h"] in one["query"]]
    assert usage == []


def test_of_two_workers_at_once_one_reads_and_nothing_is_doubled(
    revised: RunningSimulator, connection: ProviderConnection
) -> None:
    revised.set_latency("openai", 0.02)
    visits = [
        Background(lambda: tasks.reconcile_connection(connection.pk)),
        Background(lambda: tasks.sweep_connection(connection.pk)),
        Background(lambda: tasks.poll_connection(connection.pk)),
    ]
    for one in visits:
        one.join()

    revised.set_latency("openai", 0.0)
    tasks.reconcile_connection(connection.pk)
    tasks.sweep_connection(connection.pk)

    assert [one.outcome for one in visits] == [None, None, None]
    assert set(TelemetryEvent.objects.values_list("output_tokens", flat=True)) == {70}
    assert CarbonEntry.objects.count() == 6
    assert_sound()


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize(
    ("column", "tick"),
    [
        ("next_reconcile_at", tasks.reconcile_due_connections),
        ("next_sweep_at", tasks.sweep_due_connections),
    ],
)
def test_what_the_broker_lost_the_next_tick_finds(column: str, tick: Callable[[], int]) -> None:
    ProviderConnection.objects.update(**{column: clock.now() - timedelta(hours=1)})
    with redis.Redis.from_url(configured.CELERY_BROKER_URL) as broker:
        assert tick() == 1
        broker.flushdb()

        assert tick() == 1

        assert broker.llen("poll") == 1
    ProviderConnection.objects.update(**{column: clock.now() + HOUR})
    assert tick() == 0
