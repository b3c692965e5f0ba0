"""Stopping another process at a known moment: holding the table that it is about to write."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection as database


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


def is_at_work() -> bool:
    """Whether another session is at a statement: one whose client was killed ends what it began."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND state = 'active'"
        )
        return bool(cursor.fetchone()[0])


def is_somebody_waiting() -> bool:
    """Whether a session of this database waits for a lock; other tests have databases beside it.

    Asked of the locks: within a transaction the list of sessions stays what it was at first.
    """
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks AS waiting WHERE NOT granted AND EXISTS ("
            " SELECT FROM pg_locks AS its JOIN pg_database ON pg_database.oid = its.database"
            " WHERE its.pid = waiting.pid AND datname = current_database())"
        )
        return bool(cursor.fetchone()[0])


def is_waited_for(table: str) -> bool:
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND NOT granted", [table]
        )
        return bool(cursor.fetchone()[0])
