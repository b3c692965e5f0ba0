"""Debian and Ubuntu packages for a user without root: downloaded and unpacked, never installed.

apt-get works with state and cache folders of our own; it still uses the machine's sources and
keys, so the packages are as trusted as installed ones.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path


class UnpackError(Exception):
    """What apt-get or dpkg-deb answered."""


def available() -> bool:
    return bool(shutil.which("apt-get") and shutil.which("dpkg-deb"))


def unpack(packages: list[str], target: Path) -> None:
    """Fill `target` with the packages and what they lack; never a half-made folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="carbon-debs-") as scratch:
        archives = _download(packages, Path(scratch))
        fresh = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=str(target.parent)))
        try:
            for archive in archives:
                _run(["dpkg-deb", "-x", str(archive), str(fresh)])
            fresh.rename(target)
        finally:
            shutil.rmtree(str(fresh), ignore_errors=True)


def _download(packages: list[str], scratch: Path) -> list[Path]:
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (scratch / folder).mkdir(parents=True)
    options = [
        f"Dir::State={scratch}/state",
        "Dir::State::status=/var/lib/dpkg/status",
        f"Dir::Cache={scratch}/cache",
        "Debug::NoLocking=1",
        "Acquire::Languages=none",
        "APT::Sandbox::User=root",  # as root, apt would drop to a user that cannot write here
    ]
    apt = ["apt-get", "-q"] + [part for option in options for part in ("-o", option)]
    _run([*apt, "update"])
    _run([*apt, "-y", "--no-install-recommends", "--download-only", "install", *packages])
    return sorted((scratch / "cache" / "archives").glob("*.deb"))


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
        check=False,
    )
    if done.returncode:
        lines = done.stdout.decode(errors="replace").strip().splitlines()
        raise UnpackError(lines[-1] if lines else f"{command[0]} ended with {done.returncode}")
