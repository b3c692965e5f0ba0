"""Stripe's API as stripe-python sees it."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from devstack.simulator.testing import RunningSimulator, running_simulator
from tests.simulator.schemas import errors

KEY = "sk_test_simulated_0001"
START = 1_791_192_600  # 2026-10-05T09:30:00Z
RENEWED = 1_793_871_000  # 2026-11-05T09:30:00Z


def _client(simulator: RunningSimulator, key: str = KEY) -> stripe.StripeClient:
    return stripe.StripeClient(
        key, base_addresses={"api": f"{simulator.url}/stripe"}, max_network_retries=0
    )


def _raw(simulator: RunningSimulator, path: str) -> Any:
    headers = {"Authorization": f"Bearer {KEY}"}
    return requests.get(f"{simulator.url}/stripe/v1/{path}", headers=headers, timeout=10).json()


def _signed_up(simulator: RunningSimulator, plan: str = "growth") -> dict[str, Any]:
    asked = {"client_reference_id": "ws_1", "email": "a@example.com", "starts_at": START}
    return simulator.stripe("signup", **asked, plan=plan, deliver=False)


def _checkout(client: stripe.StripeClient, **more: Any) -> Any:
    asked: Any = {
        "mode": "subscription",
        "line_items": [{"price": "price_sim_starter", "quantity": 1}],
        "client_reference_id": "ws_1",
        "success_url": "http://127.0.0.1:9/done?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:9/back",
        "subscription_data": {"metadata": {"workspace_id": "ws_1"}},
        **more,
    }
    return client.v1.checkout.sessions.create(asked)


def test_every_object_has_the_shape_of_the_pinned_version(simulator: RunningSimulator) -> None:
    made = _signed_up(simulator)
    simulator.stripe("renew", subscription=made["subscription"], deliver=False)
    client = _client(simulator)
    _checkout(client)
    portal = client.v1.billing_portal.sessions.create({"customer": made["customer"]})

    for path, shape in {
        "customers": "Customer",
        "prices": "Price",
        "checkout/sessions": "checkout.Session",
        "subscriptions": "Subscription",
        "invoices": "Invoice",
        "events": "Event",
    }.items():
        listed = _raw(simulator, path)["data"]
        assert listed, path
        for one in listed:
            assert errors("stripe", shape, one) == [], path
            assert _raw(simulator, f"{path}/{one['id']}") == one
    assert errors("stripe", "billing_portal.Session", json.loads(str(portal))) == []


def test_a_field_of_an_older_version_does_not_pass_the_schema(
    simulator: RunningSimulator,
) -> None:
    subscription = _raw(simulator, f"subscriptions/{_signed_up(simulator)['subscription']}")

    subscription["current_period_end"] = RENEWED

    assert errors("stripe", "Subscription", subscription) != []


def test_prices_are_found_by_lookup_key(simulator: RunningSimulator) -> None:
    client = _client(simulator)

    found = client.v1.prices.list({"lookup_keys": ["growth_monthly", "scale_monthly"]})

    assert {price.lookup_key: price.unit_amount for price in found.data} == {
        "growth_monthly": 19900,
        "scale_monthly": 79900,
    }
    assert client.v1.prices.list({"lookup_keys": ["free_monthly"]}).data == []


def test_customers_are_made_with_metadata_and_read_again(simulator: RunningSimulator) -> None:
    client = _client(simulator)

    made = client.v1.customers.create({"email": "a@example.com", "metadata": {"workspace_id": "w"}})

    read: Any = client.v1.customers.retrieve(made.id)
    assert (read.email, read.metadata["workspace_id"]) == ("a@example.com", "w")
    assert client.v1.customers.list({"email": "b@example.com"}).data == []


def test_a_key_is_honoured_whatever_the_answer_was(simulator: RunningSimulator) -> None:
    client = _client(simulator)
    options: Any = {"idempotency_key": "customer:ws_1"}

    first = client.v1.customers.create({"email": "a@example.com"}, options)
    again = client.v1.customers.create({"email": "a@example.com"}, options)

    assert first.id == again.id
    assert len(client.v1.customers.list().data) == 1
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({"email": "b@example.com"}, options)


def test_paying_a_checkout_makes_a_subscription_of_the_workspace(
    simulator: RunningSimulator,
) -> None:
    client = _client(simulator)
    customer = client.v1.customers.create({"email": "a@example.com"})
    session = _checkout(client, customer=customer.id)
    assert "Pay (simulated)" in requests.get(session.url, timeout=10).text

    paid = requests.post(session.url, timeout=10, allow_redirects=False)

    assert paid.status_code == 303
    assert paid.headers["Location"] == f"http://127.0.0.1:9/done?session={session.id}"
    done = client.v1.checkout.sessions.retrieve(session.id)
    assert (done.status, done.payment_status, done.customer) == ("complete", "paid", customer.id)
    subscription = client.v1.subscriptions.retrieve(str(done.subscription))
    assert subscription.metadata["workspace_id"] == "ws_1"
    assert subscription["items"].data[0].price.lookup_key == "starter_monthly"
    assert requests.post(session.url, timeout=10).status_code == 409
    assert len(client.v1.subscriptions.list({"customer": customer.id}).data) == 1


def test_a_portal_has_a_way_back(simulator: RunningSimulator) -> None:
    client = _client(simulator)
    asked: Any = {"customer": _signed_up(simulator)["customer"], "return_url": "http://x.test/b"}

    session = client.v1.billing_portal.sessions.create(asked)

    assert 'href="http://x.test/b"' in requests.get(session.url, timeout=10).text


def test_a_renewal_looks_back_in_the_invoice_and_ahead_in_its_line(
    simulator: RunningSimulator,
) -> None:
    made = _signed_up(simulator)
    client = _client(simulator)
    first = client.v1.invoices.retrieve(made["invoice"])
    assert (first.billing_reason, first.period_start, first.period_end) == (
        "subscription_create",
        START,
        START,
    )

    renewed = simulator.stripe("renew", subscription=made["subscription"], deliver=False)

    invoice = client.v1.invoices.retrieve(renewed["invoice"])
    line = invoice.lines.data[0].period
    assert invoice.billing_reason == "subscription_cycle"
    assert (invoice.period_start, invoice.period_end) == (START, RENEWED)
    assert (line.start, line.end) == (RENEWED, RENEWED + 30 * 86400)
    item = client.v1.subscriptions.retrieve(made["subscription"])["items"].data[0]
    assert (item.current_period_start, item.current_period_end) == (line.start, line.end)
    updated: Any = client.v1.events.list({"type": "customer.subscription.updated"}).data[0]
    assert updated.data.previous_attributes["items"]["data"][0]["current_period_end"] == RENEWED


def test_a_renewal_may_name_its_period(simulator: RunningSimulator) -> None:
    made = _signed_up(simulator)

    renewed = simulator.stripe(
        "renew",
        subscription=made["subscription"],
        period_start="2026-10-01T00:00:00Z",
        period_end="2026-11-01T00:00:00Z",
        deliver=False,
    )

    invoice = _raw(simulator, f"invoices/{renewed['invoice']}")
    assert (invoice["period_start"], invoice["period_end"]) == (1_790_812_800, 1_793_491_200)


def test_lists_are_filtered_and_paged(simulator: RunningSimulator) -> None:
    made = [_signed_up(simulator) for _ in range(3)]
    simulator.stripe("renew", subscription=made[0]["subscription"], deliver=False)
    simulator.stripe("cancel", subscription=made[2]["subscription"], deliver=False)
    client = _client(simulator)

    active = client.v1.subscriptions.list({"limit": 1})

    assert active.has_more
    assert len([one for one in active.auto_paging_iter()]) == 2  # noqa: C416 - walks the pages
    assert len(client.v1.subscriptions.list({"status": "all"}).data) == 3
    assert len(client.v1.subscriptions.list({"status": "canceled"}).data) == 1
    of_first = client.v1.invoices.list({"subscription": made[0]["subscription"], "status": "paid"})
    assert [invoice.created for invoice in of_first.data] == [RENEWED, START]
    recent = client.v1.invoices.list({"created": {"gte": START + 1}})
    assert len(recent.data) == 1


def test_what_is_missing_is_404_and_what_is_wrong_400(simulator: RunningSimulator) -> None:
    client = _client(simulator)

    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.subscriptions.retrieve("sub_none")
    with pytest.raises(stripe.InvalidRequestError) as wrong:
        _checkout(client, line_items=[])

    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    assert (wrong.value.http_status, wrong.value.param) == (400, "line_items")


def test_only_a_test_key_opens(simulator: RunningSimulator) -> None:
    with pytest.raises(stripe.AuthenticationError):
        _client(simulator, "sk_live_real").v1.customers.list()


def test_faults_look_like_stripe_s_own(simulator: RunningSimulator) -> None:
    simulator.add_fault("stripe", 429, on_calls=[1])
    simulator.add_fault("stripe", 500, on_calls=[2])
    client = _client(simulator)

    with pytest.raises(stripe.RateLimitError):
        client.v1.customers.list()
    with pytest.raises(stripe.APIError):
        client.v1.customers.list()


def test_objects_and_keys_outlive_the_process(tmp_path: Path) -> None:
    state = tmp_path / "simulator.json"
    options: Any = {"idempotency_key": "k"}
    with running_simulator(state=state) as simulator:
        made = _signed_up(simulator)
        customer = _client(simulator).v1.customers.create({"email": "a@example.com"}, options)

    with running_simulator(state=state) as simulator:
        client = _client(simulator)
        again = client.v1.customers.create({"email": "a@example.com"}, options)
        assert again.id == customer.id
        assert client.v1.subscriptions.retrieve(made["subscription"]).status == "active"
        assert len(client.v1.events.list().data) == 3
