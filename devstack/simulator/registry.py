"""A demonstration credit registry: it confirms retirements that never happened anywhere."""

import html

from devstack.simulator.clock import day_of
from devstack.simulator.retirements import FIELDS, NOTICE, certificate_text, error
from devstack.simulator.simulator import Simulator
from devstack.simulator.wire import (
    JsonObject,
    RefusedError,
    Reply,
    Request,
    html_reply,
    json_reply,
)

RETIREMENTS = "/retirements"


def _order(request: Request) -> JsonObject:
    try:
        body = request.json()
        order = {name: kind(body[name]) for name, kind in FIELDS.items()}
        first, last = int(order["serial_first"]), int(order["serial_last"])
    except (ValueError, KeyError, TypeError) as refusal:
        message = f"The order cannot be read: {refusal}."
        raise RefusedError(error(400, message, "invalid_order")) from refusal
    if last - first + 1 != order["tonnes"]:
        message = "The serials do not count as many tonnes as the order."
        raise RefusedError(error(422, message, "quantity_mismatch"))
    return order


def answer(request: Request, path: str, simulator: Simulator) -> Reply:
    registry = simulator.registry
    if path == RETIREMENTS and request.method == "POST":
        key = request.headers.get("idempotency-key")
        if not key:
            message = "An Idempotency-Key is required."
            raise RefusedError(error(400, message, "idempotency_key_missing"))
        today = day_of(simulator.clock.now())
        return json_reply(registry.retire(_order(request), key, request.base_url, today), 201)
    if request.method != "GET":
        raise RefusedError(error(405, "Method not allowed."))
    if path == RETIREMENTS:
        return json_reply({"retirements": registry.listed(request.last("order_id"))})
    kind, _, retirement_id = path.removeprefix("/").partition("/")
    if kind == "retirements":
        return json_reply(registry.find(retirement_id))
    if kind == "certificates":
        text = certificate_text(registry.find(retirement_id))
        return Reply(200, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})
    if kind == "public":
        return html_reply(_public_page(registry.find(retirement_id)))
    raise RefusedError(error(404, "No such page.", "not_found"))


def _public_page(retirement: JsonObject) -> str:
    rows = "".join(
        f"<tr><th scope=row>{html.escape(name.replace('_', ' '))}</th>"
        f"<td>{html.escape(str(retirement[name]))}</td></tr>"
        for name in ("retirement_id", "status", "retired_on", *FIELDS)
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Demonstration registry</title>"
        "<body style='font:16px system-ui;max-width:44rem;margin:3rem auto;padding:0 1rem'>"
        f"<h1>Demonstration registry</h1><p role=alert><strong>{NOTICE}</strong></p>"
        f"<table style='text-align:left;border-spacing:1rem .3rem'>{rows}</table></body></html>"
    )
