"""Stripe's objects in the shape of API version 2026-10-28.endive, https://docs.stripe.com/api."""

import calendar
import secrets
from datetime import UTC, datetime
from typing import Any

from devstack.simulator.wire import JsonObject

API_VERSION = "2026-10-28.endive"
ACCOUNT_CREATED = 1_767_225_600
PLANS = {"starter": 4900, "growth": 19900, "scale": 79900}  # US cents a month
UNSET_IN_SUBSCRIPTION = (
    *("cancel_at", "canceled_at", "days_until_due", "default_payment_method", "description"),
    *("ended_at", "latest_invoice", "pause_collection", "pending_update", "schedule"),
    *("test_clock", "trial_end", "trial_start"),
)
NO_TAX = {"enabled": False, "liability": None, "provider": None, "status": None}


def new_id(prefix: str) -> str:
    """Random, so that a simulator that forgot everything gives no id out twice."""
    return f"{prefix}_1Sim{secrets.token_hex(10)}"


def month_after(moment: int) -> int:
    """The same day and time a month later, or that month's last day."""
    at = datetime.fromtimestamp(moment, UTC)
    year, month = (at.year + 1, 1) if at.month == 12 else (at.year, at.month + 1)  # noqa: PLR2004
    day = min(at.day, calendar.monthrange(year, month)[1])
    return int(at.replace(year=year, month=month, day=day).timestamp())


def list_of(data: list[JsonObject], url: str, *, has_more: bool = False) -> JsonObject:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def price(plan: str) -> JsonObject:
    recurring = {
        "interval": "month",
        "interval_count": 1,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }
    return {
        "id": f"price_sim_{plan}",
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": ACCOUNT_CREATED,
        "currency": "usd",
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": f"{plan}_monthly",
        "metadata": {"plan_tier": plan},
        "nickname": None,
        "product": f"prod_sim_{plan}",
        "recurring": recurring,
        "tax_behavior": "exclusive",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": PLANS[plan],
        "unit_amount_decimal": str(PLANS[plan]),
    }


def _plan(plan: str) -> JsonObject:
    return {
        "id": f"price_sim_{plan}",
        "object": "plan",
        "active": True,
        "amount": PLANS[plan],
        "amount_decimal": str(PLANS[plan]),
        "billing_scheme": "per_unit",
        "created": ACCOUNT_CREATED,
        "currency": "usd",
        "interval": "month",
        "interval_count": 1,
        "livemode": False,
        "metadata": {"plan_tier": plan},
        "meter": None,
        "nickname": None,
        "product": f"prod_sim_{plan}",
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def customer(params: JsonObject, *, now: int) -> JsonObject:
    return {
        "id": new_id("cus"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": params.get("description"),
        "discount": None,
        "email": params.get("email"),
        "invoice_prefix": secrets.token_hex(4).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": dict(params.get("metadata") or {}),
        "name": params.get("name"),
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def _subscription_item(subscription_id: str, plan: str, start: int) -> JsonObject:
    return {
        "id": new_id("si"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": start,
        "current_period_start": start,
        "current_period_end": month_after(start),
        "discounts": [],
        "metadata": {},
        "plan": _plan(plan),
        "price": price(plan),
        "quantity": 1,
        "subscription": subscription_id,
        "tax_rates": [],
    }


def subscription(customer_id: str, plan: str, metadata: JsonObject, *, start: int) -> JsonObject:
    subscription_id = new_id("sub")
    items = [_subscription_item(subscription_id, plan, start)]
    return {
        **dict.fromkeys(UNSET_IN_SUBSCRIPTION),
        "id": subscription_id,
        "object": "subscription",
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": start,
        "billing_mode": {
            "flexible": {"proration_discounts": "included"},
            "type": "flexible",
            "updated_at": None,
        },
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": start,
        "currency": "usd",
        "customer": customer_id,
        "discounts": [],
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": list_of(items, f"/v1/subscription_items?subscription={subscription_id}"),
        "livemode": False,
        "metadata": dict(metadata),
        "start_date": start,
        "status": "active",
    }


def checkout_session(params: JsonObject, *, plan: str, base_url: str, now: int) -> JsonObject:
    session_id = "cs_test_" + secrets.token_hex(20)
    return {
        "id": session_id,
        "object": "checkout.session",
        "amount_subtotal": PLANS[plan],
        "amount_total": PLANS[plan],
        "automatic_tax": NO_TAX,
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": None,
        "created": now,
        "currency": "usd",
        "custom_fields": [],
        "custom_text": dict.fromkeys(
            ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        ),
        "customer": params.get("customer"),
        "customer_creation": None,
        "customer_details": None,
        "customer_email": params.get("customer_email"),
        "discounts": [],
        "expires_at": now + 86400,
        "invoice": None,
        "livemode": False,
        "locale": None,
        "metadata": dict(params.get("metadata") or {}),
        "mode": "subscription",
        "payment_intent": None,
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "shipping_options": [],
        "status": "open",
        "subscription": None,
        "success_url": params.get("success_url"),
        "ui_mode": "hosted_page",
        "url": f"{base_url}/stripe/checkout/{session_id}",
    }


def portal_session(params: JsonObject, *, base_url: str, now: int) -> JsonObject:
    session_id = new_id("bps")
    return {
        "id": session_id,
        "object": "billing_portal.session",
        "configuration": "bpc_sim_default",
        "created": now,
        "customer": params["customer"],
        "flow": None,
        "livemode": False,
        "locale": None,
        "on_behalf_of": None,
        "return_url": params.get("return_url"),
        "url": f"{base_url}/stripe/portal/{session_id}",
    }


def event(kind: str, subject: JsonObject, *, now: int, previous: Any = None) -> JsonObject:
    data: JsonObject = {"object": subject}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": now,
        "data": data,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
