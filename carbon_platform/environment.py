"""Where settings come from: the process, then `.env`, then the developer's running services."""

import fcntl
import os
from pathlib import Path

import environ


def read_environment(root: Path) -> environ.Env:
    """Fill os.environ from the files without overwriting what is set.

    `ENV_FILE` names another file than `.env`. `.local/runtime.env` names the embedded services; it
    counts only while the supervisor that wrote it holds its lock, because a port left over from
    yesterday may be someone else's today.
    """
    for path in (env_file(root), *_live_services(root / ".local")):
        if path.is_file():
            environ.Env.read_env(path, overwrite=False)
    return environ.Env()


def env_file(root: Path) -> Path:
    return Path(os.environ.get("ENV_FILE", root / ".env"))


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
