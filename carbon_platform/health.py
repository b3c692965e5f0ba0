"""/healthz: the process answers. /readyz: what it needs answers too. /health: and work goes on.

Each dependency is asked over a connection of its own and in a thread with a deadline, so a probe
neither waits behind the pool nor longer than its patience.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from http import HTTPStatus
from typing import Any

import psycopg
import redis
import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.common import clock
from apps.emissions.services.grid_sources import grid_status
from apps.telemetry.selectors import last_poll_at

log = structlog.get_logger(__name__)

PATIENCE_S = 1.5
DRIVER_PATIENCE_S = 1  # for drivers that can be told; libpq counts anything below 2 as 2
_probes = ThreadPoolExecutor(max_workers=8, thread_name_prefix="readiness")


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> JsonResponse:
    body, status = _readiness()
    return JsonResponse(body, status=status)


@require_safe
@never_cache
def health(_request: HttpRequest) -> JsonResponse:
    ready, status = _readiness()
    is_up = {one["name"]: one["status"] == "ok" for one in ready["dependencies"]}
    body = {
        "status": "healthy" if status == HTTPStatus.OK else "unhealthy",
        "service": "carbon-platform",
        "timestamp": clock.now().isoformat(),
        "api_configured": bool(settings.ELECTRICITYMAPS_API_KEY),
        "dependencies": ready["dependencies"],
        "last_poll": _last_poll() if is_up["database"] else None,
        "grid": _grid() if is_up["redis"] else None,
    }
    return JsonResponse(body, status=status)


def _readiness() -> tuple[dict[str, Any], int]:
    dependencies = _ask({"database": _database_probe(), "redis": _ask_redis})
    is_ready = all(dependency["status"] == "ok" for dependency in dependencies)
    body = {"status": "ready" if is_ready else "not_ready", "dependencies": dependencies}
    return body, HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE


def _ask(probes: dict[str, Callable[[], None]]) -> list[dict[str, str]]:
    asked = {name: _probes.submit(probe) for name, probe in probes.items()}
    wait(asked.values(), timeout=PATIENCE_S)
    answers = []
    for name, future in asked.items():
        fault = future.exception() if future.done() else TimeoutError()
        if fault is not None:
            future.cancel()
            log.warning("dependency_down", dependency=name, reason=type(fault).__name__)
        answers.append({"name": name, "status": "error" if fault else "ok"})
    return answers


def _database_probe() -> Callable[[], None]:
    parameters = connection.get_connection_params()  # read here: connections belong to threads
    wanted = {
        name: parameters[name]
        for name in ("host", "port", "dbname", "user", "password", "sslmode")
        if name in parameters
    }

    def ask() -> None:
        with psycopg.connect(**wanted, connect_timeout=DRIVER_PATIENCE_S) as fresh:
            fresh.execute("SELECT 1")

    return ask


def _ask_redis() -> None:
    with redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=DRIVER_PATIENCE_S,
        socket_connect_timeout=DRIVER_PATIENCE_S,
    ) as fresh:
        fresh.ping()


def _last_poll() -> dict[str, Any] | None:
    """When usage was last fetched: a worker that stands still shows here first."""
    try:
        polled_at = last_poll_at()
    except DatabaseError:
        log.warning("last_poll_unknown", exc_info=True)
        return None
    if polled_at is None:
        return None
    age = clock.now() - polled_at
    return {"at": polled_at.isoformat(), "age_seconds": round(age.total_seconds(), 1)}


def _grid() -> dict[str, Any]:
    """Whether grid intensities are live, and if not why the tables stand in for them."""
    found = grid_status(now=clock.now())
    return {
        "is_live": found.trouble is None,
        "reason": None if found.trouble is None else found.trouble.reason,
        "calls_today": found.calls_today,
        "calls_per_day": found.calls_per_day,
    }
