"""`manage.py poll --since` and `manage.py reconcile`: the past again, as far as it is served."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.common import clock
from apps.telemetry.models import PollRun, ProviderConnection, TelemetryEvent
from apps.telemetry.services import reconciling
from devstack.simulator.testing import RunningSimulator
from tests.telemetry.metering import DAY, HOUR, NOW, START
from tests.telemetry.using import DIMS, use


@pytest.fixture
def used(meters: RunningSimulator) -> RunningSimulator:
    meters.command("POST", "/clock", {"real": True})
    for days in (1, 20):
        at = f"{clock.now() - days * DAY:%Y-%m-%dT%H:%M:%SZ}"
        quantities = {"input_tokens": 10, "output_tokens": 7, "num_model_requests": 1}
        meters.add_event(
            provider="openai", time=at, visible_from=at, dims=DIMS, quantities=quantities
        )
    return meters


def run(command: str, *arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out, stderr=out, **options)
    return out.getvalue()


@pytest.mark.usefixtures("used")
def test_the_last_days_are_read_again_and_as_many_as_are_asked_for(
    connection: ProviderConnection,
) -> None:
    run("reconcile", connection.public_id)
    assert TelemetryEvent.objects.count() == 1

    said = run("reconcile", connection.public_id, days=25)

    assert "1 rows, 1 changed" in said
    assert TelemetryEvent.objects.count() == 2


@pytest.mark.usefixtures("used")
def test_a_day_of_the_past_is_where_reading_begins(connection: ProviderConnection) -> None:
    since = (clock.now() - 25 * DAY).date()

    said = run("poll", connection.public_id, f"--since={since}")

    assert f"openai.completions  {since} 00:00" in said
    assert TelemetryEvent.objects.count() == 2


@pytest.mark.usefixtures("used")
def test_what_the_provider_does_not_serve_is_said_and_written_down_and_the_rest_is_read(
    connection: ProviderConnection,
) -> None:
    since = (clock.now() - 90 * DAY).date()

    said = run("poll", connection.public_id, f"--since={since}")

    assert "60 days at most; earlier is not served" in said
    gaps = PollRun.objects.filter(failure_kind="out_of_retention")
    assert {gap.source.partition(".")[0] for gap in gaps} == {"openai"}
    assert {gap.window_start.date() for gap in gaps} == {since}
    assert TelemetryEvent.objects.count() == 2
    connection.refresh_from_db()
    assert (connection.status, connection.failure_kind) == ("active", "")


def test_going_on_writes_the_gap_down_once(
    meters: RunningSimulator, connection: ProviderConnection
) -> None:
    use(meters)
    since = START - 90 * DAY
    for minutes in (0, 1):
        now = NOW + timedelta(minutes=minutes)
        reconciling.read_again(
            connection.pk, since, begun_at=NOW, now=now, clock=lambda: NOW + HOUR
        )

    assert PollRun.objects.filter(failure_kind="out_of_retention").count() == 3


def test_a_dry_run_reads_nothing(used: RunningSimulator, connection: ProviderConnection) -> None:
    assert "would be read again since" in run("reconcile", connection.public_id, dry_run=True)
    assert "would be read since 2026-01-02" in run("poll", "--since=2026-01-02", dry_run=True)
    assert used.journal() == []


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("reconcile", ["con_unknown"]),
        ("reconcile", ["con_unknown", "--days=0"]),
        ("poll", ["--since=2999-01-01"]),
        ("poll", ["--since=yesterday"]),
    ],
)
@pytest.mark.usefixtures("factors")
def test_what_cannot_be_is_refused(command: str, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        run(command, *arguments)


def test_a_provider_that_refuses_ends_the_command_with_its_reason(
    used: RunningSimulator, connection: ProviderConnection
) -> None:
    used.add_fault("openai", 401)

    with pytest.raises(CommandError, match="could not be read"):
        run("reconcile", connection.public_id)
