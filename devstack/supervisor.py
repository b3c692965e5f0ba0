"""`devstack up`: the whole product in one terminal, started in order and stopped in order."""

import http.client
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn

from devstack import children, console, dotenv, places, ports, programs, services, summary
from devstack.errors import DevstackError
from devstack.lock import RunLock, holder

READY_SECONDS = 90.0
LOOK_SECONDS = 0.1
FLUSH_SECONDS = 1.0
STOP_SECONDS = 20.0  # Celery finishes the tasks it has begun


class Stopped(Exception):  # noqa: N818 - not an error: someone asked for it
    """Ctrl-C, SIGTERM or a closed terminal, before all was up."""


class Supervisor:
    """Holds the run lock; everything it starts ends with it."""

    def __init__(self) -> None:
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._readers: dict[str, threading.Thread] = {}
        self._data: services.DataServices | None = None
        self._environment: dict[str, str] = {}
        self._signals = 0

    def run(self) -> int:
        """0 when asked to stop, 1 when something ended by itself or would not start."""
        started = time.monotonic()
        with RunLock() as lock:
            if not lock.acquire():
                return _already_running()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, self._on_signal)
            try:
                self._start(lock)
                console.say(summary.of_running(self._environment, time.monotonic() - started))
                self._watch()
            except Stopped:
                return 0
            except DevstackError as refusal:
                console.say(str(refusal))
                return 1
            finally:
                self._stop()

    # Starting

    def _start(self, lock: RunLock) -> None:
        if dotenv.create_missing():
            console.say("wrote .env with fresh secrets")
        settings = services.settings()
        port = ports.web_port(settings.get("PORT"))
        remembered = ports.RememberedPorts(places.LOCAL / "ports.json")
        self._data = services.DataServices(settings, remembered)
        runtime = self._data.start()
        runtime |= programs.addresses(settings, remembered)
        runtime["PUBLIC_URL"] = settings.get("PUBLIC_URL") or f"http://{ports.LOOPBACK}:{port}"
        self._environment = {**programs.FOR_A_TERMINAL, **settings, **runtime}
        if sys.platform == "darwin":  # https://github.com/celery/celery/issues/4113
            self._environment["OBJC_DISABLE_INITIALIZE_FORK_SAFETY"] = "YES"
        dotenv.write_runtime(runtime)
        self._start_programs(port, remembered.get("simulator"))
        running = {**self._data.processes(), **self._children}
        lock.describe({name: child.pid for name, child in running.items()})
        self._wait_until_answers(port, "/readyz")
        if not _demo_is_there(port) and self._finish("demo", programs.DEMO):
            console.say("the demo failed, see above; everything else runs")

    def _start_programs(self, port: int, simulator_port: int) -> None:
        simulated = programs.is_simulated(self._environment)
        if simulated:
            self._spawn("simulator", programs.simulator(simulator_port, self._environment))
        code = self._finish("bootstrap", programs.BOOTSTRAP)
        if code:
            raise DevstackError(f"bootstrap failed with exit code {code}, see above")
        self._spawn("web", programs.web(port))
        self._spawn("worker", programs.WORKER)
        self._spawn("beat", programs.BEAT)
        if simulated:
            self._wait_until_answers(simulator_port, "/healthz")

    def _spawn(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        logs = places.make_folder(places.LOCAL / "logs")
        log = logs / f"{name}.log"
        log.unlink(missing_ok=True)
        process = children.start(
            command,
            output=subprocess.PIPE,
            folder=places.ROOT,
            environment=self._environment,
        )
        self._children[name] = process
        if process.stdout is not None:
            self._readers[name] = console.follow(name, process.stdout, log)
        return process

    def _finish(self, name: str, command: Sequence[str]) -> int:
        """Run a step to its end and answer with its exit code."""
        process = self._spawn(name, command)
        self._wait_for(lambda: process.poll() is not None, except_for=name)
        del self._children[name]
        self._readers.pop(name).join(FLUSH_SECONDS)
        return process.returncode

    def _wait_until_answers(self, port: int, path: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        status, answer = 0, ""

        def is_ready() -> bool:
            nonlocal status, answer
            status, answer = _ask(port, path)
            return status == http.HTTPStatus.OK or time.monotonic() > deadline

        self._wait_for(is_ready)
        if status != http.HTTPStatus.OK:
            raise DevstackError(
                f"{path} on port {port} was not ready after {READY_SECONDS:.0f} s: {answer}"
            )

    def _wait_for(self, condition: Callable[[], bool], except_for: str = "") -> None:
        while not condition():
            self._look(except_for)

    def _look(self, except_for: str = "") -> None:
        if self._signals:
            raise Stopped
        data = self._data.processes() if self._data else {}
        for name, process in {**data, **self._children}.items():
            if name != except_for and process.poll() is not None:
                raise DevstackError(
                    f"{name} ended with exit code {process.returncode}; stopping the rest. "
                    f"Logs: {places.LOCAL / 'logs'}"
                )
        time.sleep(LOOK_SECONDS)

    def _watch(self) -> NoReturn:
        while True:
            self._look()

    # Stopping

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """The first asks for an orderly end; the second does not ask."""
        self._signals += 1
        if self._signals > 1:
            data = self._data.processes() if self._data else {}
            for process in {**data, **self._children}.values():
                children.strike(process)

    def _stop(self) -> None:
        """The product at once, then what it calls, then what it stands on.

        What web and beat still hand out waits in the database for the next start.
        """
        if self._children:
            console.say("stopping; Ctrl-C again kills at once")
        simulator = self._children.pop("simulator", None)
        for process in self._children.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._children.values():
            children.wait(process, STOP_SECONDS)
        if simulator is not None:
            children.stop(simulator, (signal.SIGTERM, STOP_SECONDS))
        for reader in self._readers.values():
            reader.join(FLUSH_SECONDS)
        if self._data:
            self._data.stop()
        dotenv.RUNTIME.unlink(missing_ok=True)


def _already_running() -> int:
    running = holder()
    url = dotenv.read(dotenv.RUNTIME).get("PUBLIC_URL")
    if url:
        console.say(f"already running at {url}; Ctrl-C in its terminal or `make stop` ends it")
        return 0
    who = f" (process {running.pid})" if running else ""
    console.say(f"another devstack command{who} uses this checkout; end it, then try again")
    return 1


def _demo_is_there(port: int) -> bool:
    """Whether this database holds the receipt of an earlier run's demo; asking costs nothing."""
    receipt = summary.demo().get("receipt")
    return bool(receipt) and _ask(port, f"{receipt}/receipt.json")[0] == http.HTTPStatus.OK


def _ask(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(ports.LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")[:500]
    except (OSError, http.client.HTTPException) as refusal:
        return 0, str(refusal)
    finally:
        connection.close()
