"""PostgreSQL and Valkey for one command or for the whole stack; yours, when you name them."""

import os
import subprocess
from collections.abc import Mapping
from urllib.parse import urlsplit

import psycopg

from devstack import dotenv, places
from devstack.errors import DevstackError
from devstack.ports import RememberedPorts
from devstack.postgres import Postgres
from devstack.valkey import Valkey

ANSWER_SECONDS = 5


def settings() -> dict[str, str]:
    """What the developer has set: the process' environment before `.env`."""
    return {**dotenv.read(dotenv.DOTENV), **os.environ}


class DataServices:
    """Starts what no URL was given for, and checks what one was given for."""

    def __init__(self, settings: Mapping[str, str], ports: RememberedPorts) -> None:
        self._settings = settings
        self._ports = ports
        self._postgres: Postgres | None = None
        self._valkey: Valkey | None = None

    def start(self) -> dict[str, str]:
        """The URLs to hand on."""
        return {"DATABASE_URL": self._start_postgres(), "REDIS_URL": self._start_valkey()}

    def stop(self) -> None:
        for service in (self._valkey, self._postgres):
            if service is not None:
                service.stop()

    def processes(self) -> dict[str, subprocess.Popen[bytes]]:
        named = {"postgres": self._postgres, "valkey": self._valkey}
        return {
            name: service.process
            for name, service in named.items()
            if service is not None and service.process is not None
        }

    def _start_postgres(self) -> str:
        given = self._settings.get("DATABASE_URL")
        if given:
            _check_database(given)
            return given
        home = places.make_folder(places.data_folder())
        self._postgres = Postgres(home, port=self._ports.get("postgres"))
        self._postgres.start()
        return self._postgres.url

    def _start_valkey(self) -> str:
        given = self._settings.get("REDIS_URL")
        if given:
            _check_redis(given)
            return given
        home = places.make_folder(places.LOCAL / "valkey")
        self._valkey = Valkey(home, port=self._ports.get("valkey"))
        self._valkey.start()
        return self._valkey.url


def _check_database(url: str) -> None:
    try:
        psycopg.connect(url, connect_timeout=ANSWER_SECONDS).close()
    except psycopg.Error as refusal:
        raise DevstackError(_advice("DATABASE_URL", url, str(refusal))) from refusal


def _check_redis(url: str) -> None:
    # Imported here: 15 MB that a stack with its own Valkey need not hold.
    import redis  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    try:
        once = Retry(NoBackoff(), 0)
        with redis.Redis.from_url(url, retry=once, socket_timeout=ANSWER_SECONDS) as client:
            client.ping()
    except (redis.RedisError, ValueError) as refusal:
        raise DevstackError(_advice("REDIS_URL", url, str(refusal))) from refusal


def _advice(name: str, url: str, refusal: str) -> str:
    """Names the server without the password."""
    where = urlsplit(url)
    reason = (refusal.strip().splitlines() or ["no answer"])[0].rstrip(".")
    return (
        f"{name} names a server at {where.hostname}:{where.port} that cannot be used: {reason}. "
        f"Start it or correct {name}; without {name} an embedded one is used."
    )
