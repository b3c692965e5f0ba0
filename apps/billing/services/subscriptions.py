"""What Stripe's facts change here: whose customer it is, the subscription's state, its periods.

Every function is safe to repeat and gives the same rows in whichever order the facts come in. The
caller holds the transaction; the workspace's row is locked first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from apps.billing.models import StripeEvent, Subscription
from apps.billing.plans import FREE
from apps.billing.selectors import ENDED, current_plan, has_begun
from apps.billing.services import periods
from apps.billing.stripe_facts import (
    SNAPSHOT_TYPES,
    CustomerDeleted,
    Fact,
    PaidRenewal,
    Snapshot,
    StripeShapeError,
    fact_of,
)
from apps.workspaces.models import Workspace

log = structlog.get_logger(__name__)

A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a fact. One that is not final waits; `has_moved` may free others that do."""

    text: str
    is_final: bool = True
    has_moved: bool = False


NOT_LINKED: Final = Outcome("waiting: no workspace is linked to this customer", is_final=False)


def linked(fact: Fact, *, now: datetime) -> tuple[Subscription | None, bool]:
    """The subscription row of the fact's workspace, locked, and whether this fact made the link.

    The stored link wins. The workspace that Stripe's object names counts once, while it has none.
    """
    found = _by_stored_link(fact)
    if found is not None:
        workspace = periods.locked(found)
        return Subscription.objects.select_for_update().get(workspace=workspace), False
    workspace_id = _named_workspace_id(fact.workspace_ref)
    if workspace_id is None:
        return None, False
    workspace = periods.locked(workspace_id)
    subscription, _ = Subscription.objects.select_for_update().get_or_create(
        workspace=workspace, defaults={"plan": FREE.name, "status": "", "updated_at": now}
    )
    if subscription.stripe_customer_id is not None:
        log.warning("customer_not_linked", workspace_id=workspace.pk, customer=fact.customer_id)
        return None, False
    subscription.stripe_customer_id = fact.customer_id
    subscription.updated_at = now
    subscription.save(update_fields=["stripe_customer_id", "updated_at"])
    log.info("customer_linked", workspace_id=workspace.pk, customer=fact.customer_id)
    return subscription, True


def apply_snapshot(subscription: Subscription, snapshot: Snapshot, *, now: datetime) -> Outcome:
    """Take over a subscription's state unless a newer one is known, and shape the open period.

    An older snapshot still tells where its span ended and which plan it had then.
    """
    if not _concerns(subscription, snapshot):
        return Outcome("another subscription of the workspace counts")
    is_news = _is_newer(subscription, snapshot)
    workspace = subscription.workspace
    if is_news:
        _take_over(subscription, snapshot, now=now)
        _grant(workspace)
    periods.follow(workspace, subscription, (snapshot.period_start, snapshot.period_end), now=now)
    if snapshot.plan is not None and snapshot.status not in ENDED:
        periods.note_plan(
            workspace, snapshot.plan, ends_at=snapshot.period_end, as_of=snapshot.as_of
        )
    return Outcome("applied" if is_news else "older than what is known", has_moved=is_news)


def apply_renewal(
    subscription: Subscription, renewal: PaidRenewal, *, known_since: datetime, now: datetime
) -> Outcome:
    """A renewal was paid: the period it looks back on begins to close."""
    if subscription.started_at is None or subscription.plan == FREE.name:
        return Outcome("waiting: the subscription is not known yet", is_final=False)
    workspace = subscription.workspace
    is_closing = periods.close_paid_span(
        workspace,
        subscription,
        starts_at=renewal.starts_at,
        ends_at=renewal.ends_at,
        invoice_id=renewal.invoice_id,
        known_since=known_since,
        now=now,
    )
    if is_closing is None:
        return Outcome("waiting: the period beside it is not paid yet", is_final=False)
    if not is_closing:
        return Outcome("the period was closing already")
    for snapshot in _processed_snapshots(renewal):
        if snapshot.plan is not None:
            periods.note_plan(
                workspace, snapshot.plan, ends_at=snapshot.period_end, as_of=snapshot.as_of
            )
    return Outcome("period closing", has_moved=True)


def unlink(subscription: Subscription, gone: CustomerDeleted, *, now: datetime) -> Outcome:
    """The customer is no more; the subscription's id still leads to the workspace."""
    if subscription.stripe_customer_id == gone.customer_id:
        subscription.stripe_customer_id = None
        subscription.updated_at = now
        subscription.save(update_fields=["stripe_customer_id", "updated_at"])
    return Outcome("customer unlinked")


def is_in_doubt(snapshot: Snapshot) -> bool:
    """Whether only Stripe can say: an unknown plan, or two states of one second."""
    if snapshot.plan is None and snapshot.status not in ENDED:
        return True
    stored = Subscription.objects.filter(
        stripe_subscription_id=snapshot.subscription_id,
        snapshot_at=snapshot.as_of,
        current_period_start=snapshot.period_start,
    ).first()
    return stored is not None and (stored.status, stored.plan, stored.current_period_end) != (
        snapshot.status,
        snapshot.plan or stored.plan,
        snapshot.period_end,
    )


def _by_stored_link(fact: Fact) -> int | None:
    """The workspace's key, by the customer first, by the subscription where that was unlinked."""
    rows = Subscription.objects.values_list("workspace_id", flat=True)
    found = rows.filter(stripe_customer_id=fact.customer_id).first()
    if found is None and fact.subscription_id:
        found = rows.filter(stripe_subscription_id=fact.subscription_id).first()
    return found


def _named_workspace_id(reference: str) -> int | None:
    try:
        public_id = UUID(reference)
    except ValueError:
        return None
    return Workspace.objects.filter(public_id=public_id).values_list("pk", flat=True).first()


def _concerns(subscription: Subscription, snapshot: Snapshot) -> bool:
    """Of several subscriptions of one workspace, the one that began last counts."""
    if subscription.stripe_subscription_id in {None, snapshot.subscription_id}:
        return True
    if not has_begun(subscription) or subscription.started_at is None:
        return True
    attempt = snapshot.status in {"incomplete", "incomplete_expired"}
    return not attempt and snapshot.started_at > subscription.started_at


def _is_newer(subscription: Subscription, snapshot: Snapshot) -> bool:
    if (
        subscription.stripe_subscription_id != snapshot.subscription_id
        or subscription.snapshot_at is None
        or subscription.current_period_start is None
    ):
        return True
    if (snapshot.status in ENDED) != (subscription.status in ENDED):
        return snapshot.status in ENDED  # an end is never left
    return (snapshot.period_start, snapshot.as_of) > (
        subscription.current_period_start,
        subscription.snapshot_at,
    )


def _take_over(subscription: Subscription, snapshot: Snapshot, *, now: datetime) -> None:
    subscription.stripe_subscription_id = snapshot.subscription_id
    subscription.status = snapshot.status
    subscription.plan = snapshot.plan or subscription.plan
    subscription.started_at = snapshot.started_at
    subscription.ended_at = snapshot.ended_at
    subscription.current_period_start = snapshot.period_start
    subscription.current_period_end = snapshot.period_end
    subscription.snapshot_at = snapshot.as_of
    subscription.updated_at = now
    subscription.save()
    log.info(
        "subscription_changed", workspace_id=subscription.workspace_id, status=subscription.status
    )


def _grant(workspace: Workspace) -> None:
    """Write the plan's limit down where the metering below reads it."""
    limit = current_plan(workspace).live_events_per_month
    Workspace.objects.filter(pk=workspace.pk).update(live_events_per_month=limit)


def _processed_snapshots(renewal: PaidRenewal) -> list[Snapshot]:
    """What was told of the renewal's span while there was no paid period to note it on."""
    told = StripeEvent.objects.filter(
        type__in=SNAPSHOT_TYPES,
        processed_at__isnull=False,
        created_at__range=(renewal.starts_at - A_DAY, renewal.ends_at + A_DAY),
    )
    snapshots = []
    for body in told.values_list("body", flat=True):
        try:
            fact = fact_of(bytes(body))
        except StripeShapeError:
            continue
        if (
            isinstance(fact, Snapshot)
            and fact.subscription_id == renewal.subscription_id
            and fact.period_end == renewal.ends_at
            and fact.status not in ENDED
        ):
            snapshots.append(fact)
    return snapshots
