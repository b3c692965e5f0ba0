"""A demonstration credit registry: it confirms retirements that never happened anywhere."""

import hashlib
import html
import json
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from devstack.simulator.clock import day_of
from devstack.simulator.wire import (
    JsonObject,
    RefusedError,
    Reply,
    Request,
    html_reply,
    json_reply,
)

if TYPE_CHECKING:
    from devstack.simulator.simulator import Simulator

FIELDS = {
    "order_id": str,
    "registry": str,
    "project_id": str,
    "serial_range": str,
    "serial_first": str,
    "serial_last": str,
    "tonnes": int,
    "beneficiary": str,
    "reason": str,
}
NOTICE = (
    "This is a demonstration registry. Nothing was retired in the real world, "
    "and this page is no evidence of anything."
)
RETIREMENTS = "/retirements"


def error(status: int, message: str = "The registry is not available.", code: str = "") -> Reply:
    body = {"code": code or f"registry_{status}", "message": message}
    return json_reply({"error": body, "demonstration": True}, status)


class Registry:
    """Retirements by id, each made once however often it is asked for."""

    def __init__(
        self, kept: JsonObject, changed: Callable[[], None], lock: threading.RLock
    ) -> None:
        self._lock = lock
        self._changed = changed
        self._retirements: dict[str, JsonObject] = kept.get("retirements", {})
        self._keys: dict[str, JsonObject] = kept.get("keys", {})

    def dump(self) -> JsonObject:
        with self._lock:
            return {"retirements": dict(self._retirements), "keys": dict(self._keys)}

    def reset(self) -> None:
        with self._lock:
            self._retirements, self._keys = {}, {}
            self._changed()

    def retire(self, order: JsonObject, key: str, base_url: str, today: str) -> JsonObject:
        """Confirm an order. Safe to repeat with the same key."""
        with self._lock:
            asked_before = self._keys.get(key)
            if asked_before is not None:
                if asked_before["order"] != order:
                    message = "The Idempotency-Key was used with another order."
                    raise RefusedError(error(422, message, "idempotency_key_reused"))
                return self._retirements[asked_before["retirement_id"]]
            for other in self._retirements.values():
                if _overlap(order, other):
                    message = f"Serials already retired by {other['retirement_id']}."
                    raise RefusedError(error(409, message, "serials_already_retired"))
            retirement = _confirmed(order, base_url, today)
            self._retirements[retirement["retirement_id"]] = retirement
            self._keys[key] = {"order": order, "retirement_id": retirement["retirement_id"]}
            self._changed()
            return retirement

    def find(self, retirement_id: str) -> JsonObject:
        with self._lock:
            found = self._retirements.get(retirement_id)
        if found is None:
            raise RefusedError(error(404, "No such retirement.", "not_found"))
        return found

    def listed(self, order_id: str | None) -> list[JsonObject]:
        with self._lock:
            retirements = list(self._retirements.values())
        return [r for r in retirements if order_id in {None, r["order_id"]}]


def _confirmed(order: JsonObject, base_url: str, today: str) -> JsonObject:
    text = json.dumps(order, sort_keys=True)
    retirement_id = "demo-ret-" + hashlib.sha256(text.encode()).hexdigest()[:16]
    certificate = certificate_text({**order, "retirement_id": retirement_id, "retired_on": today})
    return {
        **order,
        "retirement_id": retirement_id,
        "status": "retired",
        "retired_on": today,
        "registry_url": f"{base_url}/registry/public/{retirement_id}",
        "certificate_url": f"{base_url}/registry/certificates/{retirement_id}",
        "certificate_sha256": hashlib.sha256(certificate.encode()).hexdigest(),
        "demonstration": True,
    }


def certificate_text(retirement: JsonObject) -> str:
    names = ("retirement_id", "retired_on", *FIELDS)
    lines = [f"{name}: {retirement[name]}" for name in names]
    return "\n".join(["DEMONSTRATION CERTIFICATE", NOTICE, "", *lines, ""])


def _overlap(order: JsonObject, other: JsonObject) -> bool:
    return (
        _space(order) == _space(other)
        and int(order["serial_first"]) <= int(other["serial_last"])
        and int(other["serial_first"]) <= int(order["serial_last"])
    )


def _space(order: JsonObject) -> tuple[str, ...]:
    """Where serials are unique: the range's text without its first and last number."""
    pair = rf"\b0*{order['serial_first']}\D+0*{order['serial_last']}\b"
    return order["registry"], order["project_id"], re.sub(pair, "#", order["serial_range"])


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


def answer(request: Request, path: str, simulator: "Simulator") -> Reply:
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
