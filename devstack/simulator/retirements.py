"""Retirements that a demonstration registry confirmed, kept so that none is made twice."""

import hashlib
import json
import re
import threading
from collections.abc import Callable

from devstack.simulator.wire import JsonObject, RefusedError, Reply, json_reply

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
