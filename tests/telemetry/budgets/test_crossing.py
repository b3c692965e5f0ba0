"""Crossing thresholds: exactly, once, in which month, and what is told about it."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
import time_machine
from django.conf import settings as configured
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from apps.telemetry import tasks
from apps.telemetry.models import AlertDelivery, BudgetAlert, ProviderConnection
from apps.telemetry.services.budget_alerts import check_budgets
from apps.workspaces.models import Workspace
from tests.factories import WorkspaceFactory, new_key
from tests.holding import held
from tests.telemetry.budgets.keeping import DAY, HOOK, NOW, URL, compute, kept, use
from tests.telemetry.metering import bucket, row, take
from tests.telemetry.waiting import until

pytestmark = pytest.mark.usefixtures("at_half_past_ten")
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def nobody_listens() -> Iterator[None]:
    yield
    with redis.Redis.from_url(configured.CELERY_BROKER_URL) as broker:
        broker.flushdb()


def reached(month: str = "2026-11") -> list[int]:
    found = BudgetAlert.objects.filter(month=f"{month}-01").order_by("threshold")
    return list(found.values_list("threshold", flat=True))


@pytest.mark.parametrize(
    ("grams", "crossed"),
    [
        ("499.999999999999", []),
        ("500", [50]),
        ("799.999999999999", [50]),
        ("800", [50, 80]),
        ("1000.000000000001", [50, 80, 100]),
        ("12345678901234567.123456789012", [50, 80, 100]),
    ],
)
def test_reaching_a_threshold_exactly_is_crossing_it(
    client: Any, workspace: Workspace, grams: str, crossed: list[int]
) -> None:
    kept(client)
    use(workspace, grams)

    assert check_budgets(now=NOW) == len(crossed)
    assert reached() == crossed


def test_a_threshold_of_a_third_is_exact_too(client: Any, workspace: Workspace) -> None:
    kept(client, monthly_amount=3, thresholds=[33, 67])
    use(workspace, "0.99")
    use(workspace, "1.02", NOW - DAY)

    check_budgets(now=NOW)

    assert reached() == [33, 67]


def test_each_recipient_of_each_alert_is_put_by_in_the_same_transaction(
    client: Any, workspace: Workspace
) -> None:
    body = kept(
        client, thresholds=[80], webhook_url=HOOK, emails=["a@example.com", "b@example.com"]
    )
    use(workspace, 900)

    check_budgets(now=NOW)

    (alert,) = client.get(f"{URL}/{body['id']}/alerts").json()["results"]
    assert (alert["threshold"], alert["used_amount"], alert["monthly_amount"]) == (80, 900, 1000)
    assert (alert["month"], alert["crossed_at"]) == ("2026-11-01", "2026-11-18T10:30:00Z")
    told = [(one["channel"], one["target"], one["state"]) for one in alert["deliveries"]]
    assert told == [
        ("email", "a@example.com", "waiting"),
        ("email", "b@example.com", "waiting"),
        ("webhook", HOOK, "waiting"),
    ]
    assert client.get(f"{URL}/{body['id']}").json()["alerts"] == [alert]
    assert len({one["id"] for one in alert["deliveries"]}) == 3


@pytest.mark.usefixtures("nobody_listens")
def test_running_the_task_again_tells_nobody_twice(client: Any, workspace: Workspace) -> None:
    kept(client)
    use(workspace, 900)

    assert (tasks.check_budgets(), tasks.check_budgets()) == (2, 0)

    assert AlertDelivery.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_note_each_threshold_once(client: Any, workspace: Workspace) -> None:
    kept(client)
    use(workspace, 900)
    noted: list[int] = []

    def check() -> None:
        try:
            noted.append(check_budgets(now=NOW))
        finally:
            database.close()

    workers = [threading.Thread(target=check) for _ in range(2)]
    with held("telemetry_budgetalert"):
        for worker in workers:
            worker.start()
        until(lambda: waiting_for("telemetry_budgetalert") == 2)
    for worker in workers:
        worker.join()

    assert sorted(noted) == [0, 2]
    assert reached() == [50, 80]
    assert AlertDelivery.objects.count() == 2


def waiting_for(table: str) -> int:
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND NOT granted", [table]
        )
        return int(cursor.fetchone()[0])


def test_a_revision_that_takes_the_use_back_leaves_the_alert(
    client: Any, connection: ProviderConnection
) -> None:
    take(connection, bucket(0, row("gpt-4.1", 1_000_000, 500_000)))
    body = kept(client, monthly_amount="0.000001", thresholds=[100])
    check_budgets(now=NOW)

    take(connection, at=NOW + timedelta(minutes=1))
    check_budgets(now=NOW + timedelta(minutes=2))

    shown = client.get(f"{URL}/{body['id']}").json()
    assert shown["used"]["central"] == 0
    assert [alert["threshold"] for alert in shown["alerts"]] == [100]
    assert shown["alerts"][0]["used_amount"] > 0


@pytest.mark.parametrize(
    ("used_at", "month"),
    [
        (DECEMBER - timedelta(seconds=1), "2026-11"),
        (DECEMBER, "2026-12"),
    ],
)
def test_the_month_ends_at_midnight_utc(
    client: Any, workspace: Workspace, used_at: datetime, month: str
) -> None:
    kept(client, thresholds=[80])
    use(workspace, 500, used_at)
    compute(workspace, 400, used_at)

    check_budgets(now=DECEMBER)

    assert reached(month) == [80]
    assert BudgetAlert.objects.count() == 1


@pytest.mark.parametrize(
    ("now", "crossed"),
    [
        (DECEMBER + 3 * DAY - timedelta(seconds=1), [50, 80]),
        (DECEMBER + 3 * DAY, []),
    ],
)
def test_late_usage_of_the_month_before_is_looked_at_for_three_days(
    client: Any, workspace: Workspace, now: datetime, crossed: list[int]
) -> None:
    kept(client)
    use(workspace, 900)

    check_budgets(now=now)

    assert reached() == crossed
    assert reached("2026-12") == []


def test_a_budget_says_nothing_of_a_month_before_it_was_kept(
    client: Any, workspace: Workspace
) -> None:
    use(workspace, 900)
    with time_machine.travel(DECEMBER + DAY, tick=False):
        kept(client)

    assert check_budgets(now=DECEMBER + DAY) == 0


def test_a_lower_budget_crosses_and_a_higher_one_takes_nothing_back(
    client: Any, workspace: Workspace
) -> None:
    one = f"{URL}/{kept(client, thresholds=[100])['id']}"
    use(workspace, 900)
    assert check_budgets(now=NOW) == 0

    for amount in (900, 2000, 500):
        client.patch(one, {"monthly_amount": amount})
        check_budgets(now=NOW)

    (alert,) = client.get(one).json()["alerts"]
    assert alert["monthly_amount"] == 900


@pytest.mark.parametrize("what", ["archived", "closed"])
def test_what_is_archived_or_closed_is_not_watched(
    client: Any, workspace: Workspace, what: str
) -> None:
    body = kept(client)
    use(workspace, 900)
    if what == "archived":
        client.delete(f"{URL}/{body['id']}")
    else:
        Workspace.objects.update(closed_at=NOW)

    assert check_budgets(now=NOW) == 0


def test_all_budgets_of_all_workspaces_take_the_same_queries(
    api: Callable[..., Any], client: Any, workspace: Workspace
) -> None:
    kept(client)
    use(workspace, 900)
    with CaptureQueriesContext(database) as of_one:
        check_budgets(now=NOW)
    for other in WorkspaceFactory.create_batch(5):
        program = api(new_key(other))
        for number in range(3):
            kept(program, name=f"{number}")
        use(other, 900)

    with CaptureQueriesContext(database) as of_many:
        assert check_budgets(now=NOW) == 30

    assert len(of_many) == len(of_one)
