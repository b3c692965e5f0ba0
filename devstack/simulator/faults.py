"""The fault plan: what goes wrong, for which provider and path, on which calls."""

import gzip
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from devstack.simulator import spoiling
from devstack.simulator.wire import HTML, Effect, JsonObject, Reply, Request

BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body>502</body></html>"
SOCKET_KINDS = {"reset", "slow", "stall"}
KINDS = {
    *("status", "redirect", "truncated_json", "wrong_content_type", "empty_body", "gzip"),
    *SOCKET_KINDS,
    *spoiling.SPOILERS,
}


@dataclass(slots=True)
class Fault:
    """`on_calls` counts the matching requests from 1; None means every one."""

    provider: str
    kind: str
    path: str = ""
    on_calls: tuple[int, ...] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    seen: int = 0
    last_bucket: JsonObject | None = None

    def strikes(self, provider: str, path: str) -> bool:
        if self.provider not in {provider, "*"} or not path.startswith(self.path):
            return False
        self.seen += 1
        return self.on_calls is None or self.seen in self.on_calls


def fault_from(item: JsonObject) -> Fault:
    """A fault as the control API names it; a number as kind is a status."""
    kind, params = str(item["kind"]), dict(item.get("params", {}))
    if kind.isdecimal():
        kind, params = "status", {"status": int(kind), **params}
    if kind not in KINDS:
        raise ValueError(f"unknown fault {kind!r}; one of {', '.join(sorted(KINDS))}")
    on_calls = item.get("on_calls")
    return Fault(
        provider=item["provider"],
        kind=kind,
        path=item.get("path", ""),
        on_calls=None if on_calls is None else tuple(on_calls),
        params=params,
    )


class FaultPlan:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def reset(self) -> None:
        with self._lock:
            self._faults = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def striking(self, provider: str, path: str) -> Fault | None:
        """The fault that this call meets. Every matching fault counts the call."""
        with self._lock:
            struck = [fault for fault in self._faults if fault.strikes(provider, path)]
        return struck[0] if struck else None


def answer_instead(
    fault: Fault,
    request: Request,
    error: Callable[[int], Reply],
    now: int,
) -> Reply | None:
    """The reply of a fault that keeps the service from answering; None lets it answer."""
    if fault.kind == "status":
        return _status(fault.params, error, now)
    if fault.kind == "reset":
        return Reply(200, effect=Effect("reset"))
    if fault.kind == "redirect":
        elsewhere = request.base_url.replace("127.0.0.1", "localhost") + "/elsewhere"
        location = fault.params.get("location", elsewhere + request.path)
        return Reply(fault.params.get("status", 302), b"", {"Location": location})
    return None


def _status(params: Mapping[str, Any], error: Callable[[int], Reply], now: int) -> Reply:
    status = int(params["status"])
    reply = error(status)
    if params.get("html"):
        reply = Reply(status, BAD_GATEWAY.encode(), {"Content-Type": HTML})
    wait = params.get("retry_after")
    if wait == "date":
        after = formatdate(now + int(params.get("seconds", 60)), usegmt=True)
        return reply.with_headers(Retry_After=after)
    return reply if wait is None else reply.with_headers(Retry_After=str(wait))


def spoil(fault: Fault, request: Request, reply: Reply) -> Reply:
    """The service's own reply, damaged on its way."""
    if fault.kind in SOCKET_KINDS:
        return replace(reply, effect=Effect(fault.kind, float(fault.params.get("seconds", 30))))
    if damage := DAMAGES.get(fault.kind):
        return damage(reply)
    if fault.kind not in spoiling.SPOILERS or reply.status != HTTPStatus.OK:
        return reply
    body, fault.last_bucket = spoiling.spoiled(
        fault.kind, reply.body, page=request.last("page"), last_bucket=fault.last_bucket
    )
    return replace(reply, body=body)


def _packed(reply: Reply) -> Reply:
    packed = replace(reply, body=gzip.compress(reply.body))
    return packed.with_headers(Content_Encoding="gzip")


DAMAGES: Mapping[str, Callable[[Reply], Reply]] = {
    "truncated_json": lambda reply: replace(reply, body=reply.body[: len(reply.body) * 2 // 3]),
    "empty_body": lambda reply: replace(reply, body=b""),
    "wrong_content_type": lambda reply: reply.with_headers(Content_Type="text/html"),
    "gzip": _packed,
}
