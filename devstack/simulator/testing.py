"""The simulator inside a test: the same server over a real socket, in a thread.

with running_simulator() as simulator:
    simulator.set_clock("2026-11-18T00:00:00Z")
    requests.get(simulator.url + "/openai/v1/…")
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from devstack.simulator.server import SimulatorServer
from devstack.simulator.simulator import Simulator
from devstack.simulator.wire import JsonObject

POLL_S = 0.02


class CommandError(AssertionError):
    """The control API did not do what a test asked of it."""


class RunningSimulator:
    """A simulator at `url`; every method is one call of its control API."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def command(self, method: str, path: str, body: Any = None) -> JsonObject:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, "/control" + path, json.dumps(body or {}))
            response = connection.getresponse()
            answer: JsonObject = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:  # noqa: PLR2004
            raise CommandError(answer)
        return answer

    def reset(self) -> None:
        self.command("POST", "/reset")

    def set_clock(self, now: str | int, *, frozen: bool = True) -> None:
        self.command("POST", "/clock", {"now": now, "frozen": frozen})

    def advance_clock(self, seconds: float) -> None:
        self.command("POST", "/clock", {"advance_seconds": seconds})

    def add_event(self, **event: Any) -> JsonObject:
        added: JsonObject = self.command("POST", "/events", {"add": [event]})["added"][0]
        return added

    def revise_event(self, **event: Any) -> JsonObject:
        revised: JsonObject = self.command("POST", "/events", {"revise": [event]})["revised"][0]
        return revised

    def remove_events(self, **selection: Any) -> None:
        self.command("POST", "/events", {"remove": [selection]})

    def events(self, **selection: Any) -> list[JsonObject]:
        found: list[JsonObject]
        found = self.command("GET", "/events?" + urlencode(selection))["events"]
        return found

    def add_fault(self, provider: str, kind: str | int, **more: Any) -> None:
        """`more`: path, on_calls, params."""
        self.command("POST", "/faults", {"provider": provider, "kind": kind, **more})

    def clear_faults(self) -> None:
        self.command("DELETE", "/faults")

    def add_fixture(self, **fixture: Any) -> None:
        """`fixture`: method, path, query, status, headers, body."""
        self.command("POST", "/fixtures", fixture)

    def set_shape(self, **shapes: str) -> None:
        self.command("POST", "/shapes", shapes)

    def set_latency(self, provider: str, seconds: float) -> None:
        self.command("POST", "/latency", {"provider": provider, "seconds": seconds})

    def journal(self, provider: str | None = None, path: str = "") -> list[JsonObject]:
        query = {"path": path} | ({"provider": provider} if provider else {})
        entries: list[JsonObject]
        entries = self.command("GET", "/journal?" + urlencode(query))["entries"]
        return entries

    def clear_journal(self) -> None:
        self.command("DELETE", "/journal")

    def deliver_to(self, url: str, secret: str) -> None:
        """Where Stripe's webhooks go from now on."""
        self.command("POST", "/stripe/webhook", {"url": url, "secret": secret})

    def stripe(self, story: str, **asked: Any) -> JsonObject:
        """`signup`, `renew`, `cancel` or `deliver`; see the README for what each wants."""
        return self.command("POST", f"/stripe/{story}", asked)


@contextmanager
def running_simulator(**options: Any) -> Iterator[RunningSimulator]:
    """Options are those of `Simulator`: seed, days, webhook_url, webhook_secret, state."""
    server = SimulatorServer(Simulator(**options), port=0)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": POLL_S}, name="simulator"
    )
    thread.start()
    try:
        yield RunningSimulator(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
