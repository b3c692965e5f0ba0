"""A real embedded Valkey: behind a password, and its snapshot read again."""

import socket
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devstack import ports
from devstack.errors import DevstackError
from devstack.valkey import Valkey

ONCE = Retry(NoBackoff(), 0)  # redis-py takes a wrong password for a passing failure


def test_it_answers_only_to_its_password_and_stops(home: Path) -> None:
    server = Valkey(home, port=ports.any_free(), durable=False)
    server.start()
    try:
        with redis.Redis.from_url(f"{server.url}/1") as known:
            assert known.ping()
        with (
            redis.Redis(host=ports.LOOPBACK, port=server.port, retry=ONCE) as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.ping()
    finally:
        server.stop()

    assert ports.is_free(server.port)


def test_what_was_stored_outlives_a_restart_and_the_password_does_not(home: Path) -> None:
    first = Valkey(home, port=ports.any_free())
    first.start()
    with redis.Redis.from_url(first.url) as client:
        client.set("kept", "yes")
    first.stop()

    second = Valkey(home, port=ports.any_free())
    second.start()
    try:
        with redis.Redis.from_url(second.url) as client:
            assert client.get("kept") == b"yes"
    finally:
        second.stop()

    assert first.url.split("@")[0] != second.url.split("@")[0]


def test_a_taken_port_is_named(home: Path) -> None:
    with socket.socket() as other:
        other.bind((ports.LOOPBACK, 0))
        server = Valkey(home, port=other.getsockname()[1])

        with pytest.raises(DevstackError, match=rf"did not start on port {server.port}"):
            server.start()
