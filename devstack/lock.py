"""One stack per checkout: who holds `.local/run.lock`, and which processes are his."""

import fcntl
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from devstack import dotenv, places

FILE = places.LOCAL / "run.lock"
GLANCE_SECONDS = 0.5  # whoever only looks whether it is held holds it for an instant


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that keeps the services alive, and its named children."""

    pid: int
    children: dict[str, int]


class RunLock:
    """Held until the process ends, however it ends: the kernel lets go, not a file that stays."""

    def __init__(self) -> None:
        places.make_folder(places.LOCAL)
        self._stream = FILE.open("a+")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def acquire(self) -> bool:
        deadline = time.monotonic() + GLANCE_SECONDS
        while True:
            try:
                fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.05)
            else:
                self.describe({})  # what both files say is of an earlier run
                dotenv.RUNTIME.unlink(missing_ok=True)
                return True

    def describe(self, children: Mapping[str, int]) -> None:
        self._stream.seek(0)
        self._stream.truncate()
        json.dump({"pid": os.getpid(), "children": dict(children)}, self._stream)
        self._stream.flush()


def is_held() -> bool:
    try:
        with FILE.open() as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def holder() -> Holder | None:
    if not is_held():
        return None
    try:
        content = json.loads(FILE.read_text())
        return Holder(pid=content["pid"], children=content["children"])
    except (OSError, ValueError, KeyError):
        return None  # just taken, not yet described
