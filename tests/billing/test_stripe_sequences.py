"""Sequences of Stripe's deliveries, in many orders and often: one state, always the same rows."""

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction

from apps.billing.models import BillingPeriod, StripeEvent, Subscription
from apps.billing.services import events, periods
from apps.billing.stripe_facts import delivery
from apps.billing.stripe_gateway import StripeGateway
from apps.workspaces.models import Workspace
from devstack.simulator.testing import RunningSimulator
from tests.billing.deliveries import EVENTS, SEQUENCES, event, sequence
from tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db

CREATED = datetime(2026, 10, 1, 8, tzinfo=UTC)
NOW = datetime(2026, 12, 10, tzinfo=UTC)
NAMES = [one["name"] for one in SEQUENCES]
RANDOM_OR_OWN = {"id", "public_id", "workspace_id"}


def deliver(workspace: Workspace, names: list[str], gateway: StripeGateway) -> None:
    for name in names:
        body = json.dumps(event(name, workspace)).encode()
        told = delivery(body)
        events.store(told, body, now=NOW)
        events.process(told.id, gateway=gateway, now=NOW)


def orders(names: list[str]) -> list[list[str]]:
    """In order, reversed, each five times, and shuffled with some delivered more than once."""
    found = [names, names[::-1], names * 5]
    for seed in range(6):
        chance = random.Random(seed)  # noqa: S311 - an order, not a secret
        again = [name for name in names for _ in range(chance.randint(1, 3))]
        chance.shuffle(again)
        found.append(again)
    return found


def state(workspace: Workspace) -> dict[str, Any]:
    """All that billing knows of a workspace, without what is random."""
    rows = Subscription.objects.filter(workspace=workspace).values()
    spans = BillingPeriod.objects.filter(workspace=workspace).order_by("starts_at").values()
    waiting = StripeEvent.objects.filter(processed_at=None).values_list("pk", flat=True)
    return {
        "subscriptions": [_shown({**row}) for row in rows],
        "periods": [_shown({**row}) for row in spans],
        "events": sorted(StripeEvent.objects.values_list("pk", flat=True)),
        "waiting": sorted(waiting),
    }


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in RANDOM_OR_OWN}


def unix(*moments: datetime | None) -> list[int | None]:
    return [None if moment is None else int(moment.timestamp()) for moment in moments]


def assert_expected(workspace: Workspace, expected: dict[str, Any]) -> None:
    closing = BillingPeriod.objects.filter(
        workspace=workspace, status="closing", retires_credits=True
    )
    spans = [unix(period.starts_at, period.ends_at) for period in closing.order_by("starts_at")]
    assert spans == expected["closing"]
    wanted = expected["subscription"]
    known = Subscription.objects.filter(workspace=workspace).first()
    if wanted is None or known is None:
        assert known is wanted
        return
    assert known.stripe_subscription_id == wanted["id"]
    assert known.status == wanted.get("status", known.status)
    assert known.plan == wanted.get("plan", known.plan)
    current = unix(known.current_period_start, known.current_period_end)
    assert current == wanted.get("current_period", current)


@pytest.mark.parametrize("name", NAMES)
def test_a_sequence_ends_in_its_state_and_the_same_rows_in_every_order(
    unreachable: StripeGateway, name: str
) -> None:
    expected = sequence(name)
    found = []

    for names in orders(expected["deliver"]):
        with transaction.atomic():
            workspace = WorkspaceFactory.create(created_at=CREATED)
            periods.advance_periods(now=CREATED)
            deliver(workspace, names, unreachable)
            assert_expected(workspace, expected)
            found.append(state(workspace))
            transaction.set_rollback(True)

    assert all(rows == found[0] for rows in found)


def test_a_story_that_ends_in_a_cancellation_leaves_the_same_rows_in_every_order(
    unreachable: StripeGateway,
) -> None:
    names = [*sequence("upgrade_and_renewal")["deliver"], "customer.subscription.deleted"]
    cancelled_first = [names[-1], *names[:-1]]
    found = []

    for order in [*orders(names), cancelled_first]:
        with transaction.atomic():
            workspace = WorkspaceFactory.create(created_at=CREATED)
            periods.advance_periods(now=CREATED)
            deliver(workspace, order, unreachable)
            found.append(state(workspace))
            transaction.set_rollback(True)

    assert [rows["periods"] for rows in found] == [found[0]["periods"]] * len(found)
    assert [rows["subscriptions"] for rows in found] == [found[0]["subscriptions"]] * len(found)


@pytest.mark.parametrize("name", NAMES)
def test_it_does_so_when_stripe_can_be_asked_too(
    workspace: Workspace, simulator: RunningSimulator, gateway: StripeGateway, name: str
) -> None:
    expected = sequence(name)
    about = [event(one, workspace) for one in expected["deliver"] if "subscription." in one]
    for one in sorted(about, key=lambda one: int(one["created"])):
        subscription = one["data"]["object"]
        path = f"/stripe/v1/subscriptions/{subscription['id']}"
        simulator.add_fixture(path=path, body=subscription)
    periods.advance_periods(now=CREATED)

    deliver(workspace, expected["deliver"][::-1], gateway)

    assert_expected(workspace, expected)
    assert state(workspace)["waiting"] == []


def test_an_upgrade_names_the_plan_of_the_period_it_fell_into(
    workspace: Workspace, unreachable: StripeGateway
) -> None:
    periods.advance_periods(now=CREATED)

    deliver(workspace, sequence("upgrade_and_renewal")["deliver"][::-1], unreachable)

    plans = BillingPeriod.objects.order_by("starts_at").values_list("plan", "status")
    assert list(plans) == [("free", "closing"), ("growth", "closing"), ("growth", "open")]


def test_the_free_span_ends_where_the_subscription_begins(
    workspace: Workspace, unreachable: StripeGateway
) -> None:
    periods.advance_periods(now=CREATED)

    deliver(workspace, sequence("signup_in_order")["deliver"], unreachable)

    free, paid = BillingPeriod.objects.order_by("starts_at")
    assert (free.starts_at, free.status) == (datetime(2026, 10, 1, tzinfo=UTC), "closing")
    assert free.ends_at == paid.starts_at == datetime.fromtimestamp(1791192600, UTC)
    assert (paid.status, paid.plan, paid.retires_credits) == ("open", "starter", True)


def test_a_cancelled_workspace_goes_on_along_the_calendar(
    workspace: Workspace, unreachable: StripeGateway
) -> None:
    names = [*sequence("upgrade_and_renewal")["deliver"], "customer.subscription.deleted"]
    periods.advance_periods(now=CREATED)

    deliver(workspace, names, unreachable)

    last = BillingPeriod.objects.order_by("starts_at").last()
    assert last
    assert (last.status, last.plan, last.retires_credits) == ("open", "free", False)
    assert last.ends_at == datetime(2026, 12, 1, tzinfo=UTC)


def test_an_event_of_an_unknown_customer_waits_until_the_link_appears(
    workspace: Workspace, unreachable: StripeGateway
) -> None:
    periods.advance_periods(now=CREATED)
    stranger = WorkspaceFactory.build()  # its id is nobody's, so the metadata link nothing

    deliver(stranger, ["customer.subscription.updated.active"], unreachable)
    waiting = StripeEvent.objects.get()
    assert (waiting.processed_at, Subscription.objects.count()) == (None, 0)
    assert "waiting" in waiting.outcome
    deliver(workspace, ["checkout.session.completed"], unreachable)
    events.process_waiting(gateway=unreachable, now=NOW)

    waiting.refresh_from_db()
    assert waiting.processed_at == NOW
    assert Subscription.objects.get().status == "active"


def test_the_stored_link_wins_over_what_an_event_names(
    workspace: Workspace, unreachable: StripeGateway
) -> None:
    other = WorkspaceFactory.create(created_at=CREATED)
    deliver(workspace, ["customer.subscription.updated.active"], unreachable)

    deliver(other, ["customer.subscription.updated.upgrade"], unreachable)

    assert Subscription.objects.get().workspace == workspace
    assert Subscription.objects.get().plan == "growth"


def test_a_second_customer_does_not_take_a_linked_workspace_over(
    workspace: Workspace, unreachable: StripeGateway
) -> None:
    deliver(workspace, ["customer.subscription.updated.active"], unreachable)
    body = json.dumps(event("customer.subscription.updated.upgrade", workspace))
    body = body.replace("cus_TEST", "cus_OTHER").replace("sub_1TEST", "sub_1OTHER")
    told = delivery(body.encode())
    events.store(told, body.encode(), now=NOW)

    events.process(told.id, gateway=unreachable, now=NOW)

    assert Subscription.objects.get().plan == "starter"


def test_one_event_that_fails_does_not_stop_the_others(
    workspace: Workspace, unreachable: StripeGateway
) -> None:
    broken = event("customer.subscription.created", workspace)
    del broken["data"]["object"]["items"]
    body = json.dumps(broken).encode()
    told = delivery(body)
    events.store(told, body, now=NOW)
    good = json.dumps(event("customer.subscription.updated.active", workspace)).encode()
    events.store(delivery(good), good, now=NOW)

    done = events.process_waiting(gateway=unreachable, now=NOW)

    assert done == 1
    assert Subscription.objects.get().status == "active"
    assert StripeEvent.objects.get(pk=told.id).problem


def test_two_states_of_one_second_are_settled_by_asking_stripe(
    workspace: Workspace, simulator: RunningSimulator, gateway: StripeGateway
) -> None:
    first = event("customer.subscription.updated.active", workspace)
    second = event("customer.subscription.updated.active", workspace)
    second["id"] = "evt_same_second"
    second["data"]["object"]["status"] = "past_due"
    truth = first["data"]["object"] | {"status": "unpaid"}
    simulator.add_fixture(path=f"/stripe/v1/subscriptions/{truth['id']}", body=truth)
    for one in (first, second):
        body = json.dumps(one).encode()
        events.store(delivery(body), body, now=NOW)

        events.process(one["id"], gateway=gateway, now=NOW)

    assert Subscription.objects.get().status == "unpaid"


def test_an_event_from_live_mode_is_kept_and_not_acted_on(
    workspace: Workspace, gateway: StripeGateway
) -> None:
    body = json.dumps(
        {**event("customer.subscription.updated.active", workspace), "livemode": True}
    )
    told = delivery(body.encode())
    events.store(told, body.encode(), now=NOW)

    events.process(told.id, gateway=gateway, now=NOW)

    assert Subscription.objects.count() == 0
    assert StripeEvent.objects.get().processed_at == NOW


def test_a_thin_event_is_recorded(gateway: StripeGateway) -> None:
    body = json.dumps(EVENTS["v1.billing.meter.error_report_triggered.thin"]).encode()
    told = delivery(body)
    events.store(told, body, now=NOW)

    assert events.process(told.id, gateway=gateway, now=NOW) == "recorded"


def test_a_deleted_customer_is_unlinked_and_still_found_by_the_subscription(
    workspace: Workspace, unreachable: StripeGateway
) -> None:
    deliver(workspace, ["customer.subscription.updated.active", "customer.deleted"], unreachable)
    assert Subscription.objects.get().stripe_customer_id is None

    deliver(workspace, ["customer.subscription.updated.upgrade"], unreachable)

    assert Subscription.objects.get().plan == "growth"
    assert Subscription.objects.get().stripe_customer_id is None
