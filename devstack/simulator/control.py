"""How a test commands the simulator: clock, events, faults, fixtures, Stripe's stories."""

from collections.abc import Callable
from typing import Any

from devstack.simulator import stripe_story
from devstack.simulator.clock import rfc3339, unix
from devstack.simulator.events import UsageEvent
from devstack.simulator.faults import fault_from
from devstack.simulator.history import DAY
from devstack.simulator.ledger import selection_of
from devstack.simulator.simulator import SHAPES, Simulator
from devstack.simulator.wire import JsonObject, Reply, Request, json_reply

DELIVERY = ("times", "order", "signature", "shuffle_seed")


def answer(request: Request, path: str, simulator: Simulator) -> Reply:
    door = DOORS.get((request.method, path))
    if door is None:
        return json_reply({"error": f"no control at {request.method} {path}"}, 404)
    try:
        asked = request.json() if request.method == "POST" else dict(request.query)
        return json_reply(door(asked, simulator))
    except (ValueError, LookupError, TypeError, StopIteration) as refusal:
        return json_reply({"error": f"{type(refusal).__name__}: {refusal}"}, 400)


def _reset(_asked: JsonObject, simulator: Simulator) -> JsonObject:
    simulator.reset()
    return {"reset": True}


def _clock(asked: JsonObject, simulator: Simulator) -> JsonObject:
    """Set (`now`, standing still unless `frozen` is false), `advance_seconds`, or go `real`."""
    clock = simulator.clock
    if asked.get("real"):
        clock.reset()
    if "now" in asked:
        clock.set(unix(asked["now"]), frozen=asked.get("frozen", True))
    clock.advance(float(asked.get("advance_seconds", 0)))
    simulator.ledger.begin_no_later_than(clock.now() - simulator.days * DAY)
    return _now({}, simulator)


def _now(_asked: JsonObject, simulator: Simulator) -> JsonObject:
    now = simulator.clock.now()
    return {"now": rfc3339(now), "unix": now}


def _change_events(asked: JsonObject, simulator: Simulator) -> JsonObject:
    ledger, now = simulator.ledger, simulator.clock.now()
    added = [_shown(ledger.add(item)) for item in asked.get("add", [])]
    revised = [_shown(ledger.revise(item, now=now)) for item in asked.get("revise", [])]
    for item in asked.get("remove", []):
        ledger.remove(item, now=now)
    return {"added": added, "revised": revised, "removed": len(asked.get("remove", []))}


def _list_events(asked: JsonObject, simulator: Simulator) -> JsonObject:
    """What a provider reports now for `[start, end)`, event by event."""
    times = {name: int(asked[name]) for name in ("start", "end") if asked[name].isdecimal()}
    span = selection_of({**asked, **times})
    events = simulator.ledger.visible(
        *(span.provider, span.organisation, span.endpoint, span.start, span.end),
        now=simulator.clock.now(),
    )
    return {"events": [_shown(event) for event in events]}


def _shown(event: UsageEvent) -> JsonObject:
    shown = event._asdict()
    shown["time"] = rfc3339(shown.pop("at"))
    return shown


def _add_faults(asked: Any, simulator: Simulator) -> JsonObject:
    items = asked if isinstance(asked, list) else [asked]
    for fault in [fault_from(item) for item in items]:
        simulator.faults.add(fault)
    return {"added": len(items)}


def _clear_faults(_asked: JsonObject, simulator: Simulator) -> JsonObject:
    simulator.faults.reset()
    return {"cleared": True}


def _journal(asked: JsonObject, simulator: Simulator) -> JsonObject:
    return {"entries": simulator.journal.entries(asked.get("provider"), asked.get("path", ""))}


def _clear_journal(_asked: JsonObject, simulator: Simulator) -> JsonObject:
    simulator.journal.reset()
    return {"cleared": True}


def _latency(asked: JsonObject, simulator: Simulator) -> JsonObject:
    simulator.latency[asked.get("provider", "*")] = float(asked["seconds"])
    return {"latency": simulator.latency}


def _shapes(asked: JsonObject, simulator: Simulator) -> JsonObject:

    for service, shape in asked.items():
        if shape not in SHAPES[service]:
            raise ValueError(f"{service} answers in one of {SHAPES[service]}")
        simulator.shapes[service] = shape
    return {"shapes": simulator.shapes}


def _fixtures(asked: Any, simulator: Simulator) -> JsonObject:
    items = asked if isinstance(asked, list) else [asked]
    for item in items:
        simulator.fixtures.add(item)
    return {"added": len(items)}


def _webhook(asked: JsonObject, simulator: Simulator) -> JsonObject:
    simulator.webhooks.url = asked["url"]
    simulator.webhooks.secret = asked.get("secret") or ""
    return {"url": simulator.webhooks.url}


def _signup(asked: JsonObject, simulator: Simulator) -> JsonObject:
    session, events = stripe_story.sign_up(
        simulator.stripe,
        client_reference_id=asked["client_reference_id"],
        plan=asked.get("plan", "starter"),
        email=asked.get("email", "billing@example.com"),
        starts_at=unix(asked.get("starts_at", simulator.clock.now())),
        customer=asked.get("customer"),
    )
    named = {name: session[name] for name in ("customer", "subscription", "invoice")}
    return {"session": session["id"], **named, **_told(asked, events, simulator)}


def _renew(asked: JsonObject, simulator: Simulator) -> JsonObject:
    bounds = {name: unix(asked[name]) for name in ("period_start", "period_end") if name in asked}
    invoice, events = stripe_story.renew(simulator.stripe, asked["subscription"], **bounds)
    return {"invoice": invoice["id"], **_told(asked, events, simulator)}


def _cancel(asked: JsonObject, simulator: Simulator) -> JsonObject:
    at = unix(asked.get("at", simulator.clock.now()))
    subscription, events = stripe_story.cancel(simulator.stripe, asked["subscription"], at=at)
    return {"subscription": subscription["id"], **_told(asked, events, simulator)}


def _deliver(asked: JsonObject, simulator: Simulator) -> JsonObject:
    """Deliver events of the account by id, or any bodies as they are given."""
    events = []
    for event in asked["events"]:
        body = simulator.stripe.get("events", event) if isinstance(event, str) else event
        if body is None:
            raise LookupError(f"no event {event}")
        events.append(body)
    return _told(asked, events, simulator)


def _told(asked: JsonObject, events: list[JsonObject], simulator: Simulator) -> JsonObject:
    how = {name: asked[name] for name in DELIVERY if name in asked}
    deliveries = [] if asked.get("deliver") is False else simulator.webhooks.deliver(events, **how)
    return {"events": [event["id"] for event in events], "deliveries": deliveries}


DOORS: dict[tuple[str, str], Callable[[Any, Simulator], JsonObject]] = {
    ("POST", "/reset"): _reset,
    ("POST", "/clock"): _clock,
    ("GET", "/clock"): _now,
    ("POST", "/events"): _change_events,
    ("GET", "/events"): _list_events,
    ("POST", "/faults"): _add_faults,
    ("DELETE", "/faults"): _clear_faults,
    ("GET", "/journal"): _journal,
    ("DELETE", "/journal"): _clear_journal,
    ("POST", "/latency"): _latency,
    ("POST", "/shapes"): _shapes,
    ("POST", "/fixtures"): _fixtures,
    ("POST", "/stripe/webhook"): _webhook,
    ("POST", "/stripe/signup"): _signup,
    ("POST", "/stripe/renew"): _renew,
    ("POST", "/stripe/cancel"): _cancel,
    ("POST", "/stripe/deliver"): _deliver,
}
