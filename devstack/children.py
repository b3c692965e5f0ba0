"""Child processes that never outlive us, and are ended in the way each of them likes."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from devstack.places import Account

PR_SET_PDEATHSIG = 1


def start(
    command: Sequence[str | Path],
    *,
    output: IO[bytes] | int,
    folder: Path,
    environment: Mapping[str, str],
    ends_with_us: signal.Signals = signal.SIGTERM,
    account: Account | None = None,
) -> subprocess.Popen[bytes]:
    """Start in a session of its own: a Ctrl-C in the terminal reaches only the supervisor.

    Call it from the main thread: Linux ties the parent-death signal to the calling thread.
    """
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=dict(environment),
        start_new_session=True,
        preexec_fn=_die_with_parent(ends_with_us),  # noqa: PLW1509 - one prctl call, no locks
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def _die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(number))

    return ask_kernel


def stop(process: subprocess.Popen[bytes], *steps: tuple[signal.Signals, float]) -> None:
    """Send each signal and wait its seconds, until the process is gone; SIGKILL comes last."""
    for number, seconds in steps:
        if process.poll() is not None:
            return
        process.send_signal(number)
        if _ends_within(process, seconds):
            return
    kill(process)


def wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    """For one that was asked to end already."""
    if not _ends_within(process, seconds):
        kill(process)


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def strike(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the process and everything it started, without waiting."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and everything it started, now."""
    if process.poll() is None:
        strike(process)
        process.wait()


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, for an error message."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return "(no log)"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])
