"""The whole stack around a product of twenty lines: up, looked at, stopped, broken."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import places, ports

SECONDS = 40.0
KEPT = ("PATH", "HOME", "EMBEDDED_PG", "EMBEDDED_PG_BINDIR", "EMBEDDED_REDIS_BIN")
PRODUCT = {
    "carbon_platform/__init__.py": "",
    "carbon_platform/wsgi.py": """
        def application(environ, start_response):
            start_response("200 OK", [])
            return [environ["PATH_INFO"].encode()]
        """,
    "carbon_platform/celery.py": """
        import os
        import celery
        app = celery.Celery(broker=os.environ["REDIS_URL"] + "/0")
        """,
    "manage.py": """
        import os, sys
        import psycopg
        psycopg.connect(os.environ["DATABASE_URL"]).close()
        sys.exit(int(os.environ.get("BOOTSTRAP_EXIT", "0")))
        """,
}


class Stack:
    """`devstack up` in a checkout of its own."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.port = ports.any_free()
        self.environment = {"PORT": str(self.port), "SIMULATE": "false"}
        self.environment |= {name: os.environ[name] for name in KEPT if name in os.environ}
        self.output = checkout / "output"
        self.process: subprocess.Popen[bytes] | None = None

    def up(self, **settings: str) -> subprocess.Popen[bytes]:
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "devstack", "up"],
                cwd=self.checkout,
                env={**self.environment, **settings},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self.process

    def ready(self) -> None:
        deadline = time.monotonic() + SECONDS
        while "ready after" not in self.output.read_text():
            assert self.process is not None
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.05)

    def devstack(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "devstack", *arguments],
            cwd=self.checkout,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def children(self) -> dict[str, int]:
        held = json.loads((self.checkout / ".local" / "run.lock").read_text())
        children: dict[str, int] = held["children"]
        return children


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    shutil.copytree(
        places.ROOT / "devstack",
        tmp_path / "devstack",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name, text in PRODUCT.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("\n".join(line[8:] for line in text.splitlines()))
    (tmp_path / "devstack" / "demo.py").write_text("")
    stack = Stack(tmp_path)
    yield stack
    if stack.process is not None and stack.process.poll() is None:
        stack.process.kill()
        stack.process.wait()
    deadline = time.monotonic() + SECONDS
    while (tmp_path / ".local").exists() and time.monotonic() < deadline:
        reset = [sys.executable, "-m", "devstack", "reset"]
        subprocess.run(reset, cwd=tmp_path, env=stack.environment, check=False, capture_output=True)
        if not any((tmp_path / ".local").iterdir()):
            break


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_starts_once_serves_shares_its_addresses_and_stops(stack: Stack) -> None:
    process = stack.up()
    stack.ready()
    children = stack.children()

    with urllib.request.urlopen(f"http://127.0.0.1:{stack.port}/page", timeout=5) as answer:
        assert answer.read() == b"/page"
    assert set(children) == {"postgres", "valkey", "web", "worker", "beat"}
    assert f"already running at http://127.0.0.1:{stack.port}" in stack.devstack("up")
    assert "postgresql://carbon:" in stack.devstack("exec", "--", "printenv", "DATABASE_URL")
    assert "total" in stack.devstack("status")
    assert stack.devstack("stop") == "stopped\n"
    assert process.wait(timeout=SECONDS) == 0
    assert [name for name, pid in children.items() if _is_alive(pid)] == []
    assert stack.devstack("status") == "not running\n"
    assert not (stack.checkout / ".local" / "runtime.env").exists()


def test_a_child_that_dies_takes_the_rest_with_it(stack: Stack) -> None:
    process = stack.up()
    stack.ready()
    children = stack.children()

    os.kill(children["web"], signal.SIGKILL)

    assert process.wait(timeout=SECONDS) == 1
    assert "web ended with exit code -9" in stack.output.read_text()
    assert [name for name, pid in children.items() if _is_alive(pid)] == []


def test_a_supervisor_that_is_killed_leaves_nobody_behind(stack: Stack) -> None:
    process = stack.up()
    stack.ready()
    children = stack.children()

    process.kill()
    process.wait()

    deadline = time.monotonic() + SECONDS
    while any(map(_is_alive, children.values())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [name for name, pid in children.items() if _is_alive(pid)] == []


def test_a_bootstrap_that_fails_is_reported_and_nothing_stays(stack: Stack) -> None:
    process = stack.up(BOOTSTRAP_EXIT="3")

    assert process.wait(timeout=SECONDS) == 1
    assert "bootstrap failed with exit code 3" in stack.output.read_text()
    assert stack.devstack("status") == "not running\n"
