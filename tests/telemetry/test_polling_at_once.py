"""Two polls of one connection at once, and a revocation in the middle of one."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection as database

from apps.telemetry.errors import ConnectionRevokedError
from apps.telemetry.models import MeteredBucket, PollRun, ProviderConnection, TelemetryEvent
from apps.telemetry.services import connections, polling
from devstack.simulator.testing import RunningSimulator
from tests.telemetry.metering import NOW, assert_sound, co2e_grams
from tests.telemetry.using import use
from tests.telemetry.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


class Background(threading.Thread):
    """Runs a call with a database connection of its own; `outcome` is what it gave or raised."""

    def __init__(self, call: Callable[[], object]) -> None:
        super().__init__()
        self._call = call
        self.outcome: object = None
        self.start()

    def run(self) -> None:
        try:
            self.outcome = self._call()
        except Exception as fault:  # noqa: BLE001 - handed to the test
            self.outcome = fault
        finally:
            database.close()


def poll_in_background(connection: ProviderConnection) -> Background:
    return Background(lambda: polling.poll(connection.pk, now=NOW, clock=lambda: NOW))


def test_of_two_polls_at_once_one_reads_and_the_other_leaves(
    meters: RunningSimulator, connection: ProviderConnection
) -> None:
    use(meters)
    meters.set_latency("openai", 0.03)
    first = poll_in_background(connection)
    until(lambda: bool(meters.journal("openai")))

    second = polling.poll(connection.pk, now=NOW + timedelta(seconds=1), clock=lambda: NOW)

    first.join()
    assert second == []
    assert isinstance(first.outcome, list)
    assert len(first.outcome) == 3
    assert TelemetryEvent.objects.count() == 1
    assert_sound()


def test_many_polls_at_once_count_everything_once(
    meters: RunningSimulator, connection: ProviderConnection
) -> None:
    for hour in range(5):
        use(meters, hour)

    running = [poll_in_background(connection) for _ in range(5)]
    for one in running:
        one.join()

    assert all(isinstance(one.outcome, list) for one in running)
    assert TelemetryEvent.objects.count() == 5
    assert TelemetryEvent.objects.filter(entries__sequence__gt=1).count() == 0
    assert co2e_grams() > 0
    assert_sound()


def test_a_connection_revoked_during_a_poll_records_nothing(
    meters: RunningSimulator, connection: ProviderConnection
) -> None:
    use(meters)
    meters.set_latency("openai", 0.03)
    running = poll_in_background(connection)
    until(lambda: bool(meters.journal("openai")))

    connections.revoke(connection, actor="tests", now=NOW)

    running.join()
    assert isinstance(running.outcome, ConnectionRevokedError)
    assert not TelemetryEvent.objects.exists()
    assert not MeteredBucket.objects.exists()
    assert not PollRun.objects.exists()
    connection.refresh_from_db()
    assert (connection.status, connection.sealed_key) == ("revoked", None)
