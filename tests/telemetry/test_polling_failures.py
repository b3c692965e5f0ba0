"""What a provider may do to those who poll it, and that nothing is lost or doubled by it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.common.outside import RefusedError
from apps.telemetry.models import (
    MeteredBucket,
    PollRun,
    ProviderConnection,
    SyncCursor,
    TelemetryEvent,
)
from apps.telemetry.services import connections, operating, polling
from devstack.simulator.testing import RunningSimulator
from tests.telemetry.metering import (
    DAY,
    HOUR,
    NOW,
    contents,
    live_counts,
)
from tests.telemetry.using import Poll, use


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
    *,
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

    operating.resume(connection, actor="tests", now=NOW)
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
