"""One embedded Valkey (or Redis): a fresh password at every start, kept out of `ps`."""

import os
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path

from devstack import binaries, children, places
from devstack.errors import DevstackError
from devstack.ports import LOOPBACK

START_SECONDS = 10.0
ANSWER_SECONDS = 0.5
STOP_STEPS = ((signal.SIGTERM, 10.0),)  # writes its snapshot first


class Valkey:
    """A server whose folder is its working directory: an unquoted `dir` breaks on spaces."""

    def __init__(self, home: Path, *, port: int, durable: bool = True) -> None:
        self._binary = binaries.valkey_server()
        self._home = home
        self._log = home / "valkey.log"
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self._password = secrets.token_urlsafe(24)
        self.port = port

    @property
    def url(self) -> str:
        """Without a database number: the reader chooses."""
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}"

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        return self._process

    def start(self) -> None:
        places.make_folder(self._home)
        config = self._home / "valkey.conf"
        config.unlink(missing_ok=True)
        handle = os.open(config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(self._configuration())
        with self._log.open("wb") as log:
            self._process = children.start(
                [self._binary, config],
                output=log,
                folder=self._home,
                environment=os.environ,
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self._process is not None:
            children.stop(self._process, *STOP_STEPS)

    def _configuration(self) -> str:
        lines = (
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self._password}",
            "dir ./",
            "save 60 1" if self._durable else 'save ""',
            "maxmemory-policy noeviction",
            "daemonize no",
        )
        return "\n".join(lines) + "\n"

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            if self._answers():
                return
            time.sleep(0.02)
        raise DevstackError(
            f"Valkey did not start on port {self.port}; its log ({self._log}) ends with:\n"
            f"{children.tail(self._log)}"
        )

    def _answers(self) -> bool:
        """AUTH and PING in Redis' inline form; +OK and +PONG mean that it is ours and ready."""
        try:
            with socket.create_connection(
                (LOOPBACK, self.port), timeout=ANSWER_SECONDS
            ) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\nQUIT\r\n".encode())
                answer = connection.makefile("rb").read()
        except OSError:
            return False
        return answer.startswith(b"+OK\r\n+PONG\r\n")
