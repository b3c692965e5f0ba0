"""Probes: alive, ready, working."""

import socket
import time
from typing import Any

import pytest
from django.db import connection
from django.test import Client

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


def test_health_also_says_when_usage_was_last_read(client: Client) -> None:
    answer = client.get("/health")

    assert answer.status_code == 200
    assert answer.json() == {**READY, "last_poll": None}
