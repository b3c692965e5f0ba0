"""Reading the providers' meters over HTTP, with everything that providers do to those who poll."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.common.outside import RefusedError
from apps.telemetry.connectors.base import Account
from apps.telemetry.models import (
    CarbonEntry,
    MeteredBucket,
    PollRun,
    ProviderConnection,
    SyncCursor,
    TelemetryEvent,
)
from apps.telemetry.services import connections, polling
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

DIMS = {"model": "gpt-4.1", "project_id": "proj_1"}
Poll = Callable[..., list[PollRun]]


@pytest.fixture
def poll(meters: RunningSimulator, connection: ProviderConnection) -> Poll:
    def read(at: datetime = NOW) -> list[PollRun]:
        meters.set_clock(f"{at:%Y-%m-%dT%H:%M:%SZ}")
        return polling.poll(connection.pk, now=at, clock=lambda: at + timedelta(seconds=2))

    return read


def use(meters: RunningSimulator, hour: int = 1, **more: Any) -> str:
    """One event of OpenAI, by default seen at once; its id."""
    usual = {
        "provider": "openai",
        "time": f"{START + hour * HOUR + timedelta(minutes=20):%Y-%m-%dT%H:%M:%SZ}",
        "dims": DIMS,
        "quantities": {"input_tokens": 1000, "output_tokens": 500, "num_model_requests": 4},
    }
    return str(meters.add_event(**{**usual, **more})["id"])


def test_a_poll_stores_what_the_provider_reports_and_plans_the_next(
    meters: RunningSimulator, poll: Poll, connection: ProviderConnection
) -> None:
    use(meters)

    completions, embeddings = poll()

    assert (completions.outcome, completions.rows_read) == ("recorded", 1)
    assert (embeddings.outcome, embeddings.source) == ("unchanged", "openai.embeddings")
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

    run, _ = poll(later)

    assert (run.rows_changed, run.rows_withdrawn) == (3, 4)
    assert live_counts(connection) == {
        (5, "gpt-4.1"): (1000, 500),
        (5, "gpt-4o"): (300, 500),
        (7, "gpt-4.1-mini"): (1000, 500),
    }
    assert MeteredBucket.objects.get(source="openai.completions", starts_at=START + 8 * HOUR)
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


@pytest.mark.parametrize(
    ("kind", "told", "params"),
    [
        (429, "rate_limited", {"retry_after": 17}),
        (500, "transient", {}),
        ("reset", "transient", {}),
        ("truncated_json", "malformed_response", {}),
        ("has_more_without_next_page", "malformed_response", {}),
    ],
)
def test_a_failed_reading_stores_nothing_and_leaves_the_cursor(
    meters: RunningSimulator,
    poll: Poll,
    connection: ProviderConnection,
    kind: Any,
    told: str,
    params: dict[str, Any],
) -> None:
    use(meters, 2)
    poll(NOW - 2 * HOUR)
    use(meters, 8)
    before, cursors = contents(), list(SyncCursor.objects.values())
    meters.add_fault("openai", kind, path="/organization/usage/completions", params=params)

    with pytest.raises(polling.ProviderBusyError):
        poll()

    without_state = {"failure_kind", "failure_message", "failed_at", "consecutive_failures"}
    after = contents(without=without_state)
    assert after == contents_without(before, without_state)
    assert list(SyncCursor.objects.values()) == cursors
    connection.refresh_from_db()
    assert (connection.status, connection.failure_kind) == ("active", told)
    assert connection.next_poll_at is not None
    assert connection.next_poll_at >= NOW + timedelta(minutes=5)
    meters.clear_faults()
    poll(NOW + timedelta(minutes=10))
    assert set(live_counts(connection)) == {(2, "gpt-4.1"), (8, "gpt-4.1")}
    connection.refresh_from_db()
    assert (connection.failure_kind, connection.consecutive_failures) == ("", 0)


def contents_without(
    stored: dict[str, list[dict[str, Any]]], names: set[str]
) -> dict[str, list[dict[str, Any]]]:
    return {
        kind: [{name: row[name] for name in row.keys() - names} for row in rows]
        for kind, rows in stored.items()
    }


def test_a_fault_on_the_second_page_stores_nothing_of_the_first(
    meters: RunningSimulator, poll: Poll
) -> None:
    use(meters)
    meters.add_fault("openai", 500, path="/organization/usage", on_calls=[2, 3, 4])

    with pytest.raises(polling.ProviderBusyError):
        poll()

    assert not TelemetryEvent.objects.exists()
    assert not MeteredBucket.objects.exists()
    assert PollRun.objects.get().outcome == "busy"


def test_the_pause_doubles_with_every_failure_in_a_row(
    meters: RunningSimulator, poll: Poll, connection: ProviderConnection
) -> None:
    meters.add_fault("openai", 429, params={"retry_after": 30})  # more than a call waits
    pauses = []
    for _ in range(6):
        with pytest.raises(polling.ProviderBusyError):
            poll()
        connection.refresh_from_db()
        assert connection.next_poll_at is not None
        pauses.append(connection.next_poll_at - NOW)

    first = pauses[0]
    share = first - timedelta(minutes=5)
    assert timedelta(0) <= share < timedelta(minutes=5)
    assert [pause - share for pause in pauses] == [
        timedelta(minutes=minutes) for minutes in (5, 10, 20, 40, 60, 60)
    ]


def test_a_refused_key_stops_the_connection_and_says_why(
    meters: RunningSimulator, poll: Poll, connection: ProviderConnection
) -> None:
    meters.add_fault("openai", 401)

    with pytest.raises(RefusedError):
        poll()

    connection.refresh_from_db()
    assert (connection.status, connection.next_poll_at) == ("error", None)
    assert connection.failure_kind in {"auth", "permission"}
    assert len(connection.failure_message.split()) > 2
    assert poll() == []  # nothing is read until a person says so
    assert PollRun.objects.get().outcome == "refused"


def test_retrying_takes_a_stopped_connection_up_again(
    meters: RunningSimulator, poll: Poll, connection: ProviderConnection
) -> None:
    use(meters)
    meters.add_fault("openai", 403)
    with pytest.raises(RefusedError):
        poll()
    meters.clear_faults()

    connections.retry(connection, actor="tests", now=NOW)
    poll()

    connection.refresh_from_db()
    assert (connection.status, connection.failure_kind) == ("active", "")
    assert live_counts(connection) == {(1, "gpt-4.1"): (1000, 500)}


def test_a_connection_revoked_during_a_failing_poll_stays_revoked(
    meters: RunningSimulator, connection: ProviderConnection
) -> None:
    meters.add_fault("openai", 401)

    def clock() -> datetime:  # asked when the failure is written down
        connections.revoke(connection, actor="tests", now=NOW)
        return NOW

    with pytest.raises(RefusedError):
        polling.poll(connection.pk, now=NOW, clock=clock)

    connection.refresh_from_db()
    assert (connection.status, connection.next_poll_at) == ("revoked", None)


def test_days_no_longer_served_are_left_out_and_the_rest_is_read(
    meters: RunningSimulator, poll: Poll, connection: ProviderConnection
) -> None:
    use(meters)
    error = {"message": "start_time is too far in the past", "param": "start_time"}
    meters.add_fixture(
        path="/openai/v1/organization/usage/completions",
        query={"start_time": str(int((NOW.replace(minute=0) - 60 * DAY).timestamp()))},
        status=400,
        body={"error": {**error, "type": "invalid_request_error", "code": None}},
    )

    runs = poll()

    assert live_counts(connection) == {(1, "gpt-4.1"): (1000, 500)}
    gap = PollRun.objects.get(outcome="refused")
    assert gap.failure_kind == "out_of_retention"
    assert gap.window_start < runs[0].window_start
    connection.refresh_from_db()
    assert connection.status == "active"


def test_a_count_that_cannot_be_is_set_aside_and_the_rest_is_stored(
    meters: RunningSimulator, poll: Poll, connection: ProviderConnection
) -> None:
    use(meters, quantities={"input_tokens": -5, "output_tokens": 1, "num_model_requests": 1})
    use(meters, dims={**DIMS, "model": "o3"})

    run, _ = poll()

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
