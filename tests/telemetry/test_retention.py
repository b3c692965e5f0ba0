"""What is kept only for a time goes when its time is over, and nothing else does."""

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured

from apps.emissions.models import GridSample
from apps.emissions.services import grid_retention
from apps.telemetry import tasks
from apps.telemetry.models import CarbonEntry, PollRun, ProviderConnection, TelemetryEvent
from apps.telemetry.services import retention
from carbon_platform.celery import BEAT
from tests.holding import database_url, held, is_at_work, is_waited_for
from tests.telemetry.metering import (
    DAY,
    HOUR,
    NOW,
    START,
    assert_sound,
    bucket,
    contents,
    row,
    take,
)
from tests.telemetry.waiting import until

AGED = NOW - 401 * DAY
ROOT = Path(configured.BASE_DIR)


@pytest.fixture
def aged(connection: ProviderConnection) -> ProviderConnection:
    """Two events that were stored long ago, and one of today."""
    take(connection, bucket(0, row("gpt-4.1"), row("o3")), bucket(1, row("gpt-4o")))
    TelemetryEvent.objects.exclude(model="gpt-4o").update(created_at=AGED)
    return connection


def with_payload() -> set[str | None]:
    kept = TelemetryEvent.objects.filter(raw_payload__isnull=False)
    return set(kept.values_list("model", flat=True))


def poll_run(connection: ProviderConnection, started_at: datetime, source: str = "a") -> PollRun:
    return PollRun.objects.create(
        workspace=connection.workspace,
        connection=connection,
        source=source,
        window_start=started_at - HOUR,
        window_end=started_at,
        started_at=started_at,
        finished_at=started_at,
        outcome=PollRun.Outcome.UNCHANGED,
    )


@pytest.mark.usefixtures("aged")
def test_raw_rows_go_when_they_are_old_and_nothing_else_changes() -> None:
    before = contents(without=["raw_payload"])
    assert with_payload() == {"gpt-4.1", "o3", "gpt-4o"}

    cleared = retention.clear_raw_payloads(now=NOW)

    assert cleared == 2
    assert with_payload() == {"gpt-4o"}
    assert contents(without=["raw_payload"]) == before
    assert CarbonEntry.objects.count() == 3
    assert_sound()
    assert retention.clear_raw_payloads(now=NOW) == 0


@pytest.mark.usefixtures("aged")
def test_how_long_they_are_kept_is_a_setting_and_none_may_mean_for_ever(settings: Any) -> None:
    settings.RAW_PAYLOAD_DAYS = 0
    assert retention.clear_raw_payloads(now=NOW + 9000 * DAY) == 0

    settings.RAW_PAYLOAD_DAYS = 402
    assert retention.clear_raw_payloads(now=NOW) == 0
    assert retention.clear_raw_payloads(now=NOW + 2 * DAY) == 2


@pytest.mark.usefixtures("aged")
def test_chunk_by_chunk_it_reaches_every_old_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_CHUNK", 1)

    assert retention.clear_raw_payloads(now=NOW) == 2
    assert with_payload() == {"gpt-4o"}


def test_an_event_tells_a_payload_that_expired_from_one_that_never_was(
    aged: ProviderConnection,
) -> None:
    retention.clear_raw_payloads(now=NOW)
    TelemetryEvent.objects.filter(model="gpt-4o").update(raw_payload=None)

    expired = {
        event.model: retention.has_expired_payload(event, now=NOW)
        for event in TelemetryEvent.objects.filter(connection=aged)
    }

    assert expired == {"gpt-4.1": True, "o3": True, "gpt-4o": False}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("aged")
def test_killed_in_the_middle_it_is_simply_run_again() -> None:
    with held("telemetry_telemetryevent"):
        pruning = subprocess.Popen(
            [
                *(sys.executable, "manage.py", "shell", "-v", "0", "-c"),
                "from apps.telemetry.tasks import clear_raw_payloads as task; task()",
            ],
            cwd=ROOT,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "tests.settings",
                "DATABASE_URL": database_url(),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: is_waited_for("telemetry_telemetryevent"))
        pruning.send_signal(signal.SIGKILL)
        pruning.wait(timeout=10)
    until(lambda: not is_at_work())
    left = len(with_payload()) - 1  # its last statement may have reached the end without it

    assert retention.clear_raw_payloads(now=NOW) == left
    assert with_payload() == {"gpt-4o"}
    assert_sound()


def test_old_polls_are_forgotten_but_the_last_of_each_source(
    connection: ProviderConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_CHUNK", 2)
    for days in (900, 800, 700, 600, 500):
        poll_run(connection, NOW - days * DAY)
    young = poll_run(connection, NOW - 399 * DAY)
    poll_run(connection, NOW - 901 * DAY, "b")
    last = poll_run(connection, NOW - 900 * DAY, "b")

    assert retention.prune_poll_runs(now=NOW) == 6

    assert set(PollRun.objects.all()) == {young, last}
    assert retention.prune_poll_runs(now=NOW) == 0


@pytest.mark.django_db
def test_the_grids_past_is_kept_for_so_many_days(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid_retention, "_CHUNK", 2)
    for days in (1000, 900, 801, 799, 1):
        GridSample.objects.create(
            zone="FR",
            at=START - timedelta(days=days),
            gco2e_per_kwh=50,
            source="electricitymaps",
            emission_factor_type="lifecycle",
            is_estimated=False,
            read_at=START,
        )

    settings.GRID_HISTORY_DAYS = 0
    assert grid_retention.prune_history(now=START) == 0
    settings.GRID_HISTORY_DAYS = 800
    assert grid_retention.prune_history(now=START) == 3

    kept = GridSample.objects.order_by("at").values_list("at", flat=True)
    assert list(kept) == [START - timedelta(days=799), START - timedelta(days=1)]


@pytest.mark.django_db
def test_each_has_a_task_that_runs_once_a_day() -> None:
    for task in (tasks.clear_raw_payloads, tasks.prune_poll_runs):
        assert task() == 0
        assert BEAT[task.name] == 24 * 60 * 60
    assert BEAT["apps.emissions.tasks.prune_grid_history"] == 24 * 60 * 60
