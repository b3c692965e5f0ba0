"""What happens to a customer at Stripe: signing up, renewing, leaving. Events come of it."""

import copy
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from devstack.simulator import stripe_objects
from devstack.simulator.stripe_account import StripeAccount
from devstack.simulator.stripe_invoices import paid_invoice
from devstack.simulator.wire import JsonObject

Events = list[JsonObject]
Told = tuple[JsonObject, Events]
Asked = ParamSpec("Asked")
Story = Callable[Concatenate[StripeAccount, Asked], Told]


def _exclusively(story: Story[Asked]) -> Story[Asked]:
    """Let no one else touch the account until the story is told."""

    @wraps(story)
    def told(account: StripeAccount, /, *args: Asked.args, **kwargs: Asked.kwargs) -> Told:
        with account.lock:
            return story(account, *args, **kwargs)

    return told


@_exclusively
def sign_up(
    account: StripeAccount,
    *,
    client_reference_id: str,
    plan: str,
    email: str,
    starts_at: int,
    customer: str | None = None,
) -> Told:
    """A customer comes through Checkout and pays; answers the completed session."""
    params = {
        "client_reference_id": client_reference_id,
        "customer": customer,
        "customer_email": email,
    }
    session = stripe_objects.checkout_session(params, plan=plan, base_url="", now=starts_at)
    session["url"] = None
    account.put("checkout_sessions", session)
    metadata = {"plan_tier": plan, "workspace_id": client_reference_id}
    account.note_subscription_metadata(session["id"], metadata)
    return pay(account, session["id"], at=starts_at)


@_exclusively
def pay(account: StripeAccount, session_id: str, *, at: int) -> Told:
    """Complete a checkout session: customer, subscription and a first, paid invoice."""
    session = _stored(account, "checkout_sessions", session_id)
    if session["status"] != "open":
        raise LookupError(f"checkout session {session_id} is not open")
    customer = _customer_of(account, session, at)
    metadata = account.subscription_metadata(session_id)
    plan = metadata.pop("plan_tier")
    subscription = stripe_objects.subscription(customer["id"], plan, metadata, start=at)
    invoice = paid_invoice(
        subscription,
        customer,
        reason="subscription_create",
        period=(at, at),
        line_period=(at, stripe_objects.month_after(at)),
        at=at,
    )
    subscription["latest_invoice"] = invoice["id"]
    session |= {
        "status": "complete",
        "payment_status": "paid",
        "url": None,
        "customer": customer["id"],
        "customer_details": _details(customer),
        "subscription": subscription["id"],
        "invoice": invoice["id"],
    }
    account.put("checkout_sessions", session)
    account.put("subscriptions", subscription)
    account.put("invoices", invoice)
    events = [
        stripe_objects.event("checkout.session.completed", session, now=at),
        stripe_objects.event("customer.subscription.created", subscription, now=at),
        stripe_objects.event("invoice.paid", invoice, now=at),
    ]
    account.put("events", *events)
    return session, events


@_exclusively
def renew(
    account: StripeAccount,
    subscription_id: str,
    *,
    period_start: int | None = None,
    period_end: int | None = None,
) -> Told:
    """A period ended and the next one is paid; answers the invoice.

    The invoice's own period is the one that ended, its line's the one that begins.
    """
    subscription = _stored(account, "subscriptions", subscription_id)
    customer = _stored(account, "customers", subscription["customer"])
    item = subscription["items"]["data"][0]
    before = {
        "items": {"data": [copy.deepcopy(item)]},
        "latest_invoice": subscription["latest_invoice"],
    }
    start = period_start if period_start is not None else item["current_period_start"]
    end = period_end if period_end is not None else item["current_period_end"]
    ahead = (end, stripe_objects.month_after(end))
    invoice = paid_invoice(
        subscription,
        customer,
        reason="subscription_cycle",
        period=(start, end),
        line_period=ahead,
        at=end,
    )
    item |= {"current_period_start": ahead[0], "current_period_end": ahead[1]}
    subscription["latest_invoice"] = invoice["id"]
    account.put("subscriptions", subscription)
    account.put("invoices", invoice)
    updated = "customer.subscription.updated"
    events = [
        stripe_objects.event(updated, subscription, now=end, previous=before),
        stripe_objects.event("invoice.paid", invoice, now=end),
        stripe_objects.event("invoice.payment_succeeded", invoice, now=end),
    ]
    account.put("events", *events)
    return invoice, events


@_exclusively
def cancel(account: StripeAccount, subscription_id: str, *, at: int) -> Told:
    """The subscription ends now; answers it."""
    subscription = _stored(account, "subscriptions", subscription_id)
    subscription |= {"status": "canceled", "canceled_at": at, "ended_at": at}
    account.put("subscriptions", subscription)
    events = [stripe_objects.event("customer.subscription.deleted", subscription, now=at)]
    account.put("events", *events)
    return subscription, events


def _customer_of(account: StripeAccount, session: JsonObject, at: int) -> JsonObject:
    if session["customer"] is not None:
        return _stored(account, "customers", session["customer"])
    params = {"email": session["customer_email"], "metadata": session["metadata"]}
    customer = stripe_objects.customer(params, now=at)
    account.put("customers", customer)
    return customer


def _details(customer: JsonObject) -> JsonObject:
    return {
        "address": None,
        "business_name": None,
        "email": customer["email"],
        "individual_name": None,
        "name": customer["name"],
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def _stored(account: StripeAccount, kind: str, object_id: str) -> JsonObject:
    found = account.get(kind, object_id)
    if found is None:
        raise LookupError(f"no {kind} with the id {object_id}")
    return found
