"""Two close runs at the same moment, on two connections: no gram is given twice."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction

from apps.billing import check
from apps.billing.models import BillingPeriod, CreditAllocation
from apps.billing.services import closing
from apps.billing.services import credits as stock
from tests.billing.stock import DUE, LOADED, OCTOBER, ROW, closing_period, csv_of, load
from tests.billing.usage import publish_factors, use
from tests.factories import WorkspaceFactory
from tests.holding import is_somebody_waiting
from tests.telemetry.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], object]) -> list[Exception]:
    """Run every act in a thread of its own, all released together; answer what went wrong."""
    problems: list[Exception] = []
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        try:
            gate.wait(timeout=10)
            act()
        except Exception as problem:  # noqa: BLE001 - told to the main thread
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems


def test_two_runs_at_once_close_each_period_once_and_give_no_gram_twice() -> None:
    publish_factors()
    load(3)
    for _ in range(4):
        workspace = WorkspaceFactory.create()
        use(workspace, 50_000_000, OCTOBER + timedelta(days=1))
        closing_period(workspace)

    problems = at_once(*[lambda: closing.run(now=DUE, registry_url="")] * 2)

    assert problems == []
    assert CreditAllocation.objects.count() == 4
    assert not BillingPeriod.objects.exclude(problem="").exists()
    assert check.invariant_violations() == []


def test_a_second_planner_waits_for_the_first_and_plans_with_what_it_left() -> None:
    publish_factors()
    load(3)
    for _ in range(2):
        workspace = WorkspaceFactory.create()
        use(workspace, 50_000_000, OCTOBER + timedelta(days=1))
        closing_period(workspace)
    closing.settle_due(now=DUE)
    problems: list[Exception] = []
    second = threading.Thread(
        target=lambda: problems.extend(at_once(lambda: closing.allocate(now=DUE)))
    )

    with transaction.atomic():
        closing.allocate(now=DUE)
        second.start()
        until(is_somebody_waiting)
    second.join()

    assert problems == []
    assert CreditAllocation.objects.count() == 2


def test_two_loads_at_once_do_not_share_the_gram_space() -> None:
    files = [
        csv_of([{**ROW, "serial_range": f"DEMO-{n}-1-20", "project_id": f"DEMO-{n}"}])
        for n in range(2)
    ]

    problems = at_once(*[lambda file=file: stock.load(file, now=LOADED) for file in files])

    assert problems == []
    assert check.invariant_violations() == []
