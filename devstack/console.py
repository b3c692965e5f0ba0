"""What the terminal shows: each line of each child behind its name, in its colour."""

import os
import sys
import threading
from pathlib import Path
from typing import IO

COLOURS = {
    "web": "36",
    "worker": "32",
    "beat": "33",
    "simulator": "35",
    "bootstrap": "34",
    "demo": "34",
    "devstack": "1",
}
WIDTH = max(map(len, COLOURS))

_lock = threading.Lock()


def say(text: str) -> None:
    for line in text.splitlines():
        show("devstack", line)


def show(name: str, line: str) -> None:
    """Never fails: the terminal may be closed before the children are stopped."""
    label = f"{name:<{WIDTH}} |"
    if _in_colour():
        label = f"\x1b[{COLOURS.get(name, '0')}m{label}\x1b[0m"
    try:
        with _lock:
            print(label, line, flush=True)
    except OSError:
        return


def follow(name: str, stream: IO[bytes], log: Path) -> threading.Thread:
    """Copy a child's output to the terminal and to its log, until the child closes it."""
    thread = threading.Thread(target=_copy, args=(name, stream, log), name=name, daemon=True)
    thread.start()
    return thread


def _copy(name: str, stream: IO[bytes], log: Path) -> None:
    with log.open("ab", buffering=0) as copy, stream:
        for line in stream:
            copy.write(line)
            show(name, line.decode(errors="replace").rstrip("\n"))


def _in_colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
