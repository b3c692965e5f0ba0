"""`make setup` is silent when nothing changed, and says what to type when it cannot go on."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devstack import places


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copytree(places.ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / "requirements-dev.txt").write_text("")
    return tmp_path


def _setup(checkout: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHON"}
    return subprocess.run(
        [sys.executable, "scripts/setup.py"],
        cwd=checkout,
        env={**environment, **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def _finished_environment(checkout: Path) -> None:
    digest = hashlib.sha256((checkout / "requirements-dev.txt").read_bytes()).hexdigest()
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (checkout / ".venv" / ".stamp").write_text(f"{digest} \n")
    library = checkout / ".local" / "sysroot" / "usr" / "lib" / "any" / "libpango-1.0.so.0"
    library.parent.mkdir(parents=True)
    library.write_text("")


def test_a_finished_environment_is_left_alone_in_silence(checkout: Path) -> None:
    _finished_environment(checkout)

    done = _setup(checkout)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_interpreter_that_is_none_is_refused_by_name(checkout: Path) -> None:
    done = _setup(checkout, PYTHON="/bin/false")

    assert done.returncode == 1
    assert "PYTHON=/bin/false is no Python 3.11 or later" in done.stderr


def test_other_requirements_are_noticed(checkout: Path) -> None:
    _finished_environment(checkout)
    (checkout / "requirements-dev.txt").write_text("# changed\n")

    done = _setup(checkout, PYTHON="/bin/false")

    assert done.returncode == 1
