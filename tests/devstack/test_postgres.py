"""A real embedded PostgreSQL: made, started, stopped, and what stands in its way."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from devstack import places, ports
from devstack.errors import DevstackError
from devstack.postgres import Postgres


@contextmanager
def running(home: Path, *, durable: bool = False) -> Iterator[Postgres]:
    server = Postgres(home, port=ports.any_free(), durable=durable)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def test_the_product_logs_in_as_a_role_that_row_level_security_binds(home: Path) -> None:
    with running(home) as server, psycopg.connect(server.url) as connection:
        rights = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, current_database(), "
            "lower('É') FROM pg_roles WHERE rolname = current_user"
        ).fetchone()

    assert rights == (False, False, True, True, "carbon", "é")


def test_rows_and_password_outlive_a_stop(home: Path) -> None:
    with running(home) as server:
        first_url = server.url
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    with running(home) as again, psycopg.connect(again.url) as connection:
        row = connection.execute("SELECT answer FROM kept").fetchone()

    assert row == (42,)
    assert again.url.split("@")[0] == first_url.split("@")[0]


def test_a_stale_pid_file_hinders_nobody_and_harms_nobody(home: Path) -> None:
    with running(home) as server:
        stale = home / f"pg{server.major}" / "postmaster.pid"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        stale.write_text(f"{bystander.pid}\n{stale.parent}\n")

        with running(home) as again, psycopg.connect(again.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)

        assert bystander.poll() is None
        bystander.kill()


def test_a_server_that_was_killed_recovers(home: Path) -> None:
    with running(home, durable=True) as server:
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        assert server.process is not None
        server.process.kill()

    with running(home) as again, psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_stopped_server_is_gone(home: Path) -> None:
    with running(home) as server:
        pass

    assert ports.is_free(server.port)
    assert server.process is not None
    assert server.process.returncode == 0


def test_passwords_are_readable_by_us_alone(home: Path) -> None:
    with running(home):
        modes = {file.stat().st_mode & 0o777 for file in home.glob("*.password")}

    assert modes == {0o600}


def test_a_taken_port_is_named_and_leaves_nothing_running(home: Path) -> None:
    with socket.socket() as other:
        other.bind((ports.LOOPBACK, 0))
        server = Postgres(home, port=other.getsockname()[1], durable=False)

        with pytest.raises(DevstackError, match=rf"did not start on port {server.port}"):
            server.start()

    assert server.process is not None
    assert server.process.poll() is not None


def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(home: Path) -> None:
    (home / "file").write_text("in the way")

    with pytest.raises(DevstackError, match=r"Cannot create .*file/data.*writable"):
        Postgres(home / "file" / "data", port=ports.any_free()).start()


def test_a_folder_of_someone_else_is_not_used(home: Path) -> None:
    (home / "real").mkdir()
    (home / "link").symlink_to(home / "real")

    with pytest.raises(DevstackError, match="belongs to someone else"):
        places.make_folder(home / "link")


def test_a_first_start_that_was_interrupted_is_begun_anew(home: Path) -> None:
    major = Postgres(home, port=1).major
    (home / f"pg{major}.new").mkdir()
    (home / f"pg{major}.new" / "half").write_text("")

    with running(home) as server:
        assert not (home / f"pg{server.major}.new").exists()
