"""A recalculation that is killed, or meets a close: the ledger ends the same, a receipt too."""

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from apps.billing.services import closing
from apps.telemetry.models import SUMMED, CarbonEntry, ProviderConnection, TelemetryEvent
from apps.workspaces.models import Workspace
from tests.billing.recalculating import (
    NEW,
    OLD,
    contents,
    counts,
    newest_event_held,
    publish_new_factors,
    recalculate,
    shares,
    sums,
    told,
    trail,
    use_many,
)
from tests.billing.stock import DUE, OCTOBER, closing_period
from tests.billing.usage import revise, use
from tests.factories import WorkspaceFactory
from tests.holding import database_url, held, is_somebody_waiting, is_waited_for
from tests.telemetry.metering import NOW, bucket, connected, row, take
from tests.telemetry.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("factors")]

DAY = timedelta(days=1)
MUCH = 10_000_000


def recalculating_process(workspace: Workspace) -> subprocess.Popen[bytes]:
    """`manage.py recalculate_emissions` in a process of its own, on the tests' database."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "recalculate_emissions", "--workspace", workspace.slug],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": database_url(),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    process.communicate()


def without_events(workspace: Workspace) -> list[tuple[object, ...]]:
    entries = CarbonEntry.objects.filter(workspace=workspace).order_by("event", "sequence")
    return list(entries.values_list("sequence", "reason", "factor_set", *SUMMED))


def run_again_it_equals_an_undisturbed_one(killed: Workspace, undisturbed: Workspace) -> None:
    until(lambda: not is_somebody_waiting())  # until the dead one's connection is gone
    recalculate()

    assert without_events(killed) == without_events(undisturbed)
    (audited,), (expected,) = told(killed), told(undisturbed)
    assert {**audited, "last_entry": 0} == {**expected, "last_entry": 0}
    assert Decimal(audited["after"]["co2e_grams"]) == sums(killed)["all_co2e_grams"]
    call_command("check_invariants", stdout=io.StringIO())


@pytest.mark.parametrize(
    ("table", "entries"),
    [
        ("telemetry_carbonentry", 0),  # the events are chosen
        ("telemetry_rollup", 0),  # the entries are written
        ("workspaces_auditevent", 2),  # everything but the audit event is committed
    ],
)
def test_killed_while_it_writes(workspace: Workspace, table: str, entries: int) -> None:
    undisturbed = WorkspaceFactory.create()
    for each in (workspace, undisturbed):
        use(each, MUCH, OCTOBER + DAY)
        use(each, 2 * MUCH, OCTOBER + DAY)
    publish_new_factors()

    with held(table):
        process = recalculating_process(workspace)
        until(lambda: is_waited_for(table) or process.poll() is not None)
        assert process.poll() is None, process.communicate()[0].decode()
        kill(process)

    assert CarbonEntry.objects.filter(reason="recalculated").count() == entries
    assert told(workspace) == []
    run_again_it_equals_an_undisturbed_one(workspace, undisturbed)


def test_killed_in_the_second_batch_it_has_kept_the_first(workspace: Workspace) -> None:
    undisturbed = WorkspaceFactory.create()
    for each in (workspace, undisturbed):
        use_many(each, 1_002, OCTOBER + DAY)
    publish_new_factors()

    with newest_event_held(workspace):
        process = recalculating_process(workspace)
        until(lambda: is_somebody_waiting() or process.poll() is not None)
        assert process.poll() is None, process.communicate()[0].decode()
        kill(process)

    assert CarbonEntry.objects.filter(reason="recalculated").count() == 1_000
    run_again_it_equals_an_undisturbed_one(workspace, undisturbed)


def in_a_thread(act: Callable[[], object], problems: list[BaseException]) -> threading.Thread:
    def run() -> None:
        try:
            act()
        except BaseException as problem:  # noqa: BLE001 - told to the main thread
            problems.append(problem)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_close_waits_for_the_batch_and_states_what_it_wrote(workspace: Workspace) -> None:
    use(workspace, MUCH, OCTOBER + DAY)
    period = closing_period(workspace, plan="free")
    publish_new_factors()
    problems: list[BaseException] = []

    with newest_event_held(workspace):
        recalculation = in_a_thread(recalculate, problems)
        until(is_somebody_waiting)  # the recalculation, for the event
        close = in_a_thread(lambda: closing.run(now=DUE, registry_url=""), problems)
        until(lambda: is_waiting_for_a_period() or not close.is_alive())
        assert close.is_alive()
    recalculation.join()
    close.join()

    assert problems == []
    period.refresh_from_db()
    assert (period.status, period.entries_count) == ("closed", 2)
    assert period.co2e_grams == sums(workspace)["all_co2e_grams"]
    call_command("check_invariants", stdout=io.StringIO())


def test_a_recalculation_waits_for_a_close_and_leaves_what_it_settled(
    workspace: Workspace,
) -> None:
    use(workspace, MUCH, OCTOBER + DAY)
    period = closing_period(workspace, plan="free")
    publish_new_factors()
    entries = contents(workspace)
    problems: list[BaseException] = []
    reports = []

    with transaction.atomic():
        closing.settle(period.pk, now=DUE)
        recalculation = in_a_thread(lambda: reports.append(recalculate()[0]), problems)
        until(lambda: is_somebody_waiting() or not recalculation.is_alive())
    recalculation.join()

    assert problems == []
    assert shares(reports[0], workspace) == {}
    assert contents(workspace) == entries
    closing.run(now=DUE, registry_url="")
    call_command("check_invariants", stdout=io.StringIO())


def test_a_recalculation_waits_for_a_revision_and_values_its_counts(workspace: Workspace) -> None:
    event = use(workspace, MUCH, OCTOBER + DAY)
    publish_new_factors()
    problems: list[BaseException] = []

    with transaction.atomic():
        revise(event, 2 * MUCH, OCTOBER + 2 * DAY)
        recalculation = in_a_thread(recalculate, problems)
        until(lambda: is_somebody_waiting() or not recalculation.is_alive())
    recalculation.join()

    assert problems == []
    assert trail(event) == [("measured", OLD), ("revised", OLD), ("recalculated", NEW)]
    call_command("check_invariants", stdout=io.StringIO())


def test_a_recalculation_waits_for_a_reading_of_its_connection(workspace: Workspace) -> None:
    polled = connected(workspace)
    take(polled, bucket(0, row()))
    publish_new_factors()
    problems: list[BaseException] = []

    with transaction.atomic():
        ProviderConnection.objects.select_for_update(no_key=True).get(pk=polled.pk)
        recalculation = in_a_thread(recalculate, problems)
        until(lambda: is_somebody_waiting() or not recalculation.is_alive())
        take(polled, bucket(0, row(output=7)), at=NOW + DAY)
    recalculation.join()

    assert problems == []
    assert trail(TelemetryEvent.objects.get())[1:] == [("revised", OLD), ("recalculated", NEW)]
    call_command("check_invariants", stdout=io.StringIO())


def test_two_recalculations_at_once_change_each_event_once(workspace: Workspace) -> None:
    use_many(workspace, 50, OCTOBER + DAY)
    publish_new_factors()
    problems: list[BaseException] = []
    reports = []

    with newest_event_held(workspace):
        both = [in_a_thread(lambda: reports.append(recalculate()[0]), problems) for _ in range(2)]
        until(is_somebody_waiting)
    for each in both:
        each.join()

    assert problems == []
    assert sorted(counts(shares(report, workspace)[None]) for report in reports) == [
        (50, 0, 0),
        (50, 50, 0),
    ]
    assert len(told(workspace)) == 1
    call_command("check_invariants", stdout=io.StringIO())


def is_waiting_for_a_period() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND query LIKE '%%billing_billingperiod%%'"
        )
        return bool(cursor.fetchone()[0])
