"""Free ports on this machine, the same ones as last time where possible."""

import json
import socket
from pathlib import Path

from devstack.errors import DevstackError

LOOPBACK = "127.0.0.1"
WEB_PORTS = range(8000, 8020)


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def any_free() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def web_port(wanted: str | None) -> int:
    """The port asked for, or the first free one of 8000-8019."""
    if wanted:
        if not wanted.isdecimal() or not 1 <= int(wanted) <= 65535:  # noqa: PLR2004 - TCP's range
            raise DevstackError(f"PORT={wanted} is not a port number. Try: make run PORT=9000")
        if not is_free(int(wanted)):
            raise DevstackError(
                f"Port {wanted} is taken by another program. Choose another: make run PORT=9000"
            )
        return int(wanted)
    for port in WEB_PORTS:
        if is_free(port):
            return port
    raise DevstackError("Ports 8000-8019 are all taken. Choose one: make run PORT=9000")


class RememberedPorts:
    """Ports kept in a small file, so that a saved psql or IDE connection stays valid."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            stored = json.loads(file.read_text())
        except (OSError, ValueError):
            stored = {}
        self._ports = {
            name: port
            for name, port in (stored.items() if isinstance(stored, dict) else ())
            if isinstance(port, int)
        }

    def get(self, name: str) -> int:
        port = self._ports.get(name)
        if port is None or not is_free(port):
            port = any_free()
        if self._ports.get(name) != port:
            self._ports[name] = port
            self._file.write_text(json.dumps(self._ports, indent=2, sort_keys=True) + "\n")
        return port
