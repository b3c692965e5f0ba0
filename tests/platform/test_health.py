"""Probes: alive, ready, working."""

import socket
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from apps.emissions.services.grid_shelf import Trouble, put
from apps.emissions.services.grid_sources import account_name

pytestmark = pytest.mark.django_db(transaction=True)
READY = {
    "status": "ready",
    "dependencies": [
        {"name": "database", "status": "ok"},
        {"name": "redis", "status": "ok"},
    ],
}


@pytest.fixture
def silent_port() -> Any:
    """Accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_alive_and_ready_are_told_without_a_key(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, READY)


def test_a_redis_that_hangs_is_noticed_in_time(
    client: Client, settings: Any, silent_port: int
) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{silent_port}"
    started = time.monotonic()

    answer = client.get("/readyz")

    assert time.monotonic() - started < 1.9
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not_ready",
        "dependencies": [
            {"name": "database", "status": "ok"},
            {"name": "redis", "status": "error"},
        ],
    }


def test_a_database_that_hangs_is_noticed_in_time(
    client: Client, monkeypatch: pytest.MonkeyPatch, silent_port: int
) -> None:
    monkeypatch.setitem(connection.settings_dict, "PORT", str(silent_port))
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    started = time.monotonic()

    answer = client.get("/readyz")

    assert time.monotonic() - started < 1.9
    assert answer.status_code == 503
    assert answer.json()["dependencies"][0] == {"name": "database", "status": "error"}


def test_health_also_says_when_usage_was_last_read_and_whether_grids_are_live(
    client: Client, settings: Any
) -> None:
    settings.ELECTRICITYMAPS_API_KEY = ""
    answer = client.get("/health")

    body = answer.json()
    assert answer.status_code == 200
    assert (body["status"], body["service"]) == ("healthy", "carbon-platform")
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None
    assert body["dependencies"] == READY["dependencies"]
    assert body["last_poll"] is None
    assert body["api_configured"] is False
    assert body["grid"]["is_live"] is False
    assert "key" in body["grid"]["reason"]


def test_health_shows_a_key_that_is_refused(client: Client, settings: Any) -> None:
    settings.ELECTRICITYMAPS_API_KEY = "refused"
    settings.ELECTRICITYMAPS_CALLS_PER_DAY = 40
    put(f"{account_name()}:rests", Trouble("auth", "The key is refused"), timedelta(minutes=1))

    body = client.get("/health").json()

    assert body["api_configured"] is True
    assert body["grid"] == {
        "is_live": False,
        "reason": "The key is refused",
        "calls_today": 0,
        "calls_per_day": 40,
    }


def test_health_is_told_without_redis(client: Client, settings: Any, silent_port: int) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{silent_port}"

    answer = client.get("/health")

    assert answer.status_code == 503
    assert answer.json()["status"] == "unhealthy"
    assert answer.json()["grid"] is None
