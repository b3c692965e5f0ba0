"""A local HTTP server that plays recorded answers, in order, and can misbehave while it does.

    with RecordedServer() as server:
        server.plays("/organization/usage/completions", Answer(body={...}), ...)

Each request to a path takes the next answer; the last one stays. `server.requests` is the journal.
"""

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

DATA = Path(__file__).parent.parent / "data" / "providers"

Fault = Literal["cut", "reset", "stall", "stall_in_body", "trickle_headers", "trickle_body"]


@dataclass(frozen=True)
class Answer:
    body: Any = None  # bytes are sent as they are, anything else as JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]  # names in lower case
    body: bytes

    def every(self, name: str) -> list[str]:
        return [value for sent, value in self.query if sent == name]


class RecordedServer:
    def __init__(self) -> None:
        self.requests: list[Received] = []
        self._answers: dict[str, deque[Answer]] = {}
        self._released = threading.Event()  # ends every stall when the server closes
        handler = type("Handler", (_Handler,), {"recorder": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = False  # closing waits for them
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def plays(self, path: str, *answers: Answer) -> None:
        self._answers[path] = deque(answers)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def next_answer(self, received: Received) -> Answer:
        self.requests.append(received)
        answers = self._answers.get(received.path)
        if not answers:
            return Answer({"error": {"message": f"nothing recorded for {received.path}"}}, 404)
        return answers.popleft() if len(answers) > 1 else answers[0]

    def idle(self, seconds: float) -> bool:
        """Wait while the server is open; whether it is still."""
        return not self._released.wait(seconds)


def recorded(provider: str, name: str) -> Answer:
    """One answer of `tests/data/providers`."""
    entry = load(provider)[name]
    return Answer(entry["body"], entry["status"], entry.get("headers", {}))


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return loaded


class _Handler(BaseHTTPRequestHandler):
    recorder: RecordedServer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        query = parse_qsl(parts.query, keep_blank_values=True)
        answer = self.recorder.next_answer(Received(self.command, parts.path, query, headers, body))
        try:
            self._play(answer)
        except OSError:
            self.close_connection = True  # the client has gone, which some tests want

    def _play(self, answer: Answer) -> None:
        content = answer.content()
        if answer.fault == "stall":
            self.recorder.idle(30)
            return
        if answer.fault == "reset":
            linger = struct.pack("ii", 1, 0)  # close with RST instead of FIN
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            return
        head = self._head(answer, len(content))
        self._send(head, slowly=answer.fault == "trickle_headers")
        if answer.fault in {"cut", "stall_in_body"}:
            content = content[: len(content) // 2]
        self._send(content, slowly=answer.fault == "trickle_body")
        if answer.fault == "stall_in_body":
            self.recorder.idle(30)

    def _head(self, answer: Answer, length: int) -> bytes:
        headers = {"Content-Type": "application/json", "Content-Length": str(length)}
        lines = [f"{name}: {value}" for name, value in {**headers, **answer.headers}.items()]
        return "\r\n".join([f"HTTP/1.0 {answer.status} Played", *lines, "", ""]).encode()

    def _send(self, data: bytes, *, slowly: bool) -> None:
        if not slowly:
            self.wfile.write(data)
            return
        for byte in data:
            if not self.recorder.idle(0.02):
                return
            self.wfile.write(bytes([byte]))
