"""One usage sample a request over HTTP: two workers, sixteen connections from another process.

The peer is the least that can be done: a bare WSGI handler of our own on two workers of the same
server, with the same arithmetic in three lines and one INSERT into the same table, with its
indexes, checks and hourly sums. It knows no key, tenant, validation, limit or log. All of the
database, Valkey, the workers and the client share the machine, and the client is Python too.
`python -m benchmarks.sample_single PORT PATH KEY SECONDS` is the client.
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
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.measuring import REPETITIONS, Rates, Result, percentile
from devstack import children, programs
from devstack.ports import LOOPBACK, any_free
from devstack.valkey import Valkey

CONNECTIONS = 16
SECONDS = 3.0
START_SECONDS = 30.0
CREATED = 201
ROOT = Path(__file__).resolve().parents[1]
STOP_STEPS = ((signal.SIGTERM, 10.0),)
SAMPLE = {
    "provider": "sample-cloud",
    "region": "sample-region-1",
    "resource_type": "vcpu",
    "usage_amount": "10",
    "usage_unit": "vcpu_hour",
    "measured_at": "2026-01-01T12:00:00Z",
    "carbon_intensity_grams_co2e_per_kwh": "400",
}
PEER = "bare WSGI and one INSERT"
INSERT = """
INSERT INTO telemetry_usagesample (workspace_id, public_id, provider, region, resource_type,
    usage_amount, usage_unit, normalized_usage_unit, measured_at,
    carbon_intensity_grams_co2e_per_kwh, intensity_source, is_intensity_given,
    is_intensity_estimate, factor_set, is_test, created_at, normalized_usage_amount,
    energy_kwh_low, energy_kwh, energy_kwh_high, operational_co2e_grams_low,
    operational_co2e_grams, operational_co2e_grams_high, embodied_co2e_grams_low,
    embodied_co2e_grams, embodied_co2e_grams_high)
VALUES (%(workspace)s, %(id)s, %(provider)s, %(region)s, 'vcpu', %(amount)s, 'vcpu_hour',
    'vcpu_hour', %(measured_at)s, %(intensity)s, 'given by the caller', true, false,
    'demo-static-v1', false, now(), %(amount)s, %(kwh)s, %(kwh)s, %(kwh)s, %(grams)s, %(grams)s,
    %(grams)s, 0, 0, 0)
"""


def run() -> Iterator[Result]:
    workspace_id, path, key = _tenant()
    environment = {"BENCH_WORKSPACE": str(workspace_id)}
    with _product() as ours, _served(_bare, environment) as theirs:
        for port in (ours, theirs):
            _load(port, path, key)  # warm
        rounds = [(_load(ours, path, key), _load(theirs, path, key)) for _ in range(REPETITIONS)]
    loads = {"one sample": [our for our, _ in rounds], PEER: [their for _, their in rounds]}
    rates = {name: Rates([load["rate"] for load in each]) for name, each in loads.items()}
    ratio = rates["one sample"].median / rates[PEER].median
    for name, each in loads.items():
        peer = ("", None) if name == PEER else (PEER, ratio)
        rate = rates[name]
        yield Result("sample_single", name, rate.median, "requests/s", rate.spread, *peer)
        late = Rates([percentile(load["ms"], 0.95) for load in each])
        yield Result("sample_single", f"{name}, p95", late.median, "ms", late.spread)


def application(
    environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], object]
) -> Iterable[bytes]:
    """The peer, for gunicorn."""
    body = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    amount = Decimal(body["usage_amount"])
    intensity = Decimal(body["carbon_intensity_grams_co2e_per_kwh"])
    kwh = amount * Decimal("0.05")
    told = {"id": str(uuid.uuid4()), "kwh": str(kwh), "grams": str(kwh * intensity)}
    given = {name: body[name] for name in ("provider", "region", "measured_at")}
    _connection().execute(
        INSERT,
        told
        | given
        | {"amount": amount, "intensity": intensity, "workspace": os.environ["BENCH_WORKSPACE"]},
    )
    answer = json.dumps(body | told).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
    start_response("201 Created", headers)
    return [answer]


_of_this_thread = threading.local()


def _connection() -> psycopg.Connection[Any]:
    found: psycopg.Connection[Any] | None = getattr(_of_this_thread, "connection", None)
    if found is None:
        found = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        _of_this_thread.connection = found
    return found


def _bare(port: int) -> list[str]:
    """The peer as the product is served."""
    command = programs.web(port)
    command[command.index("carbon_platform.wsgi")] = "benchmarks.sample_single:application"
    return [*command, "--config", "/dev/null"]


def _tenant() -> tuple[int, str, str]:
    """A workspace, the path of its samples, and a key."""
    from apps.workspaces.services import create_api_key  # noqa: PLC0415 - the peer has no Django
    from benchmarks.workspace import START, new_workspace  # noqa: PLC0415 - likewise

    workspace = new_workspace()
    _, key = create_api_key(
        workspace, mode="live", name="Bench", scopes=("track",), actor="bench", now=START
    )
    return workspace.pk, f"/api/v1/workspaces/{workspace.public_id}/usage-samples", key


@contextmanager
def _product() -> Iterator[int]:
    """As it is served, on the benchmark's database and a Valkey of its own."""
    with tempfile.TemporaryDirectory(prefix="carbon-bench-valkey-") as folder:
        valkey = Valkey(Path(folder), port=any_free(), durable=False)
        valkey.start()
        try:
            limits = {"THROTTLE_KEY_PER_MINUTE": str(10**9)}
            with _served(programs.web, {"REDIS_URL": valkey.url, **limits}) as port:
                yield port
        finally:
            valkey.stop()


@contextmanager
def _served(command: Callable[[int], list[str]], environment: dict[str, str]) -> Iterator[int]:
    port = any_free()
    with tempfile.TemporaryFile() as log:
        web = children.start(
            command(port), output=log, folder=ROOT, environment={**os.environ, **environment}
        )
        try:
            _wait(port)
            yield port
        finally:
            children.stop(web, *STOP_STEPS)


def _wait(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            http.client.HTTPConnection(LOOPBACK, port, timeout=5).connect()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("a server did not start")


def _load(port: int, path: str, key: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.sample_single", str(port), path, key]
    done = subprocess.run([*command, str(SECONDS)], cwd=ROOT, check=True, capture_output=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def _client(port: int, path: str, key: str, seconds: float) -> dict[str, Any]:
    """Sixteen threads that ask one after the other, and what each answer took."""
    took_ms: list[float] = []
    faults: list[int] = []
    body = json.dumps(SAMPLE)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    ends = time.perf_counter() + seconds

    def keep_asking() -> None:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
        while (started := time.perf_counter()) < ends and not faults:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
            took_ms.append((time.perf_counter() - started) * 1000)
            if answer.status != CREATED:
                faults.append(answer.status)

    began = time.perf_counter()
    _run_all([threading.Thread(target=keep_asking) for _ in range(CONNECTIONS)])
    if faults:
        raise RuntimeError(f"answered {faults[0]}")
    return {"rate": len(took_ms) / (time.perf_counter() - began), "ms": took_ms}


def _run_all(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    _, given_port, given_path, given_key, given_seconds = sys.argv
    print(json.dumps(_client(int(given_port), given_path, given_key, float(given_seconds))))
