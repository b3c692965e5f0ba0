"""Exports over a real socket: clients that go away, that stall, and that come all at once."""

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings as configured
from django.db import connection as database

from apps.telemetry.errors import ExportCutOffError
from apps.telemetry.models import TelemetryEvent
from apps.telemetry.services import exporting
from apps.telemetry.services.exporting_statements import Format, Subject, Wanted
from apps.workspaces.models import Workspace
from devstack.ports import any_free
from tests.factories import WorkspaceFactory, bearer, new_key
from tests.holding import database_url
from tests.published import publish_newest_factors
from tests.telemetry.exported import EXPORT
from tests.telemetry.metering import START, bucket, connected, row, take
from tests.telemetry.using import A_DAY
from tests.telemetry.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(configured.BASE_DIR)
STALLED_SECONDS = 2
ROWS = 40
LARGE = {"note": "x" * 500_000}
"""Forty rows of it are more than all buffers between the server and its client hold."""


@pytest.fixture
def large() -> Workspace:
    publish_newest_factors(now=START)
    workspace = WorkspaceFactory.create()
    take(connected(workspace), bucket(0, *(row(f"gpt-4.1-{number}") for number in range(ROWS))))
    TelemetryEvent.objects.update(dims=LARGE)
    return workspace


@pytest.fixture
def port() -> Iterator[int]:
    """The web process as it runs, with one worker and a pool of connections."""
    port = any_free()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "carbon_platform.wsgi"),
            *("--bind", f"127.0.0.1:{port}", "--workers", "1", "--worker-class", "gthread"),
            *("--threads", "4", "--no-control-socket"),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": database_url(),
            "DATABASE_POOL": "true",
            "EXPORT_STALLED_SECONDS": str(STALLED_SECONDS),
            "ALLOWED_HOSTS": "127.0.0.1",
            "PROMETHEUS_MULTIPROC_DIR": "",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: status(port, "/healthz") == 200)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


def status(port: int, path: str) -> int:
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as client:
            client.request("GET", path)
            return client.getresponse().status
    except OSError:
        return 0


@contextmanager
def asked(port: int, key: str) -> Iterator[http.client.HTTPResponse]:
    """An export that was begun; afterwards its client is gone."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as client:
        client.request("GET", f"{EXPORT}?{urlencode(A_DAY)}", headers=bearer(key))
        with client.getresponse() as answer:
            yield answer


def running() -> int:
    """Exports that the database is working on, or that keep their place."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
            " WHERE locktype = 'advisory' AND datname = current_database())"
            " + (SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND state <> 'idle' AND query LIKE 'COPY%%')"
        )
        found: int = cursor.fetchone()[0]
    return found


def test_who_goes_away_stops_the_statement_and_frees_the_connection(
    large: Workspace, port: int
) -> None:
    key = new_key(large)

    with asked(port, key) as gone:
        assert gone.status == 200
        assert gone.read(100).startswith(b"event_id,")
        assert running() > 0

    until(lambda: running() == 0)
    with asked(port, key) as whole:
        assert whole.read().count(b"\r\n") == 1 + ROWS


def test_who_takes_nothing_is_let_go_and_meanwhile_others_wait(large: Workspace, port: int) -> None:
    key = new_key(large)

    with ExitStack() as stalled:
        for _ in range(exporting.AT_ONCE):
            stalled.enter_context(asked(port, key))
        refused = stalled.enter_context(asked(port, key))
        assert refused.status == 429
        assert refused.headers["Retry-After"] == str(exporting.RETRY_AFTER_S)
        until(lambda: running() == 0)

        with asked(port, key) as next_one:
            assert next_one.status == 200
            assert next_one.read().count(b"\r\n") == 1 + ROWS


def test_an_export_that_takes_too_long_breaks_off_and_leaves_nothing_behind(
    large: Workspace, settings: Any
) -> None:
    settings.EXPORT_MOST_SECONDS = 1e-9
    wanted = Wanted(Subject.TELEMETRY, Format.CSV, START, START + timedelta(days=1))

    blocks = exporting.begin(large, wanted, is_packed=False)
    with pytest.raises(ExportCutOffError):
        list(blocks)
    blocks.close()

    assert running() == 0
    with database.cursor() as cursor:
        cursor.execute("SELECT current_user = session_user, current_setting('statement_timeout')")
        assert cursor.fetchone() == (True, "0")


def test_an_export_that_nobody_reads_gives_its_place_back(large: Workspace) -> None:
    wanted = Wanted(Subject.TELEMETRY, Format.CSV, START, START + timedelta(days=1))

    blocks = exporting.begin(large, wanted, is_packed=True)
    assert running() == 1
    del blocks

    assert running() == 0
