"""The pages a customer sees at Stripe: a checkout to pay at, a portal to come back from."""

import html

from devstack.simulator import stripe_story
from devstack.simulator.simulator import Simulator
from devstack.simulator.wire import JsonObject, RefusedError, Reply, Request, html_reply

FRAME = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
    "<body style='font:16px system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem'>"
    "<h1>{title}</h1><p>This page is simulated. No money moves.</p>{inner}</body></html>"
)


def page(request: Request, path: str, simulator: Simulator) -> Reply:
    kind, _, session_id = path.removeprefix("/").partition("/")
    if kind == "checkout" and request.method == "POST":
        return _pay(session_id, simulator)
    if kind == "checkout" and request.method == "GET":
        return _checkout(session_id, simulator)
    if kind == "portal" and request.method == "GET":
        return _portal(session_id, simulator)
    raise RefusedError(html_reply(FRAME.format(title="No such page", inner=""), 404))


def _checkout(session_id: str, simulator: Simulator) -> Reply:
    session = _session("checkout_sessions", session_id, simulator)
    if session["status"] != "open":
        return html_reply(FRAME.format(title="Already paid", inner=""))
    amount = f"${session['amount_total'] / 100:.2f} a month"
    button = f"<form method=post><p>{amount}</p><button>Pay (simulated)</button></form>"
    back = html.escape(session["cancel_url"] or "")
    cancel = f'<p><a href="{back}">Cancel</a></p>' if back else ""
    return html_reply(FRAME.format(title="Checkout", inner=button + cancel))


def _pay(session_id: str, simulator: Simulator) -> Reply:
    _session("checkout_sessions", session_id, simulator)
    try:
        session, events = stripe_story.pay(simulator.stripe, session_id, at=simulator.clock.now())
    except LookupError:
        return html_reply(FRAME.format(title="Already paid", inner=""), 409)
    simulator.webhooks.deliver(events)
    target = (session["success_url"] or "/").replace("{CHECKOUT_SESSION_ID}", session_id)
    return Reply(303, b"", {"Location": target})


def _portal(session_id: str, simulator: Simulator) -> Reply:
    session = _session("portal_sessions", session_id, simulator)
    back = html.escape(session["return_url"] or "")
    inner = f'<p>Customer {session["customer"]}</p><p><a href="{back}">Return</a></p>'
    return html_reply(FRAME.format(title="Billing portal", inner=inner))


def _session(kind: str, session_id: str, simulator: Simulator) -> JsonObject:
    found = simulator.stripe.get(kind, session_id)
    if found is None:
        raise RefusedError(html_reply(FRAME.format(title="No such session", inner=""), 404))
    return found
