"""The calendar of free workspaces, and spans that paid renewals cut."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.billing import check
from apps.billing.models import BillingPeriod, Subscription
from apps.billing.services import closing, periods, subscriptions
from apps.billing.stripe_facts import PaidRenewal, Snapshot
from apps.workspaces.models import Workspace
from tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def day(year: int, month: int, number: int = 1, hour: int = 0) -> datetime:
    return datetime(year, month, number, hour, tzinfo=UTC)


def spans(workspace: Workspace) -> list[tuple[datetime, datetime, str]]:
    found = BillingPeriod.objects.filter(workspace=workspace).order_by("starts_at")
    return list(found.values_list("starts_at", "ends_at", "status"))


def snapshot(start: datetime, end: datetime, begun: datetime, status: str = "active") -> Snapshot:
    return Snapshot("cus_1", "sub_1", "", status, "growth", start, end, begun, None, as_of=start)


def subscribe(workspace: Workspace, told: Snapshot, now: datetime) -> Subscription:
    subscription, _ = Subscription.objects.get_or_create(
        workspace=workspace,
        defaults={"plan": "free", "status": "", "stripe_customer_id": "cus_1", "updated_at": now},
    )
    subscriptions.apply_snapshot(subscription, told, now=now)
    return subscription


def pay(subscription: Subscription, start: datetime, end: datetime, now: datetime) -> str:
    renewal = PaidRenewal("cus_1", "sub_1", "", "in_1", start, end)
    return subscriptions.apply_renewal(subscription, renewal, known_since=now, now=now).text


@pytest.mark.parametrize(
    ("created", "ends"),
    [
        (day(2026, 12, 31, 23), day(2027, 1)),
        (day(2028, 2, 29, 12), day(2028, 3)),
        (day(2027, 2, 28, 12), day(2027, 3)),
        (day(2026, 11, 1), day(2026, 12)),
    ],
)
def test_a_free_period_is_the_calendar_month(created: datetime, ends: datetime) -> None:
    workspace = WorkspaceFactory.create(created_at=created)

    periods.advance_periods(now=created)

    assert spans(workspace) == [(day(created.year, created.month), ends, "open")]


def test_months_that_passed_unattended_are_caught_up_with() -> None:
    workspace = WorkspaceFactory.create(created_at=day(2026, 8, 20))
    periods.advance_periods(now=day(2026, 8, 20))

    assert periods.advance_periods(now=day(2026, 11)) == 6

    assert [status for *_, status in spans(workspace)] == ["closing"] * 3 + ["open"]
    assert len(closing.run(now=day(2026, 11, 20), registry_url="")) == 3
    assert check.invariant_violations() == []


def test_advancing_again_moves_nothing() -> None:
    WorkspaceFactory.create(created_at=day(2026, 11))
    periods.advance_periods(now=day(2026, 11))

    assert periods.advance_periods(now=day(2026, 12) - DAY) == 0


def test_a_subscription_of_the_31st_follows_stripes_spans_and_not_the_calendar() -> None:
    workspace = WorkspaceFactory.create(created_at=day(2027, 1, 3))
    periods.advance_periods(now=day(2027, 1, 3))
    begun, second, third = day(2027, 1, 31, 9), day(2027, 2, 28, 9), day(2027, 3, 31, 9)
    subscription = subscribe(workspace, snapshot(begun, second, begun), begun)

    assert pay(subscription, begun, second, second) == "period closing"
    subscribe(workspace, snapshot(second, third, begun), second)

    assert spans(workspace) == [
        (day(2027, 1), begun, "closing"),
        (begun, second, "closing"),
        (second, third, "open"),
    ]


def test_a_leap_day_ends_a_span_like_any_other() -> None:
    workspace = WorkspaceFactory.create(created_at=day(2028, 1, 29))
    begun, second = day(2028, 1, 29), day(2028, 2, 29)
    subscription = subscribe(workspace, snapshot(begun, second, begun), begun)

    pay(subscription, begun, second, second)

    assert (begun, second, "closing") in spans(workspace)


def test_after_a_renewal_the_next_span_opens_when_stripe_has_told_it() -> None:
    workspace = WorkspaceFactory.create(created_at=day(2026, 10))
    begun, second, third = day(2026, 10, 5), day(2026, 11, 5), day(2026, 12, 5)
    subscription = subscribe(workspace, snapshot(begun, second, begun), begun)
    pay(subscription, begun, second, second)
    assert periods.advance_periods(now=second) == 0

    subscribe(workspace, snapshot(second, third, begun), second)

    assert spans(workspace)[-1] == (second, third, "open")


def test_a_span_that_was_paid_before_the_workspace_had_periods_is_put_before_them() -> None:
    workspace = WorkspaceFactory.create(created_at=day(2026, 11, 20))
    periods.advance_periods(now=day(2026, 11, 20))
    begun, second, third = day(2026, 10), day(2026, 11), day(2026, 12)
    subscription = subscribe(workspace, snapshot(begun, second, begun), day(2026, 11, 20))
    subscribe(workspace, snapshot(second, third, begun), day(2026, 11, 20))

    pay(subscription, begun, second, day(2026, 11, 20))

    assert spans(workspace) == [(begun, second, "closing"), (second, third, "open")]
    assert set(BillingPeriod.objects.values_list("plan", flat=True)) == {"growth"}


def test_a_renewal_waits_for_the_one_before_it_and_is_closed_with_it_in_the_end() -> None:
    workspace = WorkspaceFactory.create(created_at=day(2026, 8))
    a, b, c, d = (day(2026, month, 5) for month in (8, 9, 10, 11))
    subscription = subscribe(workspace, snapshot(a, b, a), a)
    subscribe(workspace, snapshot(c, d, a), c)

    assert "waiting" in pay(subscription, b, c, c)
    renewal = PaidRenewal("cus_1", "sub_1", "", "in_2", b, c)
    subscriptions.apply_renewal(subscription, renewal, known_since=c, now=c + 5 * DAY)

    assert spans(workspace)[1:] == [(a, c, "closing"), (c, d, "open")]


def test_an_attempt_that_was_never_paid_changes_no_period() -> None:
    workspace = WorkspaceFactory.create(created_at=day(2026, 10))
    periods.advance_periods(now=day(2026, 10))
    before = spans(workspace)
    begun, second = day(2026, 10, 5), day(2026, 11, 5)

    subscribe(workspace, snapshot(begun, second, begun, "incomplete"), begun)
    subscribe(workspace, snapshot(begun, second, begun, "incomplete_expired"), begun)

    assert spans(workspace) == before
