"""Reading the last days again: what was revised is appended, what the provider says is kept."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.common.outside import RefusedError
from apps.telemetry.connectors.base import Account
from apps.telemetry.models import (
    CarbonEntry,
    MeteredBucket,
    PollRun,
    ProviderConnection,
    ProviderTotal,
)
from apps.telemetry.selectors import due_connection_ids
from apps.telemetry.services import pacing, polling, reconciling
from apps.workspaces.models import Workspace
from devstack.simulator.testing import RunningSimulator
from tests.telemetry.metering import (
    DAY,
    HOUR,
    KEYS,
    NOW,
    START,
    assert_sound,
    connected,
    contents,
    live_counts,
)
from tests.telemetry.using import Poll, use

TOMORROW = NOW + DAY
Visit = Callable[..., list[PollRun]]
COMPLETIONS = "/organization/usage/completions"


@pytest.fixture
def again(meters: RunningSimulator, connection: ProviderConnection) -> Visit:
    """Reconcile or sweep the connection at a moment, at which the provider lives too."""

    def visit(at: datetime = TOMORROW, *, how: Any = reconciling.reconcile) -> list[PollRun]:
        meters.set_clock(f"{at:%Y-%m-%dT%H:%M:%SZ}")
        runs: list[PollRun] = how(connection.pk, now=at, clock=lambda: at)
        return runs

    return visit


def sources(runs: list[PollRun]) -> set[str]:
    return {run.source for run in runs}


def test_a_day_later_the_last_days_are_read_again_and_the_difference_is_appended(
    meters: RunningSimulator, poll: Poll, again: Visit, connection: ProviderConnection
) -> None:
    event = use(meters)
    poll()
    entries = CarbonEntry.objects.count()
    meters.revise_event(id=event, quantities={"output_tokens": 700})

    runs = again()

    completions = next(run for run in runs if run.source == "openai.completions")
    assert (completions.rows_changed, completions.window_start) == (1, START - 2 * DAY)
    assert completions.window_end == START + DAY + 10 * HOUR
    assert live_counts(connection)[(1, "gpt-4.1")] == (1000, 700)
    assert CarbonEntry.objects.count() == entries + 1
    assert_sound()


def test_what_was_not_revised_writes_nothing(
    meters: RunningSimulator, poll: Poll, again: Visit, connection: ProviderConnection
) -> None:
    use(meters)
    poll(TOMORROW - timedelta(minutes=5))
    before = contents(without={"next_reconcile_at"})
    ProviderConnection.objects.update(next_reconcile_at=TOMORROW)

    runs = again()

    assert {run.outcome for run in runs} == {"unchanged"}
    assert contents(without={"next_reconcile_at"}) == before
    connection.refresh_from_db()
    assert connection.next_reconcile_at is not None
    assert START + 2 * DAY <= connection.next_reconcile_at < START + 3 * DAY


def test_it_is_done_once_a_day(again: Visit) -> None:
    assert again()

    assert again(TOMORROW + timedelta(minutes=1)) == []


def test_before_its_day_is_over_nothing_is_read_again(
    meters: RunningSimulator, again: Visit
) -> None:
    assert again(START + 23 * HOUR) == []
    assert meters.journal() == []


def test_the_sweep_goes_back_five_weeks(
    meters: RunningSimulator, poll: Poll, again: Visit, connection: ProviderConnection
) -> None:
    late = START + 8 * DAY
    old = use(meters, -20 * 24)
    use(meters, -40 * 24)
    poll()
    meters.remove_events(id=old)

    runs = again(late, how=reconciling.sweep)

    assert min(run.window_start for run in runs) == late - 35 * DAY
    assert sum(run.rows_withdrawn for run in runs) == 1
    assert len(live_counts(connection)) == 1
    assert_sound()


def test_a_provider_of_days_is_read_again_for_a_week(
    meters: RunningSimulator, workspace: Workspace
) -> None:
    daily = connected(workspace, "openrouter")
    meters.set_clock(f"{TOMORROW:%Y-%m-%dT%H:%M:%SZ}")

    (run,) = reconciling.reconcile(daily.pk, now=TOMORROW, clock=lambda: TOMORROW)

    assert (run.window_start, run.window_end) == (START - 6 * DAY, START + DAY)


@pytest.mark.parametrize("kind", ["openai", "anthropic", "openrouter"])
def test_the_providers_own_totals_of_whole_days_are_kept_and_replaced(
    meters: RunningSimulator, workspace: Workspace, kind: str
) -> None:
    connection = connected(workspace, kind, account=Account(kind, kind))
    meters.set_clock(f"{TOMORROW:%Y-%m-%dT%H:%M:%SZ}")

    reconciling.reconcile(connection.pk, now=TOMORROW, clock=lambda: TOMORROW)
    first = set(ProviderTotal.objects.values_list("source", "day"))
    ProviderConnection.objects.update(next_reconcile_at=TOMORROW + HOUR)
    later = TOMORROW + HOUR
    meters.set_clock(f"{later:%Y-%m-%dT%H:%M:%SZ}")
    reconciling.reconcile(connection.pk, now=later, clock=lambda: later)

    assert set(ProviderTotal.objects.values_list("source", "day")) == first
    assert all(total.read_at == later for total in ProviderTotal.objects.all())
    assert not any(day >= TOMORROW.date() for _, day in first)


def test_a_total_is_what_the_provider_says_and_not_what_was_read(
    meters: RunningSimulator, poll: Poll, again: Visit
) -> None:
    use(meters)
    poll()

    again()

    told = ProviderTotal.objects.get(source="openai.completions", day=START.date())
    assert (told.input_tokens, told.output_tokens) == (Decimal(1000), Decimal(500))


def test_totals_that_are_not_to_be_had_spoil_nothing(
    meters: RunningSimulator, poll: Poll, again: Visit, connection: ProviderConnection
) -> None:
    use(meters)
    poll()
    meters.add_fault("openai", 429, path="/organization/costs", params={"retry_after": 60})

    runs = again()

    assert {run.outcome for run in runs} == {"unchanged"}
    told = PollRun.objects.get(source="totals")
    assert (told.outcome, told.failure_kind) == ("busy", "rate_limited")
    connection.refresh_from_db()
    assert (connection.status, connection.failure_kind) == ("active", "")


def test_a_key_that_is_refused_stops_the_connection(
    meters: RunningSimulator, again: Visit, connection: ProviderConnection
) -> None:
    meters.add_fault("openai", 401)

    with pytest.raises(RefusedError):
        again()

    connection.refresh_from_db()
    assert (connection.status, connection.next_poll_at) == ("error", None)
    assert due_connection_ids(TOMORROW + 9 * DAY, "next_reconcile_at") == []


@pytest.mark.parametrize("how", [reconciling.reconcile, reconciling.sweep])
def test_a_busy_provider_is_asked_again_when_it_says_and_polling_waits_as_well(
    meters: RunningSimulator, again: Visit, connection: ProviderConnection, how: Any
) -> None:
    meters.add_fault("openai", 429, params={"retry_after": 900})
    at = NOW + 8 * DAY

    with pytest.raises(polling.ProviderBusyError):
        again(at, how=how)

    connection.refresh_from_db()
    due = {connection.next_reconcile_at, connection.next_sweep_at, connection.next_poll_at}
    assert {moment for moment in due if moment and moment >= at + timedelta(seconds=900)} == {
        connection.next_poll_at
    }
    assert (connection.status, connection.failure_kind) == ("active", "")
    assert PollRun.objects.get().outcome == "busy"


def test_a_visit_that_is_told_to_wait_goes_on_where_it_stopped(
    meters: RunningSimulator, poll: Poll, again: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(meters, -20 * 24)
    poll()
    late = START + 8 * DAY
    monkeypatch.setattr(pacing, "MINUTES", 1)  # 30 requests are fewer than five weeks take
    meters.clear_journal()

    with pytest.raises(polling.PacedError):
        again(late, how=reconciling.sweep)
    asked = len(meters.journal("openai"))
    read = MeteredBucket.objects.filter(read_at=late).count()
    monkeypatch.setattr(pacing, "MINUTES", 10)
    runs = again(late, how=reconciling.sweep)

    assert 0 < asked <= 30
    assert 0 < read < MeteredBucket.objects.filter(read_at=late).count()
    assert min(run.window_start for run in runs) > late - 35 * DAY
    assert not any(KEYS["openai"] in str(entry) for entry in meters.journal())


def test_a_clock_that_is_a_day_ahead_asks_for_no_future(
    meters: RunningSimulator, poll: Poll, again: Visit, connection: ProviderConnection
) -> None:
    use(meters)
    poll()
    meters.set_clock(f"{NOW:%Y-%m-%dT%H:%M:%SZ}")  # the provider still lives a day before

    reconciling.reconcile(connection.pk, now=TOMORROW, clock=lambda: TOMORROW)
    again(TOMORROW + DAY)

    assert live_counts(connection) == {(1, "gpt-4.1"): (1000, 500)}
    assert_sound()


def test_a_paused_connection_is_left_alone(meters: RunningSimulator, again: Visit) -> None:
    ProviderConnection.objects.update(status="paused")

    assert again() == []
    assert meters.journal() == []
    assert due_connection_ids(TOMORROW, "next_reconcile_at") == []
