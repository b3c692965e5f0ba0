"""Whole tables of a workspace as one stream: PostgreSQL writes the rows, we hand them on."""

import math
import time
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import connection, transaction

from apps.common.locks import try_session_lock
from apps.telemetry.errors import ExportCutOffError, ExportsRunningError
from apps.telemetry.services.exporting_statements import (
    Format,
    Wanted,
    copy_statement,
    parameters,
)
from apps.workspaces.models import Workspace
from apps.workspaces.tenancy import acting_for

AT_ONCE: Final = 2
"""Exports of one workspace at a time: each holds a thread of the web process while it lasts."""
RETRY_AFTER_S: Final = 30
_ROWS_A_BLOCK: Final = 128
_GZIP_LEVEL: Final = 1
_GZIP: Final = 31
"""zlib's word for a gzip stream with the largest window."""
# A plan that hands on rows as it finds them, and no code compiled for a second.
_FOR_ONE_STATEMENT: Final = (
    "SELECT set_config('statement_timeout', %s, true), set_config('jit', 'off', true),"
    " set_config('enable_sort', 'off', true), set_config('enable_hashjoin', 'off', true)"
)

log = structlog.get_logger(__name__)


class Blocks:
    """An export that has its place and waits to be read.

    Whoever reads it calls `close`, which stops the statement and frees the connection.
    """

    def __init__(self, source: Generator[bytes], *, is_packed: bool) -> None:
        self._source = source
        self._is_packed = is_packed
        next(source)

    def __iter__(self) -> Iterator[bytes]:
        return packed(self._source) if self._is_packed else self._source

    def close(self) -> None:
        self._source.close()


def begin(workspace: Workspace, wanted: Wanted, *, is_packed: bool) -> Blocks:
    """The export, or ExportsRunningError. Nobody may act for a workspace while it is read."""
    return Blocks(_stream(workspace, wanted), is_packed=is_packed)


def _stream(workspace: Workspace, wanted: Wanted) -> Generator[bytes]:
    """Nothing, once there is a place; then the rows, which a refusal would come too late for."""
    with _a_place(workspace):
        yield b""
        yield from rows_of(workspace, wanted, most_seconds=settings.EXPORT_MOST_SECONDS)


def rows_of(workspace: Workspace, wanted: Wanted, *, most_seconds: int) -> Generator[bytes]:
    """One statement, so one moment's state of the ledger, in the tenants' own role.

    Memory stays flat: rows leave as they come. After that many seconds (0: never) an error breaks
    it off, so that its reader sees that something is missing.
    """
    ends_at = time.monotonic() + (most_seconds or math.inf)
    with acting_for(workspace), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_FOR_ONE_STATEMENT, [str(most_seconds * 1000)])
        with cursor.copy(copy_statement(wanted), parameters(workspace, wanted)) as rows:
            for block in _blocks(rows, wanted.format):
                if time.monotonic() > ends_at:
                    log.warning("export_cut_off", seconds=most_seconds)
                    raise ExportCutOffError("The export took too long and was cut off")
                yield block


def packed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same as a gzip stream."""
    packer = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP)
    for block in blocks:
        if ready := packer.compress(block):
            yield ready
    yield packer.flush()


def _blocks(rows: Iterable[Any], form: Format) -> Iterator[bytes]:
    """Rows by the hundred. PostgreSQL sends each as one message that ends with a line feed."""
    rows = iter(rows)
    while some := list(islice(rows, _ROWS_A_BLOCK)):
        if form is Format.CSV:  # whose lines end with two characters
            some = [bytes(row)[:-1] + b"\r\n" for row in some]
        yield b"".join(some)


@contextmanager
def _a_place(workspace: Workspace) -> Iterator[None]:
    """One of the workspace's places; held by the database connection, so never longer than it."""
    with ExitStack() as held:
        for number in range(AT_ONCE):
            if held.enter_context(try_session_lock(f"export {workspace.pk} {number}")):
                yield
                return
        raise ExportsRunningError(
            "This workspace's exports are running already; wait for one to end.",
            retry_after=RETRY_AFTER_S,
        )
