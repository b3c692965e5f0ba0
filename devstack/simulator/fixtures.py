"""Literal answers: a recorded body is served for a given method, path and part of a query."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from devstack.simulator.wire import JSON, JsonObject, Reply, Request


@dataclass(frozen=True, slots=True)
class Fixture:
    method: str
    path: str
    query: Mapping[str, list[str]]
    reply: Reply

    def answers(self, request: Request) -> bool:
        return (request.method, request.path) == (self.method, self.path) and all(
            sorted(request.every(name)) == sorted(values) for name, values in self.query.items()
        )


class Fixtures:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fixtures: list[Fixture] = []

    def reset(self) -> None:
        with self._lock:
            self._fixtures = []

    def add(self, item: JsonObject) -> None:
        """`body` is JSON, or text to be sent as it is; the newest fixture answers first."""
        body = item.get("body", "")
        text = body if isinstance(body, str) else json.dumps(body)
        headers = {"Content-Type": JSON, **item.get("headers", {})}
        query = {
            name.removesuffix("[]"): [
                str(v) for v in (value if isinstance(value, list) else [value])
            ]
            for name, value in item.get("query", {}).items()
        }
        reply = Reply(int(item.get("status", 200)), text.encode(), headers)
        fixture = Fixture(item.get("method", "GET").upper(), item["path"], query, reply)
        with self._lock:
            self._fixtures.insert(0, fixture)

    def find(self, request: Request) -> Reply | None:
        with self._lock:
            return next((f.reply for f in self._fixtures if f.answers(request)), None)
