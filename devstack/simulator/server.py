"""The HTTP server: one thread a connection, and replies that may misbehave on purpose."""

import os
import socket
import struct
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from urllib.parse import parse_qsl, urlsplit

from devstack.simulator.doors import reply_to
from devstack.simulator.simulator import Simulator
from devstack.simulator.wire import Reply, Request

BODYLESS = {204, 304}


class SimulatorServer(ThreadingHTTPServer):
    """Serves one simulator on this machine only."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, simulator: Simulator, port: int) -> None:
        self.simulator = simulator
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        """Bind without asking the network for our name, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no error of ours."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def server_close(self) -> None:
        self.simulator.stopped.set()  # wakes replies that are being slow
        super().server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Simulator"
    disable_nagle_algorithm = True
    timeout = 60
    server: SimulatorServer

    def _answer(self) -> None:
        request = self._read()
        self._write(reply_to(self.server.simulator, request))

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - the names the base class looks for

    def _read(self) -> Request:
        target = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        return Request(
            method=self.command,
            path=target.path,
            query=parse_qsl(target.query, keep_blank_values=True),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
            base_url=f"http://127.0.0.1:{self.server.server_port}",
        )

    def _write(self, reply: Reply) -> None:
        effect = reply.effect
        if effect and effect.kind == "reset":
            self._reset()
            return
        if effect and effect.kind == "slow":
            self.server.simulator.stopped.wait(effect.seconds)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status not in BODYLESS:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if effect and effect.kind == "stall":
            self.wfile.write(reply.body[: len(reply.body) // 2])
            self.server.simulator.stopped.wait(effect.seconds)
            self.close_connection = True
            return
        self.wfile.write(reply.body)

    def _reset(self) -> None:
        """Close so that the client sees a reset, not an end."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        os.close(self.connection.detach())  # before the base class says goodbye politely
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Silent: the journal is the log."""
