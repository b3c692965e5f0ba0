"""Stripe's deliveries: stored as they came, acted on once, taken up again until they could be.

Storing commits before the answer. Acting is a transaction of its own for each event, in any order;
an event that cannot be acted on yet stays with its reason and is tried again by every sweep.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import connection, transaction

from apps.billing.models import StripeEvent
from apps.billing.selectors import waiting_event_ids
from apps.billing.services import subscriptions
from apps.billing.services.subscriptions import NOT_LINKED, Outcome
from apps.billing.stripe_facts import (
    CheckoutDone,
    CustomerDeleted,
    Delivery,
    Fact,
    Snapshot,
    StripeShapeError,
    fact_of,
)
from apps.billing.stripe_gateway import StripeGateway
from apps.common.outside import OutsideError, RefusedError

log = structlog.get_logger(__name__)

SWEPT: Final = timedelta(days=10)
"""How far back paid renewals are listed again: longer than Stripe goes on delivering."""
LONGEST_PROBLEM: Final = 500
STORE: Final = """
INSERT INTO billing_stripeevent
    (id, type, api_version, is_livemode, created_at, received_at, body, outcome, problem)
VALUES (%s, %s, %s, %s, %s, %s, %s, '', '') ON CONFLICT DO NOTHING
"""


def store(delivery: Delivery, body: bytes, *, now: datetime) -> bool:
    """Keep a delivery as it came; False when this event was delivered before."""
    with connection.cursor() as cursor:
        cursor.execute(
            STORE,
            [
                delivery.id,
                delivery.type,
                delivery.api_version,
                delivery.is_livemode,
                delivery.created_at,
                now,
                body,
            ],
        )
        is_new = bool(cursor.rowcount)
    if is_new:
        log.info("stripe_event_stored", event_id=delivery.id, type=delivery.type)
    return is_new


def process(event_id: str, *, gateway: StripeGateway, now: datetime) -> str:
    """Act on a stored event, once; answer what became of it.

    When it moved something, the events that waited for that are taken up as well.
    """
    outcome = _process_one(event_id, gateway=gateway, now=now)
    if outcome.has_moved:
        process_waiting(gateway=gateway, now=now)
    return outcome.text


def process_waiting(*, gateway: StripeGateway, now: datetime) -> int:
    """Try every event that waits, again while one moves something; answer how many were done."""
    done = 0
    while True:
        outcomes = [
            _process_one(event_id, gateway=gateway, now=now) for event_id in waiting_event_ids(now)
        ]
        done += sum(outcome.is_final for outcome in outcomes)
        if not any(outcome.has_moved for outcome in outcomes):
            return done


def sweep(*, gateway: StripeGateway, now: datetime) -> int:
    """Read Stripe's own lists and apply what no delivery told; answer how many facts were read."""
    read = 0
    for fact in gateway.subscriptions(now=now):
        read += _sweep_one(fact, now=now)
    for renewal in gateway.paid_renewals(since=now - SWEPT):
        read += _sweep_one(renewal, now=now)
    return read


def _sweep_one(fact: Fact, *, now: datetime) -> bool:
    try:
        _apply(fact, known_since=now, now=now)
    except Exception:  # one customer's trouble must not hide the others' facts
        log.exception("stripe_fact_not_applied", customer=fact.customer_id)
        return False
    return True


def _process_one(event_id: str, *, gateway: StripeGateway, now: datetime) -> Outcome:
    """Whatever goes wrong with one event is noted on it, and stops no other."""
    try:
        return _act_on(event_id, gateway=gateway, now=now)
    except (OutsideError, StripeShapeError) as failure:
        problem = str(failure)
        log.warning("stripe_event_waits", event_id=event_id, problem=problem)
    except Exception as failure:  # the next event must not pay for a mistake about this one
        problem = f"{type(failure).__name__}: {failure}"
        log.exception("stripe_event_failed", event_id=event_id)
    StripeEvent.objects.filter(pk=event_id, processed_at__isnull=True).update(
        problem=problem[:LONGEST_PROBLEM]
    )
    return Outcome(problem, is_final=False)


def _act_on(event_id: str, *, gateway: StripeGateway, now: datetime) -> Outcome:
    event = StripeEvent.objects.get(pk=event_id)
    if event.processed_at is not None:
        return Outcome(event.outcome)
    if event.is_livemode != gateway.is_live:
        return _noted(event_id, Outcome("ignored: from the other mode, live or test"), now=now)
    fact = fact_of(bytes(event.body))
    if fact is None:
        return _noted(event_id, Outcome("recorded"), now=now)
    if isinstance(fact, CheckoutDone):
        return _noted(event_id, _checked_out(fact, gateway=gateway, now=now), now=now)
    if isinstance(fact, Snapshot) and subscriptions.is_in_doubt(fact):
        fact = gateway.subscription(fact.subscription_id, now=now)
    with transaction.atomic():
        outcome = _apply(fact, known_since=event.received_at, now=now)
        return _noted(event_id, outcome, now=now)


def _checked_out(checkout: CheckoutDone, *, gateway: StripeGateway, now: datetime) -> Outcome:
    """Link the customer, then ask what was bought: the event itself entitles to nothing."""
    with transaction.atomic():
        subscription, is_new = subscriptions.linked(checkout, now=now)
    if subscription is None:
        return NOT_LINKED
    try:
        bought = gateway.subscription(checkout.subscription_id, now=now)
    except RefusedError as refusal:
        return Outcome(f"linked; {refusal}", has_moved=is_new)
    applied = _apply(bought, known_since=now, now=now)
    return Outcome(applied.text, applied.is_final, has_moved=is_new or applied.has_moved)


@transaction.atomic
def _apply(fact: Fact, *, known_since: datetime, now: datetime) -> Outcome:
    subscription, is_new_link = subscriptions.linked(fact, now=now)
    if subscription is None:
        return NOT_LINKED
    if isinstance(fact, Snapshot):
        outcome = subscriptions.apply_snapshot(subscription, fact, now=now)
    elif isinstance(fact, CustomerDeleted):
        outcome = subscriptions.unlink(subscription, fact, now=now)
    elif isinstance(fact, CheckoutDone):
        outcome = Outcome("linked")
    else:
        outcome = subscriptions.apply_renewal(subscription, fact, known_since=known_since, now=now)
    return Outcome(outcome.text, outcome.is_final, outcome.has_moved or is_new_link)


def _noted(event_id: str, outcome: Outcome, *, now: datetime) -> Outcome:
    StripeEvent.objects.filter(pk=event_id, processed_at__isnull=True).update(
        outcome=outcome.text[:200], problem="", processed_at=now if outcome.is_final else None
    )
    return outcome
