"""PostgreSQL advisory locks by name: they end with their transaction or their connection."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def transaction_lock(name: str) -> None:
    """Wait for the lock and hold it until the transaction ends."""
    if not connection.in_atomic_block:
        raise RuntimeError("a transaction lock needs a transaction")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_key(name)])


@contextmanager
def try_session_lock(name: str) -> Iterator[bool]:
    """Hold the lock over several transactions; yields False at once when another holds it.

    Bound to the database connection: if the process dies the lock is free.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_key(name)])
        is_mine = bool(cursor.fetchone()[0])
    try:
        yield is_mine
    finally:
        if is_mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_key(name)])
