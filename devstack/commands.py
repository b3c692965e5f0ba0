"""The shorter verbs: run one command with services, stop a running stack, reset the checkout."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence

from devstack import binaries, dotenv, places, services
from devstack.errors import DevstackError
from devstack.lock import RunLock, holder, is_held
from devstack.ports import RememberedPorts

STOP_SECONDS = 60.0
START_SECONDS = 30.0


def execute(command: Sequence[str]) -> int:
    """Run it against the running services, or start them for as long as it takes."""
    with RunLock() as lock:
        if not lock.acquire():
            return _run(command, _running_urls())
        dotenv.create_missing()
        data = services.DataServices(
            services.settings(), RememberedPorts(places.LOCAL / "ports.json")
        )
        try:
            urls = data.start()
            dotenv.write_runtime(urls)
            lock.describe({name: p.pid for name, p in data.processes().items()})
            return _run(command, urls)
        finally:
            data.stop()
            dotenv.RUNTIME.unlink(missing_ok=True)


def stop() -> str:
    running = holder()
    if running is None:
        return "not running"
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while is_held():
        if time.monotonic() > deadline:
            raise DevstackError(f"Process {running.pid} does not stop. Type: kill -9 {running.pid}")
        time.sleep(0.1)
    return "stopped"


def reset() -> str:
    """Back to a fresh checkout, but for what `make setup` installed."""
    if is_held():
        raise DevstackError("It is running. Type: make stop")
    kept = places.LOCAL / "sysroot"
    outside = [places.data_folder()] if places.is_root() else []
    doomed = [*outside, places.ROOT / ".env", places.ROOT / "media", *places.LOCAL.glob("*")]
    for path in doomed:
        if path == kept:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return "removed .env, the database, the queue and every stored file"


def _run(command: Sequence[str], urls: dict[str, str]) -> int:
    """Ctrl-C belongs to the command, which shares our terminal; we wait for what it makes of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = subprocess.Popen(
            command,
            env={**services.settings(), **urls, "PATH": _path_with_psql()},
            preexec_fn=_listen_to_ctrl_c,  # noqa: PLW1509 - one system call, no locks
        )
    except OSError as refusal:
        raise DevstackError(f"Cannot run {command[0]}: {refusal.strerror}") from refusal
    return process.wait()


def _path_with_psql() -> str:
    path = os.environ.get("PATH", os.defpath)
    try:
        return f"{binaries.postgres_folder()}{os.pathsep}{path}"
    except DevstackError:  # a server given by URL needs no PostgreSQL here
        return path


def _listen_to_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _running_urls() -> dict[str, str]:
    """Another command may hold the lock and not have its services up yet."""
    deadline = time.monotonic() + START_SECONDS
    while is_held() and time.monotonic() < deadline:
        urls = dotenv.read(dotenv.RUNTIME)
        if urls:
            return urls
        time.sleep(0.1)
    raise DevstackError("The services of another devstack command did not come up. Try again.")
