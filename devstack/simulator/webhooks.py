"""Delivers signed events to the product, well or badly, and says what the receiver answered."""

import hashlib
import hmac
import json
import random
import threading
import time
from collections.abc import Iterable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from devstack.simulator.wire import JsonObject

ATTEMPTS = 3
FIRST_WAIT_S = 0.05
TIMEOUT_S = 10
OLD_BY_S = 3600
SUCCESS = range(200, 300)
ORDERS = ("given", "reversed", "shuffled")
SIGNATURES = ("valid", "wrong", "old", "missing")


def signature_header(payload: bytes, secret: str, timestamp: int) -> str:
    """https://docs.stripe.com/webhooks#verify-manually: the key is the whole secret string."""
    signed = f"{timestamp}.".encode() + payload
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


class Deliverer:
    """Knows one endpoint. Without a URL nothing is delivered."""

    def __init__(self, url: str | None, secret: str | None, stopped: threading.Event) -> None:
        self.url = url
        self.secret = secret or ""
        self._stopped = stopped

    def deliver(
        self,
        events: Iterable[JsonObject],
        *,
        times: int = 1,
        order: str = "given",
        signature: str = "valid",
        shuffle_seed: int = 0,
    ) -> list[JsonObject]:
        """Deliver each event `times` times; the answer lists the receiver's status codes."""
        if order not in ORDERS or signature not in SIGNATURES:
            raise ValueError(f"order is one of {ORDERS}, signature one of {SIGNATURES}")
        queue = [event for event in events for _ in range(times)]
        if order == "reversed":
            queue.reverse()
        elif order == "shuffled":
            random.Random(shuffle_seed).shuffle(queue)  # noqa: S311 - an order, not a secret
        if self.url is None:
            return []
        return [self._deliver(self.url, event, signature) for event in queue]

    def _deliver(self, url: str, event: JsonObject, signature: str) -> JsonObject:
        statuses: list[int | str] = []
        for attempt in range(ATTEMPTS):
            if attempt:
                self._stopped.wait(FIRST_WAIT_S * 2 ** (attempt - 1))
            statuses.append(self._post(url, event, signature))
            if statuses[-1] in SUCCESS:
                break
        return {"event": event["id"], "type": event["type"], "statuses": statuses}

    def _post(self, url: str, event: JsonObject, signature: str) -> int | str:
        """The receiver's status, or the name of what kept us from one."""
        target = urlsplit(url)
        kind = HTTPSConnection if target.scheme == "https" else HTTPConnection
        connection = kind(target.hostname or "", target.port, timeout=TIMEOUT_S)
        payload = json.dumps(event, indent=2).encode()
        path = target.path + (f"?{target.query}" if target.query else "")
        try:
            connection.request("POST", path or "/", payload, self._headers(payload, signature))
            response = connection.getresponse()
            response.read()
        except (OSError, HTTPException) as failure:
            return type(failure).__name__
        finally:
            connection.close()
        return response.status

    def _headers(self, payload: bytes, signature: str) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": "Stripe/1.0 (simulated)"}
        if signature == "missing":
            return headers
        timestamp = int(time.time()) - (OLD_BY_S if signature == "old" else 0)
        secret = self.secret + ("-wrong" if signature == "wrong" else "")
        return {**headers, "Stripe-Signature": signature_header(payload, secret, timestamp)}
