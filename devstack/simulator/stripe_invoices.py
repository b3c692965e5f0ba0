"""Paid subscription invoices: the invoice looks back one period, its line looks ahead."""

from devstack.simulator.stripe_objects import list_of, new_id
from devstack.simulator.wire import JsonObject

UNSET = (
    *("account_tax_ids", "application", "automatically_finalizes_at", "custom_fields"),
    *("customer_address", "customer_phone", "customer_shipping", "default_payment_method"),
    *("default_source", "description", "due_date", "footer", "from_invoice"),
    *("hosted_invoice_url", "invoice_pdf", "last_finalization_error", "latest_revision"),
    *("next_payment_attempt", "on_behalf_of", "receipt_number", "rendering", "shipping_cost"),
    *("shipping_details", "statement_descriptor", "test_clock"),
)

ALWAYS: JsonObject = {
    "object": "invoice",
    "account_country": "US",
    "account_name": "Simulated account",
    "attempt_count": 1,
    "attempted": True,
    "auto_advance": False,
    "automatic_tax": {
        "disabled_reason": None,
        "enabled": False,
        "liability": None,
        "provider": None,
        "status": None,
    },
    "collection_method": "charge_automatically",
    "currency": "usd",
    "customer_tax_exempt": "none",
    "customer_tax_ids": [],
    "default_tax_rates": [],
    "discounts": [],
    "issuer": {"type": "self"},
    "livemode": False,
    "metadata": {},
    "payment_settings": {
        "default_mandate": None,
        "payment_method_options": None,
        "payment_method_types": None,
    },
    "status": "paid",
}


def paid_invoice(
    subscription: JsonObject,
    customer: JsonObject,
    *,
    reason: str,
    period: tuple[int, int],
    line_period: tuple[int, int],
    at: int,
) -> JsonObject:
    """An invoice of the subscription's one price, finalized and paid at `at`."""
    item = subscription["items"]["data"][0]
    invoice_id = new_id("in")
    lines = [_line(invoice_id, subscription["id"], item, line_period)]
    return {
        **dict.fromkeys(UNSET),
        **ALWAYS,
        **_amounts(item["price"]["unit_amount"]),
        "id": invoice_id,
        "billing_reason": reason,
        "created": at,
        "customer": customer["id"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "effective_at": at,
        "lines": list_of(lines, f"/v1/invoices/{invoice_id}/lines"),
        "number": f"SIM-{invoice_id[-8:].upper()}",
        "parent": _parent(subscription),
        "period_start": period[0],
        "period_end": period[1],
        "status_transitions": {
            "finalized_at": at,
            "marked_uncollectible_at": None,
            "paid_at": at,
            "voided_at": None,
        },
        "webhooks_delivered_at": at,
    }


def _parent(subscription: JsonObject) -> JsonObject:
    details = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
    return {"quote_details": None, "subscription_details": details, "type": "subscription_details"}


def _amounts(amount: int) -> JsonObject:
    everything = ("amount_due", "amount_paid", "subtotal", "subtotal_excluding_tax")
    nothing = (
        *("amount_overpaid", "amount_remaining", "amount_shipping", "starting_balance"),
        *("ending_balance", "post_payment_credit_notes_amount"),
        "pre_payment_credit_notes_amount",
    )
    empty: JsonObject = {
        "total_discount_amounts": [],
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    }
    return {
        **dict.fromkeys(everything, amount),
        "total": amount,
        "total_excluding_tax": amount,
        **dict.fromkeys(nothing, 0),
        **empty,
    }


def _line(
    invoice_id: str, subscription_id: str, item: JsonObject, period: tuple[int, int]
) -> JsonObject:
    price = item["price"]
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": price["unit_amount"],
        "currency": "usd",
        "description": f"1 × {price['metadata']['plan_tier'].title()} (per month)",  # noqa: RUF001
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice_id,
        "livemode": False,
        "metadata": {},
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": None,
                "subscription": subscription_id,
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"start": period[0], "end": period[1]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": 1,
        "quantity_decimal": "1",
        "subtotal": price["unit_amount"],
        "taxes": [],
    }
