"""A deadline over a whole HTTP exchange: connections are cut when it passes.

A read timeout only sees pauses: a server that sends one byte a second never trips it, neither in
the headers nor in the body. Here a timer shuts the socket down, which ends any read at once.
"""

import contextlib
import contextvars
import socket
import threading
import time
from types import TracebackType
from typing import Self

import urllib3.connection
import urllib3.connectionpool

_current: contextvars.ContextVar["Deadline | None"] = contextvars.ContextVar(
    "deadline", default=None
)


class Deadline:
    """`with Deadline(10) as deadline:` around everything that belongs to one exchange."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self.is_over = False

    @property
    def remaining_s(self) -> float:
        return max(0.0, self._ends - time.monotonic())

    def watch(self, connected: socket.socket) -> None:
        with self._lock:
            self._sockets.append(connected)
            if self.is_over:
                _shut(connected)

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        _current.reset(self._token)

    def _cut(self) -> None:
        with self._lock:
            self.is_over = True
            for connected in self._sockets:
                _shut(connected)


def _shut(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it may be closed already
        connected.shutdown(socket.SHUT_RDWR)


def _watch(connected: socket.socket | None) -> None:
    deadline = _current.get()
    if deadline is not None and connected is not None:
        deadline.watch(connected)


class _WatchedHttp(urllib3.connection.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _watch(self.sock)


class _WatchedHttps(urllib3.connection.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _watch(self.sock)


class _HttpPool(urllib3.connectionpool.HTTPConnectionPool):
    ConnectionCls = _WatchedHttp


class _HttpsPool(urllib3.connectionpool.HTTPSConnectionPool):
    ConnectionCls = _WatchedHttps


POOLS = {"http": _HttpPool, "https": _HttpsPool}
