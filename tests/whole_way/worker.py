"""A real Celery worker on the tests' database, to be killed and started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection as database

from tests.telemetry.waiting import until


class Worker:
    """One worker process at a time, told where the outside services are."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {
            **os.environ,
            **environment,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": database_url(),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "--quiet", "-A", "carbon_platform", "worker"),
                *("-P", "solo", "--without-gossip", "--without-mingle", "--without-heartbeat"),
            ],
            cwd=settings.BASE_DIR,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """No warning, no clean-up: what a lost machine does."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGKILL)
        assert self._process.wait(10) == -signal.SIGKILL
        self._process = None

    def killed_at(self, table: str, task: Any) -> None:
        """Ring the task, kill the worker when it is about to write the table, start a new one."""
        with held(table):
            task.delay()
            until(lambda: is_waited_for(table))
            self.kill()
        until(lambda: not is_waited_for(table))  # until the server has noticed the loss
        self.start()


def database_url() -> str:
    chosen = database.settings_dict
    place = f"{chosen['HOST']}:{chosen['PORT']}/{chosen['NAME']}"
    return f"postgres://{chosen['USER']}:{chosen['PASSWORD']}@{place}"


@contextmanager
def held(table: str) -> Iterator[None]:
    """Nobody else writes the table while this lasts."""
    with psycopg.connect(database_url()) as other:
        other.execute(f"LOCK TABLE {table} IN SHARE MODE")
        yield


def is_waited_for(table: str) -> bool:
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND NOT granted", [table]
        )
        return bool(cursor.fetchone()[0])
