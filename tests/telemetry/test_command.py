"""`manage.py poll`: what an operator sees, and the exit code."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.common import clock
from apps.telemetry.models import ProviderConnection, TelemetryEvent
from apps.workspaces.models import Workspace
from devstack.simulator.testing import RunningSimulator
from tests.telemetry.metering import DAY, connected
from tests.telemetry.using import DIMS


@pytest.fixture
def used(meters: RunningSimulator) -> RunningSimulator:
    meters.command("POST", "/clock", {"real": True})
    yesterday = f"{clock.now() - DAY:%Y-%m-%dT%H:%M:%SZ}"
    meters.add_event(
        provider="openai",
        time=yesterday,
        visible_from=yesterday,
        dims=DIMS,
        quantities={"input_tokens": 10, "output_tokens": 7, "num_model_requests": 1},
    )
    return meters


def poll(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("poll", *arguments, stdout=out, stderr=out, **options)
    return out.getvalue()


@pytest.mark.usefixtures("used")
def test_every_active_connection_is_polled(connection: ProviderConnection) -> None:
    said = poll()

    assert f"{connection.public_id}  openai.completions" in said
    assert "1 rows, 1 changed, 0 withdrawn" in said
    assert TelemetryEvent.objects.count() == 1


@pytest.mark.usefixtures("connection")
def test_a_dry_run_reads_nothing(used: RunningSimulator) -> None:
    said = poll(dry_run=True)

    assert "would be read" in said
    assert used.journal() == []


@pytest.mark.usefixtures("used")
def test_one_connection_or_one_workspace_can_be_chosen(
    connection: ProviderConnection, theirs: Workspace
) -> None:
    other = connected(theirs)

    assert other.public_id not in poll(connection.public_id)
    assert connection.public_id not in poll(workspace="theirs")


@pytest.mark.usefixtures("db")
def test_an_unknown_connection_is_an_error() -> None:
    with pytest.raises(CommandError, match="con_nothing"):
        poll("con_nothing")


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize("fault", [401, 429])
def test_a_connection_that_cannot_be_read_is_an_error(used: RunningSimulator, fault: int) -> None:
    used.add_fault("openai", fault)

    with pytest.raises(CommandError, match="1 connection"):
        poll()

    assert not TelemetryEvent.objects.exists()
