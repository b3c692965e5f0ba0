"""pytest plugin: a throw-away PostgreSQL and Valkey for the run, gone when it ends.

Load it with `-p devstack.pytest_services`: only then does it act before pytest-django reads the
settings. `DATABASE_URL` and `REDIS_URL` that are already set are left alone.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from devstack.errors import DevstackError
from devstack.ports import any_free
from devstack.postgres import Postgres
from devstack.valkey import Valkey

NO_TESTS_RUN = {
    *("--collect-only", "--collectonly", "--co", "--help", "-h", "--version", "-V"),
    *("--markers", "--fixtures", "--fixtures-per-test"),
}
STARTS = 3  # a free port may be taken between the look and the start

Service = TypeVar("Service", Postgres, Valkey)
_versions: list[str] = []


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    if os.environ.get("PYTEST_XDIST_WORKER") or NO_TESTS_RUN.intersection(args):
        return  # a worker inherits the addresses from the process that started it
    if not os.environ.get("DATABASE_URL"):
        home = _temporary_folder(early_config, "postgres")
        postgres = _started(lambda: Postgres(home, port=any_free(), durable=False), early_config)
        _announce("DATABASE_URL", postgres.url, early_config)
        _versions.append(f"PostgreSQL {postgres.major}")
    if not os.environ.get("REDIS_URL"):
        home = _temporary_folder(early_config, "valkey")
        valkey = _started(lambda: Valkey(home, port=any_free(), durable=False), early_config)
        _announce("REDIS_URL", valkey.url, early_config)
        _versions.append("Valkey")


def pytest_report_header() -> str | None:
    return f"throw-away services: {', '.join(_versions)}" if _versions else None


def _temporary_folder(config: pytest.Config, purpose: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=f"carbon-test-{purpose}-"))
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    return folder


def _announce(name: str, url: str, config: pytest.Config) -> None:
    os.environ[name] = url

    def forget() -> None:
        os.environ.pop(name, None)

    config.add_cleanup(forget)


def _started(make: Callable[[], Service], config: pytest.Config) -> Service:
    for attempt in range(1, STARTS + 1):
        service = make()
        config.add_cleanup(service.stop)
        try:
            service.start()
        except DevstackError as refusal:
            if attempt == STARTS:
                raise pytest.UsageError(str(refusal)) from refusal
        else:
            return service
    raise AssertionError  # the last attempt returns or raises
