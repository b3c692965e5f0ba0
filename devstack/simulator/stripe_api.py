"""Stripe's HTTP API as far as a subscription business needs it, https://docs.stripe.com/api."""

import operator
from collections.abc import Callable
from typing import Any

from devstack.simulator import stripe_objects
from devstack.simulator.keys import masked
from devstack.simulator.simulator import Simulator
from devstack.simulator.stripe_account import StripeAccount
from devstack.simulator.stripe_pages import page
from devstack.simulator.wire import JsonObject, RefusedError, Reply, Request, json_reply, nested

KEY_PREFIX = "sk_test_"
REPLAYABLE = 500  # from here on an answer to a refused call is kept, as Stripe does
LONGEST_KEY = 255
MOST_LISTED = 100
RESOURCES = {
    "customers": "customers",
    "prices": "prices",
    "checkout/sessions": "checkout_sessions",
    "subscriptions": "subscriptions",
    "invoices": "invoices",
    "events": "events",
}
NAMES = {
    "customers": "customer",
    "prices": "price",
    "checkout_sessions": "checkout.session",
    "subscriptions": "subscription",
    "invoices": "invoice",
    "events": "event",
}


def error(
    status: int, message: str | None = None, *, code: str | None = None, param: str | None = None
) -> Reply:
    kind = "invalid_request_error" if status < REPLAYABLE else "api_error"
    if status == 429:  # noqa: PLR2004
        code, message = code or "rate_limit", message or "Request rate limit exceeded."
    body = {"type": kind, "message": message or "An unknown error occurred."}
    body |= {"code": code} if code else {}
    body |= {"param": param} if param else {}
    return json_reply({"error": body}, status).with_headers(**_headers())


def _headers() -> dict[str, str]:
    return {
        "request_id": stripe_objects.new_id("req"),
        "stripe_version": stripe_objects.API_VERSION,
    }


def answer(request: Request, path: str, simulator: Simulator) -> Reply:
    if not path.startswith("/v1/"):
        return page(request, path, simulator)
    _authenticate(request)
    resource = path.removeprefix("/v1/")
    if request.method == "POST":
        return _post(request, resource, simulator)
    if request.method != "GET":
        raise RefusedError(error(405, "Method not allowed."))
    if resource in RESOURCES:
        return json_reply(_listed(request, resource, simulator.stripe)).with_headers(**_headers())
    parent, _, object_id = resource.rpartition("/")
    if parent in RESOURCES:
        found = _existing(simulator.stripe, RESOURCES[parent], object_id)
        return json_reply(found).with_headers(**_headers())
    raise RefusedError(error(404, f"Unrecognized request URL ({request.method}: {path})."))


def _authenticate(request: Request) -> None:
    key = request.bearer()
    if key is None:
        raise RefusedError(error(401, "You did not provide an API key."))
    if not key.startswith(KEY_PREFIX):
        raise RefusedError(error(401, f"Invalid API Key provided: {masked(key)}"))


def _existing(account: StripeAccount, kind: str, object_id: str, param: str = "id") -> JsonObject:
    found = account.get(kind, object_id)
    if found is None:
        message = f"No such {NAMES[kind]}: '{object_id}'"
        raise RefusedError(error(404, message, code="resource_missing", param=param))
    return found


def _listed(request: Request, resource: str, account: StripeAccount) -> JsonObject:
    params = nested(request.query)
    found = [o for o in account.every(RESOURCES[resource]) if _matches(o, resource, params)]
    if after := params.get("starting_after"):
        ids = [one["id"] for one in found]
        found = found[ids.index(after) + 1 :] if after in ids else []
    limit = int(params.get("limit", 10))
    if not 1 <= limit <= MOST_LISTED:
        raise RefusedError(error(400, "limit must be between 1 and 100.", param="limit"))
    has_more = len(found) > limit
    return stripe_objects.list_of(found[:limit], f"/v1/{resource}", has_more=has_more)


def _matches(one: JsonObject, resource: str, params: JsonObject) -> bool:
    """Whether an object passes every filter that was sent."""
    if resource == "subscriptions" and "status" not in params and one["status"] == "canceled":
        return False
    filters: dict[str, Callable[[Any], bool]] = {
        "lookup_keys": lambda keys: one["lookup_key"] in keys,
        "types": lambda types: one["type"] in types,
        "subscription": lambda wanted: _subscription_of(one) == wanted,
        "status": lambda wanted: wanted in {"all", one["status"]},
        "created": lambda bounds: _within(one["created"], bounds),
        "customer": lambda wanted: one["customer"] == wanted,
        "email": lambda wanted: one["email"] == wanted,
        "type": lambda wanted: one["type"] == wanted,
    }
    return all(filters[name](value) for name, value in params.items() if name in filters)


def _subscription_of(invoice: JsonObject) -> str:
    return str(invoice["parent"]["subscription_details"]["subscription"])


def _within(created: int, bounds: JsonObject | str) -> bool:
    if isinstance(bounds, str):
        return created == int(bounds)
    holds = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}
    return all(holds[name](created, int(bound)) for name, bound in bounds.items())


def _post(request: Request, resource: str, simulator: Simulator) -> Reply:
    key = request.headers.get("idempotency-key")
    if key is not None and len(key) > LONGEST_KEY:
        raise RefusedError(error(400, "The idempotency key is too long."))
    params = request.form()
    asked = {"resource": resource, "params": params}

    def act() -> tuple[int, JsonObject]:
        return 200, _created(resource, params, request.base_url, simulator)

    answered = simulator.stripe.once(key, asked, act)
    if answered is None:
        message = (
            "Keys for idempotent requests can only be used with the same parameters "
            "they were first used with."
        )
        body = {"error": {"type": "idempotency_error", "message": message}}
        raise RefusedError(json_reply(body, 400).with_headers(**_headers()))
    status, body, replayed = answered
    reply = json_reply(body, status).with_headers(**_headers())
    return reply.with_headers(idempotent_replayed="true") if replayed else reply


def _created(resource: str, params: JsonObject, base_url: str, simulator: Simulator) -> JsonObject:
    account, now = simulator.stripe, simulator.clock.now()
    if resource == "customers":
        customer = stripe_objects.customer(params, now=now)
        account.put("customers", customer)
        return customer
    if resource == "billing_portal/sessions":
        _existing(account, "customers", _needed(params, "customer"), "customer")
        session = stripe_objects.portal_session(params, base_url=base_url, now=now)
        account.put("portal_sessions", session)
        return session
    if resource == "checkout/sessions":
        return _checkout(params, base_url, simulator)
    raise RefusedError(error(404, f"Unrecognized request URL (POST: /v1/{resource})."))


def _checkout(params: JsonObject, base_url: str, simulator: Simulator) -> JsonObject:
    account, now = simulator.stripe, simulator.clock.now()
    if params.get("mode") != "subscription":
        raise RefusedError(error(400, "Only mode=subscription is simulated.", param="mode"))
    if params.get("customer") is not None:
        _existing(account, "customers", params["customer"], "customer")
    lines = _needed(params, "line_items")
    price = _existing(account, "prices", lines[0].get("price", ""), "line_items[0][price]")
    plan = price["metadata"]["plan_tier"]
    session = stripe_objects.checkout_session(params, plan=plan, base_url=base_url, now=now)
    account.put("checkout_sessions", session)
    metadata = params.get("subscription_data", {}).get("metadata", {})
    account.note_subscription_metadata(session["id"], {"plan_tier": plan, **metadata})
    return session


def _needed(params: JsonObject, name: str) -> Any:
    if name not in params:
        text = f"Missing required param: {name}."
        raise RefusedError(error(400, text, code="parameter_missing", param=name))
    return params[name]
