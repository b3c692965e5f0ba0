"""The journal of requests: what was asked and what was answered, with keys masked."""

import threading
from collections import deque

from devstack.simulator.keys import masked
from devstack.simulator.wire import JsonObject, Reply, Request

SECRET_HEADERS = {"authorization", "x-api-key", "auth-token"}
ENTRIES_KEPT = 20_000


class Journal:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._entries: deque[JsonObject] = deque(maxlen=ENTRIES_KEPT)

    def note(self, provider: str, request: Request, reply: Reply, fault: str | None) -> None:
        headers = {
            name: masked(value) if name in SECRET_HEADERS else value
            for name, value in request.headers.items()
        }
        entry = {
            "provider": provider,
            "method": request.method,
            "path": request.path,
            "query": [list(pair) for pair in request.query],
            "headers": headers,
            "body": request.body.decode(errors="replace"),
            "status": reply.status,
            "fault": fault,
        }
        with self._lock:
            self._entries.append(entry)

    def entries(self, provider: str | None = None, path: str = "") -> list[JsonObject]:
        """In order of arrival; `path` is how the whole path begins."""
        with self._lock:
            return [
                entry
                for entry in self._entries
                if provider in {None, entry["provider"]} and entry["path"].startswith(path)
            ]
