"""Makes a checkout ready: virtual environment, locked packages, Pango. Silent when it is.

Run by any Python from 3.8 on, standard library only: it has to explain itself on machines that
cannot run the product yet.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pango
import unpack_debs

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".stamp"
REQUIREMENTS = ROOT / "requirements-dev.txt"
SYSROOT = ROOT / ".local" / "sysroot"
PANGO_TRIED = ROOT / ".local" / "pango-missing"
OLDEST = (3, 11)
INTERPRETERS = ("python3.13", "python3.12", "python3.11", "python3.14", "python3")


class SetupError(Exception):
    """Shown as one paragraph that says what to type."""


def main() -> int:
    try:
        if not _is_current():
            _install()
        _check_pango()
    except SetupError as refusal:
        print(f"setup: {refusal}", file=sys.stderr)
        return 1
    return 0


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


# What is wanted and what is there


def _wanted() -> str:
    """The stamp of a finished environment: the locked packages and the chosen interpreter."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    return f"{digest} {os.environ.get('PYTHON', '')}\n"


def _is_current() -> bool:
    try:
        return STAMP.read_text() == _wanted() and PYTHON.exists()
    except OSError:
        return False


def _find_interpreter() -> str:
    chosen = os.environ.get("PYTHON")
    for name in [chosen] if chosen else INTERPRETERS:
        version = _version(name)
        if version is not None and version >= OLDEST:
            return name
    oldest = ".".join(map(str, OLDEST))
    if chosen:
        raise SetupError(f"PYTHON={chosen} is no Python {oldest} or later.")
    remedy = "Install one, for example: sudo apt-get install python3.11"
    if shutil.which("uv"):
        remedy = "Type: uv python install 3.13 && PYTHON=$(uv python find 3.13) make setup"
    raise SetupError(f"No Python {oldest} or later found. {remedy}")


def _version(python: str | Path) -> tuple[int, int] | None:
    """Asked by running it: a pyenv shim is on the PATH even when nothing stands behind it."""
    try:
        answer = subprocess.run(
            [str(python), "-c", "import sys; print(*sys.version_info[:2])"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        ).stdout.split()
    except OSError:
        return None
    return (int(answer[0]), int(answer[1])) if len(answer) == len(OLDEST) else None


# The environment


def _install() -> None:
    started = time.monotonic()
    interpreter = _find_interpreter()
    if not _fits(interpreter):
        say(f"creating .venv with {interpreter}")
        _create_environment(interpreter)
    say("installing the locked packages")
    _install_packages()
    _run([str(PYTHON), "-m", "compileall", "-q", "apps", "carbon_platform", "devstack"])
    STAMP.write_text(_wanted())
    say(f"packages ready after {time.monotonic() - started:.1f} s")


def _fits(interpreter: str) -> bool:
    """A working environment is kept, unless another version was asked for by name."""
    present = _version(PYTHON)
    if present is None or present < OLDEST:
        return False
    return not os.environ.get("PYTHON") or present == _version(interpreter)


def _create_environment(interpreter: str) -> None:
    if VENV.exists():
        shutil.rmtree(str(VENV))
    if shutil.which("uv"):
        _run(["uv", "venv", "--quiet", "--python", _path_of(interpreter), str(VENV)])
    elif not _succeeds([interpreter, "-m", "venv", str(VENV)]):
        # Debian splits ensurepip off into python3-venv; pip is then brought by _pip().
        _run([interpreter, "-m", "venv", "--clear", "--without-pip", str(VENV)])


def _path_of(interpreter: str) -> str:
    code = "import sys; print(sys.executable)"
    return subprocess.check_output([interpreter, "-c", code], universal_newlines=True).strip()


def _install_packages() -> None:
    """With uv, ten times as fast as pip; then with the system's certificates; then with pip.

    uv knows neither the system's certificate store nor pip's settings unless told.
    """
    environment = dict(os.environ, UV_PYTHON_DOWNLOADS="never")
    if os.environ.get("PIP_INDEX_URL"):
        environment.setdefault("UV_DEFAULT_INDEX", os.environ["PIP_INDEX_URL"])
    wanted = ["--require-hashes", "-r", str(REQUIREMENTS)]
    uv = _uv()
    if uv:
        # Compiled now, on all cores: the stack starts eight interpreters, and each would compile.
        install = [*uv, "pip", "install", "--quiet", "--compile-bytecode"]
        command = [*install, "--python", str(PYTHON), *wanted]
        if _succeeds(command, environment):
            return
        if _succeeds(command, dict(environment, UV_SYSTEM_CERTS="1")):
            return
        say("uv could not install them; trying pip, which takes longer")
    _pip([*wanted])


def _uv() -> list[str] | None:
    """The pinned uv inside the environment, brought there by pip with its hash checked."""
    inside = [str(PYTHON), "-m", "uv"]
    if _succeeds([*inside, "--version"]):
        return inside
    if shutil.which("uv"):
        return ["uv"]
    lines = re.search(r"^uv==(?:.*\\\n)*.*\n", REQUIREMENTS.read_text(), re.MULTILINE)
    if lines is None:
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pinned:
        pinned.write(lines.group())
        pinned.flush()
        try:
            _pip(["--require-hashes", "-r", pinned.name])
        except SetupError:
            return None
    return inside


def _pip(arguments: list[str]) -> None:
    options = ["install", "--quiet", "--disable-pip-version-check", *arguments]
    command = [str(PYTHON), "-m", "pip", *options]
    if _succeeds([str(PYTHON), "-m", "pip", "--version"]):
        _run(command)
        return
    with tempfile.TemporaryDirectory(prefix="carbon-pip-") as scratch:
        wheel = _pip_wheel(Path("/")) or _unpacked_pip_wheel(Path(scratch) / "pip")
        _run(command, dict(os.environ, PYTHONPATH=str(wheel)))


def _pip_wheel(root: Path) -> Path | None:
    return next(root.glob("usr/share/python-wheels/pip-*.whl"), None)


def _unpacked_pip_wheel(scratch: Path) -> Path:
    if not unpack_debs.available():
        raise SetupError("This Python has no pip. Install pip or uv, then type: make setup")
    try:
        unpack_debs.unpack(["python3-pip-whl"], scratch)
    except unpack_debs.UnpackError as refusal:
        raise SetupError(f"{refusal}. Type: sudo apt-get install python3-venv") from refusal
    wheel = _pip_wheel(scratch)
    if wheel is None:
        raise SetupError("No pip found. Type: sudo apt-get install python3-venv")
    return wheel


def _succeeds(command: list[str], environment: dict[str, str] | None = None) -> bool:
    done = subprocess.run(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        check=False,
    )
    return done.returncode == 0


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=environment, check=False)
    if done.returncode:
        shown = " ".join(command)
        raise SetupError(f"this failed: {shown}\nCheck the network, then type: make setup")


# Pango


def _check_pango() -> None:
    """Tried once: what it says to type makes the next look succeed."""
    if PANGO_TRIED.exists() and not pango.is_ready(SYSROOT):
        say(f"no Pango, so no PDFs. To have them: {PANGO_TRIED.read_text().strip()}")
        return
    if pango.is_ready(SYSROOT):
        return
    say("unpacking Pango for the PDFs into .local/sysroot")
    SYSROOT.parent.mkdir(mode=0o700, exist_ok=True)
    remedy = pango.unpack(SYSROOT)
    if remedy:
        PANGO_TRIED.write_text(remedy + "\n")
        say(f"no Pango, so no PDFs. To have them: {remedy}")


if __name__ == "__main__":
    sys.exit(main())
