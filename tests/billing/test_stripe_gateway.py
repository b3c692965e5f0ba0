"""Reading Stripe over HTTP, from the simulator: subscriptions, renewals, and failures."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.billing.models import BillingPeriod, Subscription
from apps.billing.services import events
from apps.billing.stripe_facts import StripeShapeError, fact_of
from apps.billing.stripe_gateway import StripeGateway
from apps.common.outside import BusyError, RefusedError
from apps.common.secrets import Secret
from apps.workspaces.models import Workspace
from devstack.simulator.testing import RunningSimulator

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
BEGUN = datetime(2026, 10, 5, 9, tzinfo=UTC)


def sign_up(simulator: RunningSimulator, workspace_id: str = "none") -> str:
    asked = {"client_reference_id": workspace_id, "plan": "growth", "deliver": False}
    story = simulator.stripe("signup", **asked, starts_at=BEGUN.isoformat(), email="a@example.com")
    return str(story["subscription"])


def test_a_subscription_is_read_as_it_is_now(
    simulator: RunningSimulator, gateway: StripeGateway
) -> None:
    subscription_id = sign_up(simulator)

    found = gateway.subscription(subscription_id, now=NOW)

    assert (found.subscription_id, found.status, found.plan) == (
        subscription_id, "active", "growth",
    )  # fmt: skip
    assert (found.period_start, found.started_at, found.as_of) == (BEGUN, BEGUN, NOW)


@pytest.mark.django_db
def test_a_sweep_finds_what_no_delivery_told(
    workspace: Workspace, simulator: RunningSimulator, gateway: StripeGateway
) -> None:
    subscription_id = sign_up(simulator, str(workspace.public_id))
    simulator.stripe("renew", subscription=subscription_id, deliver=False)

    for _ in range(3):
        assert events.sweep(gateway=gateway, now=NOW) == 2

    assert Subscription.objects.get().status == "active"
    closing = BillingPeriod.objects.get(status="closing", retires_credits=True)
    assert closing.starts_at == BEGUN


def test_every_page_of_a_list_is_read(simulator: RunningSimulator, gateway: StripeGateway) -> None:
    for _ in range(103):
        sign_up(simulator)

    found = list(gateway.subscriptions(now=NOW))

    assert len({one.subscription_id for one in found}) == 103


@pytest.mark.parametrize("kind", [429, 500, 503, "reset", "truncated_json"])
def test_a_stripe_that_is_busy_may_be_asked_again(
    simulator: RunningSimulator, gateway: StripeGateway, kind: str | int
) -> None:
    subscription_id = sign_up(simulator)
    simulator.add_fault("stripe", kind)

    with pytest.raises(BusyError):
        gateway.subscription(subscription_id, now=NOW)


def test_what_stripe_refuses_is_refused(gateway: StripeGateway) -> None:
    with pytest.raises(RefusedError) as missing:
        gateway.subscription("sub_none", now=NOW)
    wrong = StripeGateway(Secret("nothing"), gateway.api_base, retries=0)
    with pytest.raises(RefusedError) as unknown:
        wrong.subscription("sub_none", now=NOW)

    assert (missing.value.kind, unknown.value.kind) == ("not_found", "auth")


def test_without_a_key_nothing_is_asked(unreachable: StripeGateway) -> None:
    with pytest.raises(RefusedError):
        StripeGateway(Secret(""), unreachable.api_base).subscription("sub_1", now=NOW)


def test_a_port_where_nobody_listens_is_busy(unreachable: StripeGateway) -> None:
    with pytest.raises(BusyError):
        unreachable.subscription("sub_1", now=NOW)


def test_the_key_shows_nowhere(gateway: StripeGateway) -> None:
    assert "sk_test_x" not in repr(gateway)


@pytest.mark.parametrize(
    "about",
    ["{}", '{"customer": 1}', '{"items": null}', '{"items": {"data": []}}', "[]", "null"],
)
def test_a_subscription_that_cannot_be_read_is_a_shape_error(about: str) -> None:
    head = '{"type": "customer.subscription.updated", "created": 1, "data": {"object": '
    body = f"{head}{about}}}}}"

    with pytest.raises(StripeShapeError):
        fact_of(body.encode())


def test_a_sweep_looks_back_further_than_stripe_delivers() -> None:
    assert timedelta(days=3) < events.SWEPT
