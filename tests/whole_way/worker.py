"""A real Celery worker on the tests' database, to be killed and started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from tests.holding import database_url, held, is_waited_for
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
