"""One embedded PostgreSQL: created once, started as a child of ours, stopped fast."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from itertools import chain
from pathlib import Path

import psycopg
from psycopg import sql

from devstack import binaries, children, places
from devstack.errors import DevstackError
from devstack.ports import LOOPBACK

SUPERUSER = "postgres"
ROLE = "carbon"  # what the product logs in as: no superuser, so row-level security binds it
START_SECONDS = 30.0
STOP_STEPS = (
    (signal.SIGINT, 15.0),  # fast shutdown: clients are cut off, nothing is lost
    (signal.SIGQUIT, 5.0),  # immediate: the next start recovers from the log
)
ALWAYS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
THROW_AWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class Postgres:
    """A cluster in `home/pgNN`, its passwords in 0600 files beside it."""

    def __init__(self, home: Path, *, port: int, durable: bool = True) -> None:
        self._binaries = binaries.postgres_folder()
        self.major = binaries.major_version(self._binaries)
        self._home = home
        self._data = home / f"pg{self.major}"
        self._log = home / f"pg{self.major}.log"
        self._durable = durable
        self._account = places.server_account()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port

    @property
    def url(self) -> str:
        return self._url(ROLE, ROLE)

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        return self._process

    def start(self) -> None:
        """Create the cluster if there is none, start it, and make sure of our role and database."""
        # Its own user passes through, but cannot look around: the passwords are 0600 and ours.
        places.make_folder(self._home).chmod(0o711 if self._account else 0o700)
        if not self._data.exists():
            self._create()
        self._end_a_forgotten_server()
        settings = {**ALWAYS, "port": str(self.port), **({} if self._durable else THROW_AWAY)}
        options = chain.from_iterable(("-c", f"{key}={value}") for key, value in settings.items())
        with self._log.open("wb") as log:
            self._process = children.start(
                [self._binaries / "postgres", "-D", self._data, *options],
                output=log,
                folder=Path("/"),
                environment=_environment(),
                ends_with_us=signal.SIGINT,
                account=self._account,
            )
        try:
            self._wait()
            self._prepare()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self._process is not None:
            children.stop(self._process, *STOP_STEPS)

    def _url(self, user: str, database: str) -> str:
        return f"postgresql://{user}:{self._password(user)}@{LOOPBACK}:{self.port}/{database}"

    def _password(self, user: str) -> str:
        """Beside the data and not in `.env`: a new `.env` must not lock anyone out."""
        file = self._home / f"pg{self.major}.{user}.password"
        if not file.exists():
            _write_secret(file, secrets.token_urlsafe(24))
        return file.read_text().strip()

    def _create(self) -> None:
        """Build it beside, then rename: an interrupted first run leaves no half cluster."""
        fresh = self._data.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        password_file = self._home / f"pg{self.major}.initdb"
        password_file.unlink(missing_ok=True)
        fresh.mkdir(mode=0o700)
        _write_secret(password_file, self._password(SUPERUSER))
        if self._account:
            for path in (fresh, password_file):
                os.chown(path, self._account.uid, self._account.gid)
        done = subprocess.run(
            [
                *(self._binaries / "initdb", "--pgdata", fresh, "--username", SUPERUSER),
                *("--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8"),
                *("--no-sync", *_locale_options(self.major)),
            ],
            cwd="/",
            env=_environment(),
            user=self._account.uid if self._account else None,
            group=self._account.gid if self._account else None,
            extra_groups=[] if self._account else None,
            capture_output=True,
            text=True,
            check=False,
        )
        password_file.unlink()
        if done.returncode:
            raise DevstackError(f"initdb failed in {fresh}:\n{done.stdout}{done.stderr}")
        fresh.rename(self._data)

    def _end_a_forgotten_server(self) -> None:
        """Where the system has no parent-death signal, a killed supervisor leaves one behind.

        A stale file is harmless: PostgreSQL checks it for itself.
        """
        try:
            pid, folder = (self._data / "postmaster.pid").read_text().splitlines()[:2]
            if Path(folder) != self._data or not _is_postgres(int(pid)):
                return
            os.kill(int(pid), signal.SIGINT)
        except (OSError, ValueError):
            return
        deadline = time.monotonic() + START_SECONDS
        while _is_postgres(int(pid)) and time.monotonic() < deadline:
            time.sleep(0.05)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                psycopg.connect(self._url(SUPERUSER, SUPERUSER), connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.03)
            else:
                return
        raise DevstackError(
            f"PostgreSQL did not start on port {self.port}; its log ({self._log}) ends with:\n"
            f"{children.tail(self._log)}"
        )

    def _prepare(self) -> None:
        role, password = sql.Identifier(ROLE), sql.Literal(self._password(ROLE))
        with psycopg.connect(self._url(SUPERUSER, SUPERUSER), autocommit=True) as connection:
            known = "SELECT 1 FROM pg_roles WHERE rolname = %s"
            verb = "ALTER" if connection.execute(known, [ROLE]).fetchone() else "CREATE"
            connection.execute(
                sql.SQL(
                    "{} ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS CREATEDB CREATEROLE PASSWORD {}"
                ).format(sql.SQL(verb), role, password)
            )
            known = "SELECT 1 FROM pg_database WHERE datname = %s"
            if not connection.execute(known, [ROLE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))


def _is_postgres(pid: int) -> bool:
    answer = subprocess.run(
        ["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return Path(answer.stdout.strip()).name == "postgres"


def _locale_options(major: int) -> list[str]:
    """UTF-8 case folding and code point order, the same on every machine."""
    if major >= 17:  # noqa: PLR2004 - the first with a built-in provider
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--locale=C.UTF-8"]


def _environment() -> dict[str, str]:
    """Nothing of the developer's PG* or locale settings may reach the server.

    macOS needs a valid locale: https://github.com/Homebrew/homebrew-core/issues/124215
    """
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))
    }
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _write_secret(file: Path, text: str) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text + "\n")
