"""POST /optimize over every region of three clouds, in process, with warm caches.

The whole WSGI path, a Valkey of its own with the live intensities and forecasts of a simulated
publisher. No peer ranks as many places; the promise is a p95 under 50 ms. One call in twenty meets
a full garbage collection, whose length is the size of everything ever loaded: hence both figures,
with that heap left out of it (`gc.freeze`) and without.
"""

import gc
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client, override_settings

from benchmarks.measuring import REPETITIONS, Result, percentile, seconds_of
from devstack.ports import any_free
from devstack.simulator.testing import running_simulator
from devstack.valkey import Valkey

CALLS = 100
JOBS: dict[str, dict[str, Any]] = {
    "training": {"workload": "training", "priority": "carbon", "start_region": "us-east-1"},
    "general": {"workload": "general", "priority": "balanced", "duration_hours": 24},
    "50 listed": {"workload": "containers", "priority": "balanced", "limit": 50},
}


def run() -> Iterator[Result]:
    with _publisher():
        client = Client()
        for name, job in JOBS.items():
            _milliseconds(client, job)  # warm
            yield from _results(name, client, job)
            gc.collect()
            gc.freeze()
            yield from _results(f"{name}, heap frozen", client, job)
            gc.unfreeze()


def _results(name: str, client: Client, job: dict[str, Any]) -> Iterator[Result]:
    rounds = [_milliseconds(client, job) for _ in range(REPETITIONS)]
    for share in (0.5, 0.95):
        each = sorted(percentile(taken, share) for taken in rounds)
        middle = each[len(each) // 2]
        spread = (each[-1] - each[0]) / middle
        yield Result("optimize", f"{name}, p{share * 100:.0f}", middle, "ms", spread)


def _milliseconds(client: Client, job: dict[str, Any]) -> list[float]:
    return [seconds_of(lambda: _ask(client, job)) * 1000 for _ in range(CALLS)]


def _ask(client: Client, job: dict[str, Any]) -> None:
    body = {**job, "cloud": "all"}
    answer = client.post("/api/v1/optimize", body, content_type="application/json")
    if answer.status_code != 200:  # noqa: PLR2004
        raise RuntimeError(f"answered {answer.status_code}")


@contextmanager
def _publisher() -> Iterator[None]:
    """Live intensities with a key that may see every zone, and an empty cache."""
    with tempfile.TemporaryDirectory(prefix="carbon-bench-grid-") as home:
        valkey = Valkey(Path(home), port=any_free(), durable=False)
        valkey.start()
        try:
            with running_simulator() as grids, override_settings(**_leading_to(valkey.url, grids)):
                yield
        finally:
            valkey.stop()


def _leading_to(redis: str, grids: Any) -> dict[str, Any]:
    return {
        "CACHES": {"default": {**settings.CACHES["default"], "LOCATION": f"{redis}/0"}},
        "THROTTLE_REDIS_URL": f"{redis}/1",
        "THROTTLE_ADDRESS_PER_MINUTE": 10**9,
        "ALLOWED_HOSTS": ["testserver"],
        "ELECTRICITYMAPS_BASE_URL": f"{grids.url}/electricitymaps/v3",
        "ELECTRICITYMAPS_API_KEY": "em-simulated-paid-0001",
        "ELECTRICITYMAPS_CALLS_PER_DAY": 10**6,
    }
