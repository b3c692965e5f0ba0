"""What a Stripe object tells, as our own values, whichever API version wrote it. Pure.

Reads the places of 2026-10-28.endive first and those from before 2025-03-31.basil second:
https://docs.stripe.com/changelog/basil/2025-03-31/deprecate-subscription-current-period-start-and-end
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from apps.billing.plans import PLANS, plan_of_lookup_key

Json: TypeAlias = Mapping[str, Any]

SNAPSHOT_TYPES: Final = frozenset(
    f"customer.subscription.{what}"
    for what in ("created", "updated", "deleted", "paused", "resumed")
)
CHECKOUT_TYPES: Final = frozenset(
    {"checkout.session.completed", "checkout.session.async_payment_succeeded"}
)
PAID_TYPES: Final = frozenset({"invoice.paid", "invoice.payment_succeeded"})
RENEWAL: Final = "subscription_cycle"
LONGEST_ID, LONGEST_TYPE, LONGEST_VERSION = 255, 120, 64


class StripeShapeError(ValueError):
    """A body that is not the object it should be. Says which part is missing, never its content."""


@dataclass(frozen=True, slots=True)
class CheckoutDone:
    """A customer came through Checkout for the workspace that `workspace_ref` names."""

    customer_id: str
    subscription_id: str
    workspace_ref: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A subscription as it was at `as_of`. `plan` is None when its price names none of ours."""

    customer_id: str
    subscription_id: str
    workspace_ref: str
    status: str
    plan: str | None
    period_start: datetime
    period_end: datetime
    started_at: datetime
    ended_at: datetime | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class PaidRenewal:
    """A paid invoice of a renewal: `[starts_at, ends_at)` is the period that it looks back on."""

    customer_id: str
    subscription_id: str
    workspace_ref: str
    invoice_id: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class CustomerDeleted:
    customer_id: str
    subscription_id: str = ""
    workspace_ref: str = ""


Fact: TypeAlias = CheckoutDone | Snapshot | PaidRenewal | CustomerDeleted


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event's own fields, as far as storing it needs them."""

    id: str
    type: str
    api_version: str
    is_livemode: bool
    created_at: datetime


def delivery(body: bytes) -> Delivery:
    """Read a snapshot event (`event`) or a thin one (`v2.core.event`, whose time is a text)."""
    event = _object(body)
    try:
        event_id, kind, created = str(event["id"]), str(event["type"]), event["created"]
    except KeyError as missing:
        raise StripeShapeError(f"the event has no {missing.args[0]}") from None
    version = str(event.get("api_version") or "")
    if not (event_id and kind and (event_id + kind + version).isprintable()):
        raise StripeShapeError("the event has no readable id and type")
    if len(event_id) > LONGEST_ID or len(kind) > LONGEST_TYPE:
        raise StripeShapeError("the event's id or type is too long")
    return Delivery(
        id=event_id,
        type=kind,
        api_version=version[:LONGEST_VERSION],
        is_livemode=bool(event.get("livemode")),
        created_at=_event_time(created),
    )


def fact_of(body: bytes) -> Fact | None:
    """What an event means to billing; None when it means nothing."""
    event = _object(body)
    kind, about = event["type"], event.get("data", {}).get("object", {})
    as_of = _event_time(event["created"])
    try:
        if kind in SNAPSHOT_TYPES:
            return snapshot(about, as_of=as_of)
        if kind in CHECKOUT_TYPES:
            return _checkout(about)
        if kind in PAID_TYPES:
            return paid_renewal(about)
        if kind == "customer.deleted":
            return CustomerDeleted(str(about["id"]))
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError) as fault:
        raise StripeShapeError(f"{kind}: {type(fault).__name__} while reading it") from fault
    return None


def snapshot(about: Json, *, as_of: datetime) -> Snapshot:
    """A subscription. With several items, the one whose price names a plan counts."""
    items = list(about["items"]["data"])
    planned = next((item for item in items if _plan_of_price(item)), None)
    counted = planned or min(items, key=lambda item: item.get("current_period_end") or 0)
    start = counted.get("current_period_start") or about["current_period_start"]
    end = counted.get("current_period_end") or about["current_period_end"]
    metadata = about.get("metadata") or {}
    return Snapshot(
        customer_id=_id(about["customer"]),
        subscription_id=str(about["id"]),
        workspace_ref=str(metadata.get("workspace_id") or ""),
        status=str(about["status"]),
        plan=_plan_of_price(counted) or _known_plan(metadata.get("plan_tier")),
        period_start=_time(start),
        period_end=_time(end),
        started_at=_time(about.get("start_date") or about["created"]),
        ended_at=_time(about["ended_at"]) if about.get("ended_at") else None,
        as_of=as_of,
    )


def paid_renewal(about: Json) -> PaidRenewal | None:
    """A paid renewal's invoice; None for any other, such as a first one or a proration."""
    if about.get("billing_reason") != RENEWAL or about.get("status") != "paid":
        return None
    details = (about.get("parent") or {}).get("subscription_details") or {}
    older = about.get("subscription_details") or {}
    metadata = details.get("metadata") or older.get("metadata") or {}
    return PaidRenewal(
        customer_id=_id(about["customer"]),
        subscription_id=_id(details.get("subscription") or about["subscription"]),
        workspace_ref=str(metadata.get("workspace_id") or ""),
        invoice_id=str(about["id"]),
        starts_at=_time(about["period_start"]),
        ends_at=_time(about["period_end"]),
    )


def _checkout(about: Json) -> CheckoutDone | None:
    if about.get("mode") != "subscription" or not about.get("subscription"):
        return None
    return CheckoutDone(
        customer_id=_id(about["customer"]),
        subscription_id=_id(about["subscription"]),
        workspace_ref=str(about.get("client_reference_id") or ""),
    )


def _plan_of_price(item: Json) -> str | None:
    """By lookup key, then by what the price's or its product's metadata say."""
    price = item.get("price") or {}
    by_key = plan_of_lookup_key(price.get("lookup_key") or "")
    if by_key is not None:
        return by_key.name
    product = price.get("product")
    metadata = (product.get("metadata") or {}) if isinstance(product, Mapping) else {}
    return _known_plan((price.get("metadata") or {}).get("plan_tier")) or _known_plan(
        metadata.get("plan_tier")
    )


def _known_plan(name: Any) -> str | None:
    return name if isinstance(name, str) and name in PLANS and name != "free" else None


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise StripeShapeError("the body is not JSON") from None
    if not isinstance(found, dict):
        raise StripeShapeError("the body is not a JSON object")
    return found


def _id(value: Any) -> str:
    """An id, from the id itself or from the object it was expanded to."""
    if isinstance(value, Mapping):
        value = value["id"]
    if not isinstance(value, str) or not value:
        raise TypeError("an id")
    return value


def _event_time(value: Any) -> datetime:
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value).astimezone(UTC)
        return _time(value)
    except (ValueError, TypeError, OverflowError, OSError):
        raise StripeShapeError("the event's time cannot be read") from None


def _time(seconds: Any) -> datetime:
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise TypeError("a time in seconds")
    return datetime.fromtimestamp(seconds, UTC)
