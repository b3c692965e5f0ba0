"""Where a developer's machine keeps this checkout's running state, and who may own it."""

import hashlib
import os
import pwd
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import DevstackError

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
VAR_TMP = Path("/var/tmp")  # noqa: S108 - survives a reboot; every use checks the owner


@dataclass(frozen=True, slots=True)
class Account:
    """The unprivileged user a database server runs as, because it refuses to be root."""

    name: str
    uid: int
    gid: int


def is_root() -> bool:
    return os.geteuid() == 0


def server_account() -> Account | None:
    """`postgres`, else `nobody`, when we are root; None means: run as we are."""
    if not is_root():
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise DevstackError(
        "PostgreSQL does not run as root and there is no user 'postgres' or 'nobody'. "
        "Run as an ordinary user, or set DATABASE_URL to a running server."
    )


def data_folder() -> Path:
    """`.local`, or a folder outside the checkout when root: the server's user must reach it."""
    return VAR_TMP / f"carbon-dev-{_checkout_id()}" if is_root() else LOCAL


def staging_folder() -> Path:
    """Root only: one copy of the server's binaries for each virtual environment."""
    digest = hashlib.sha256(os.fsencode(Path(sys.prefix))).hexdigest()[:12]
    return VAR_TMP / f"carbon-bin-{digest}"


def _checkout_id() -> str:
    """Random, in `.local`: a new clone at the path of a deleted one must not find its data."""
    file = make_folder(LOCAL) / "checkout-id"
    try:
        with file.open("x") as fresh:
            fresh.write(secrets.token_hex(6))
    except FileExistsError:
        pass
    return file.read_text()


def make_folder(folder: Path, *, mode: int = 0o700) -> Path:
    """Create it, or make sure that the existing one is ours and no link set up by someone else."""
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as refusal:
        raise DevstackError(
            f"Cannot create {folder}: {refusal.strerror}. Make its parent writable for "
            f"{pwd.getpwuid(os.geteuid()).pw_name}, or move the checkout."
        ) from refusal
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise DevstackError(f"{folder} belongs to someone else. Remove it and start again.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DevstackError(f"{folder} is not writable. Type: chmod u+rwx '{folder}'")
    return folder
