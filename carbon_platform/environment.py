"""Where settings come from: the process, then `.env`, then the developer's running services."""

import fcntl
import os
from pathlib import Path

import environ


def read_environment(root: Path) -> environ.Env:
    """Fill os.environ from the files without overwriting what is set.

    `.local/runtime.env` names the embedded services; it counts only while the supervisor that
    wrote it holds its lock, because a port left over from yesterday may be someone else's today.
    """
    env = environ.Env()
    for path in (root / ".env", *_live_services(root / ".local")):
        if path.is_file():
            environ.Env.read_env(path, overwrite=False)
    return env


def _live_services(local: Path) -> list[Path]:
    lock = local / "run.lock"
    if not lock.is_file():
        return []
    descriptor = os.open(lock, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return [local / "runtime.env"]
    finally:
        os.close(descriptor)
    return []
