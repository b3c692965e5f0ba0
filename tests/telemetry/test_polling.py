"""Reading the providers' meters over HTTP, with everything that providers do to those who poll."""

from datetime import timedelta

import pytest

from apps.telemetry.connectors.base import Account
from apps.telemetry.models import (
    CarbonEntry,
    MeteredBucket,
    ProviderConnection,
    TelemetryEvent,
)
from apps.telemetry.services import polling
from apps.workspaces.models import Workspace
from devstack.simulator.testing import RunningSimulator
from tests.telemetry.metering import (
    DAY,
    HOUR,
    NOW,
    START,
    assert_sound,
    co2e_grams,
    connected,
    contents,
    live_counts,
)
from tests.telemetry.using import DIMS, Poll, use


def test_a_poll_stores_what_the_provider_reports_and_plans_the_next(
    meters: RunningSimulator, poll: Poll, connection: ProviderConnection
) -> None:
    use(meters)

    completions, embeddings, moderations = poll()

    assert (completions.outcome, completions.rows_read) == ("recorded", 1)
    assert (embeddings.outcome, embeddings.source) == ("unchanged", "openai.embeddings")
    assert (moderations.outcome, moderations.source) == ("unchanged", "openai.moderations")
    assert completions.finished_at == NOW + timedelta(seconds=2)
    assert live_counts(connection) == {(1, "gpt-4.1"): (1000, 500)}
    connection.refresh_from_db()
    assert connection.last_succeeded_at == connection.last_polled_at == NOW
    assert connection.next_poll_at is not None
    assert timedelta(0) < connection.next_poll_at - NOW < timedelta(hours=2)
    assert_sound()


@pytest.mark.parametrize("provider", ["openai", "anthropic", "openrouter"])
def test_polling_twice_leaves_the_same_database(
    meters: RunningSimulator, workspace: Workspace, provider: str
) -> None:
    quantities = {
        "openai": {"input_tokens": 9, "output_tokens": 4, "num_model_requests": 1},
        "anthropic": {"uncached_input_tokens": 9, "output_tokens": 4},
        "openrouter": {"prompt_tokens": 9, "completion_tokens": 4, "requests": 1},
    }[provider]
    when = f"{START - DAY + HOUR:%Y-%m-%dT%H:%M:%SZ}"
    meters.add_event(provider=provider, time=when, dims={"model": "m"}, quantities=quantities)
    connection = connected(workspace, provider)
    polling.poll(connection.pk, now=NOW, clock=lambda: NOW)
    before = contents()
    assert TelemetryEvent.objects.get().output_tokens == 4

    runs = polling.poll(connection.pk, now=NOW + timedelta(minutes=5), clock=lambda: NOW)

    assert {run.outcome for run in runs} == {"unchanged"}
    assert contents() == before


def test_every_kind_of_revision_is_followed(
    meters: RunningSimulator, poll: Poll, connection: ProviderConnection
) -> None:
    later = NOW + HOUR
    lowered = use(meters, 5, dims={**DIMS, "model": "gpt-4o"})
    vanished = use(meters, 6, dims={**DIMS, "model": "o3"})
    named = use(meters, 7, dims={**DIMS, "model": None})
    emptied = [use(meters, 8), use(meters, 8, dims={**DIMS, "model": "o3"})]
    poll()
    meters.set_clock(f"{later:%Y-%m-%dT%H:%M:%SZ}")
    use(meters, 5)  # arrives late
    meters.revise_event(id=lowered, quantities={"input_tokens": 300})
    meters.revise_event(id=named, dims={"model": "gpt-4.1-mini"})
    meters.remove_events(id=vanished)
    for event in emptied:
        meters.remove_events(id=event)

    run, *_ = poll(later)

    assert (run.rows_changed, run.rows_withdrawn) == (3, 4)
    assert live_counts(connection) == {
        (5, "gpt-4.1"): (1000, 500),
        (5, "gpt-4o"): (300, 500),
        (7, "gpt-4.1-mini"): (1000, 500),
    }
    emptied_bucket = MeteredBucket.objects.get(
        source="openai.completions", starts_at=START + 8 * HOUR
    )
    assert emptied_bucket.rows == 0
    assert_sound()


def test_what_a_second_connection_reads_afresh_is_what_the_first_has_followed(
    meters: RunningSimulator, poll: Poll, workspace: Workspace, connection: ProviderConnection
) -> None:
    events = [use(meters, hour) for hour in range(10)]
    poll()
    meters.revise_event(id=events[7], quantities={"output_tokens": 7})
    meters.remove_events(id=events[8])
    later = NOW + timedelta(minutes=10)
    poll(later)

    fresh = connected(workspace, account=Account("another", "Another"))
    polling.poll(fresh.pk, now=later, clock=lambda: later)

    assert live_counts(fresh) == live_counts(connection)
    assert co2e_grams(connection=fresh) == co2e_grams(connection=connection) > 0


def test_a_count_that_cannot_be_is_set_aside_and_the_rest_is_stored(
    meters: RunningSimulator, poll: Poll, connection: ProviderConnection
) -> None:
    use(meters, quantities={"input_tokens": -5, "output_tokens": 1, "num_model_requests": 1})
    use(meters, dims={**DIMS, "model": "o3"})

    run, *_ = poll()

    assert live_counts(connection) == {(1, "o3"): (1000, 500)}
    assert len(run.warnings) == 1
    assert "row_quarantined" in run.warnings[0]
    assert MeteredBucket.objects.exclude(quarantined=[]).get().rows == 1


def test_names_with_markup_and_any_script_are_kept_as_they_are(
    meters: RunningSimulator, poll: Poll
) -> None:
    name = "<script>alert(1)</script> 模型 \u202e"
    use(meters, dims={**DIMS, "model": name})

    poll()

    assert TelemetryEvent.objects.get().model == CarbonEntry.objects.get().model == name
