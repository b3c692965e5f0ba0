"""POST /estimate over HTTP: two gunicorn workers, sixteen connections from another process.

The peer is EcoLogits called in process, on this process' one core and without any HTTP. All of
the database, Valkey, the workers and the client share the machine, and the client is Python too.
`python -m benchmarks.estimate_http PORT SECONDS` is the client.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measuring import REPETITIONS, Rates, Result, percentile, seconds_of
from devstack import children, programs
from devstack.ports import LOOPBACK, any_free
from devstack.valkey import Valkey

CONNECTIONS = 16
SECONDS = 3.0
PEER_CALLS = 2000
START_SECONDS = 30.0
ROOT = Path(__file__).resolve().parents[1]
CALL = {"model": "gpt-4o", "prompt_tokens": 1000, "completion_tokens": 500}
STOP_STEPS = ((signal.SIGTERM, 10.0),)


def run() -> Iterator[Result]:
    with _server() as port:
        _load(port, SECONDS)  # warm
        rounds = [(_load(port, SECONDS), _peer()) for _ in range(REPETITIONS)]
    loads = [load for load, _ in rounds]
    ours = Rates([load["count"] / load["seconds"] for load in loads])
    peer = Rates([rate for _, rate in rounds])
    yield Result(
        "estimate_http",
        f"{CONNECTIONS} connections",
        ours.median,
        "requests/s",
        ours.spread,
        "EcoLogits in process",
        ours.median / peer.median,
    )
    for case, name in (("p95 at the client", "client_ms"), ("p95 in the server", "server_ms")):
        each = sorted(percentile(load[name], 0.95) for load in loads)
        middle = each[len(each) // 2]
        yield Result("estimate_http", case, middle, "ms", (each[-1] - each[0]) / middle)
    yield Result("estimate_http", "EcoLogits in process", peer.median, "calls/s", peer.spread)


def _peer() -> float:
    from ecologits.tracers.utils import llm_impacts  # noqa: PLC0415 - a slow import

    def calls() -> None:
        for _ in range(PEER_CALLS):
            llm_impacts("openai", "gpt-4o", 500, 5.0)

    return PEER_CALLS / seconds_of(calls)


def _load(port: int, seconds: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.estimate_http", str(port), str(seconds)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


@contextmanager
def _server() -> Iterator[int]:
    """The product as it is served, on the benchmark's database and a Valkey of its own."""
    with tempfile.TemporaryDirectory(prefix="carbon-bench-web-") as folder:
        home, port = Path(folder), any_free()
        valkey = Valkey(home / "valkey", port=any_free(), durable=False)
        valkey.start()
        environment = {
            **os.environ,
            "REDIS_URL": valkey.url,
            "THROTTLE_ADDRESS_PER_MINUTE": str(10**9),
        }
        with (home / "web.log").open("wb") as log:
            web = children.start(
                programs.web(port), output=log, folder=ROOT, environment=environment
            )
        try:
            _wait(port, home / "web.log")
            yield port
        finally:
            children.stop(web, *STOP_STEPS)
            valkey.stop()


def _wait(port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if _ask(http.client.HTTPConnection(LOOPBACK, port, timeout=5)).status == 200:  # noqa: PLR2004
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server did not answer; its log ends with:\n{children.tail(log)}")


def _ask(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/api/v1/estimate", json.dumps(CALL), headers)
    answer = connection.getresponse()
    answer.read()
    return answer


def _client(port: int, seconds: float) -> dict[str, Any]:
    """Sixteen threads that ask one after the other, and what each answer took."""
    client_ms: list[float] = []
    server_ms: list[float] = []
    ends = time.perf_counter() + seconds

    def keep_asking() -> None:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
        while (started := time.perf_counter()) < ends:
            answer = _ask(connection)
            if answer.status != 200:  # noqa: PLR2004
                raise RuntimeError(f"answered {answer.status}")
            client_ms.append((time.perf_counter() - started) * 1000)
            server_ms.append(float(answer.headers["X-Response-Time"].removesuffix("ms")))

    threads = [threading.Thread(target=keep_asking) for _ in range(CONNECTIONS)]
    taken = seconds_of(lambda: _run_all(threads))
    return {
        "count": len(client_ms),
        "seconds": taken,
        "client_ms": client_ms,
        "server_ms": server_ms,
    }


def _run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    print(json.dumps(_client(int(sys.argv[1]), float(sys.argv[2]))))
