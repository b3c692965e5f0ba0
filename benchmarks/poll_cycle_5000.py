"""One hourly cycle over 5,000 connections whose provider takes 200 ms to answer each request.

Real Celery workers with threads, as production starts them, on the benchmark's PostgreSQL and a
Valkey of their own. Each poll makes three requests, one for each of OpenAI's reports, finds six
hours unchanged and one revised. The peer is the wait alone: the same requests by as many threads,
if nothing but the provider took time. All of it shares the machine.
`python -m benchmarks.poll_cycle_5000 200` tries it with 200 connections.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

from benchmarks.measuring import Result
from devstack import children
from devstack.ports import LOOPBACK, any_free
from devstack.valkey import Valkey

CONNECTIONS = 5000
LATENCY_MS = 200
REQUESTS = 3
THREADS = 16
WORKERS = (1, 2)
START_SECONDS = 60.0
LONGEST_CYCLE_SECONDS = 1800.0
ROOT = Path(__file__).resolve().parents[1]
STOP_STEPS = ((signal.SIGTERM, 20.0),)
TICKS = os.sysconf("SC_CLK_TCK")


def run(number: int = CONNECTIONS) -> Iterator[Result]:
    with _services() as (environment, base_url):
        _connect(number)
        with _workers(max(WORKERS), environment):
            _cycle([])  # every hour is new: not what an hourly cycle is
        for workers in WORKERS:
            urlopen(f"{base_url}/revise").close()  # noqa: S310 - our own stand-in
            with _workers(workers, environment) as pids:
                yield from _results(number, workers, *_cycle(pids))


def _results(number: int, workers: int, seconds: float, cpu_s: float, mib: float) -> list[Result]:
    case = f"{number} connections, {workers} worker(s) of {THREADS} threads"
    limit = number * REQUESTS * LATENCY_MS / 1000 / (workers * THREADS)
    return [
        Result("poll_cycle_5000", case, seconds, "s", peer="the wait alone", ratio=limit / seconds),
        Result("poll_cycle_5000", case, number / seconds, "polls/s"),
        Result("poll_cycle_5000", case, cpu_s / number * 1000, "CPU ms/poll"),
        Result("poll_cycle_5000", case, mib, "MiB PSS"),
    ]


def _cycle(pids: Sequence[int]) -> tuple[float, float, float]:
    """Seconds until nothing is due any more, the workers' CPU seconds, their memory."""
    from apps.common import clock  # noqa: PLC0415 - needs the settings
    from apps.telemetry import tasks  # noqa: PLC0415 - likewise
    from apps.telemetry.models import ProviderConnection  # noqa: PLC0415 - likewise

    due_at = clock.now()
    ProviderConnection.objects.update(next_poll_at=due_at)
    before, started = sum(map(_cpu_s, pids)), time.perf_counter()
    tasks.poll_due_connections()
    while ProviderConnection.objects.filter(next_poll_at__lte=due_at).exists():
        if time.perf_counter() - started > LONGEST_CYCLE_SECONDS:
            raise TimeoutError("the cycle did not end")
        time.sleep(0.2)
    seconds = time.perf_counter() - started
    if ProviderConnection.objects.exclude(failure_kind="").exists():
        raise RuntimeError("a connection could not be read: nothing was measured")
    return seconds, sum(map(_cpu_s, pids)) - before, sum(map(_pss_mib, pids))


def _connect(number: int) -> None:
    from apps.common import clock  # noqa: PLC0415 - needs the settings
    from apps.common.secret_stores import seal  # noqa: PLC0415 - likewise
    from apps.common.secrets import Secret  # noqa: PLC0415 - likewise
    from apps.telemetry.models import (  # noqa: PLC0415 - likewise
        ProviderConnection,
        SyncCursor,
        Workload,
    )
    from apps.telemetry.services.connections import place_of  # noqa: PLC0415 - likewise
    from benchmarks.workspace import new_project, new_workspace  # noqa: PLC0415 - likewise

    now, workspace = clock.now(), new_workspace()
    project = new_project(workspace, "Polled")
    made = [
        ProviderConnection(
            workspace=workspace,
            provider="openai",
            name=f"Account {index}",
            account_ref=f"account-{index}",
            created_at=now,
            updated_at=now,
        )
        for index in range(number)
    ]
    for one in made:
        one.sealed_key = seal(Secret("sk-admin-benchmark-0001"), place_of(one))
    ProviderConnection.objects.bulk_create(made)
    Workload.objects.bulk_create(
        Workload(workspace=workspace, connection=one, project=project, created_at=now)
        for one in made
    )
    hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    SyncCursor.objects.bulk_create(
        SyncCursor(
            workspace=workspace,
            connection=one,
            source=f"openai.{report}",
            complete_until=hour,
            read_at=hour,
        )
        for one in made
        for report in ("completions", "embeddings", "moderations")
    )


@contextmanager
def _services() -> Iterator[tuple[dict[str, str], str]]:
    """Valkey and the stand-in; the environment that tells workers of them."""
    port = any_free()
    base_url = f"http://{LOOPBACK}:{port}"
    with tempfile.TemporaryDirectory(prefix="carbon-bench-poll-") as folder:
        valkey = Valkey(Path(folder), port=any_free(), durable=False)
        valkey.start()
        environment = {**os.environ, "REDIS_URL": valkey.url, "OPENAI_BASE_URL": base_url}
        command = [sys.executable, "-m", "benchmarks.meter_stand_in", str(port), str(LATENCY_MS)]
        stand_in = subprocess.Popen(command, cwd=ROOT)
        try:
            _tell_celery(f"{valkey.url}/0")
            yield environment, base_url
        finally:
            children.stop(stand_in, *STOP_STEPS)
            valkey.stop()


def _tell_celery(broker_url: str) -> None:
    from carbon_platform.celery import app  # noqa: PLC0415 - needs the settings

    app.conf.update(broker_url=broker_url, broker_write_url=broker_url, broker_read_url=broker_url)
    app.set_default()


@contextmanager
def _workers(number: int, environment: dict[str, str]) -> Iterator[list[int]]:
    started = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "--quiet", "-A", "carbon_platform", "worker"),
                *("-Q", "poll", "--pool", "threads", "-c", str(THREADS), "-n", f"w{index}@%h"),
                *("--without-gossip", "--without-mingle"),
            ],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        for index in range(number)
    ]
    try:
        _wait_for(number)
        yield [process.pid for process in started]
    finally:
        for process in started:
            children.stop(process, *STOP_STEPS)


def _wait_for(workers: int) -> None:
    from carbon_platform.celery import app  # noqa: PLC0415 - needs the settings

    deadline = time.monotonic() + START_SECONDS
    while len(app.control.ping(timeout=1.0) or []) < workers:
        if time.monotonic() > deadline:
            raise TimeoutError("the workers did not start")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _pss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


if __name__ == "__main__":
    from benchmarks.services import database

    with database() as server:
        print(server)
        for result in run(int(sys.argv[1])):
            print(f"{result.case}: {result.value:,.1f} {result.unit}", flush=True)
