"""Many rows in one statement arrive exactly as they were given."""

# ruff: noqa: S608 - the names in these statements are our own

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.common.bulk import as_arrays, insert_from_rows

COLUMNS = {
    "number": "bigint",
    "amount": "numeric",
    "text": "text",
    "bytes": "bytea",
    "flag": "boolean",
    "at": "timestamptz",
    "document": "jsonb",
}
NOW = datetime(2026, 11, 18, 1, 2, 3, 456789, tzinfo=UTC)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
rows = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=12),
    st.none() | texts,
    st.none() | st.binary(max_size=40),
    st.none() | st.booleans(),
    st.none() | st.datetimes(timezones=st.just(UTC)),
    documents,
)


@pytest.fixture
def table(db: None) -> Iterator[str]:  # noqa: ARG001 - a fixture is asked for by its name
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE bulky ({columns}) ON COMMIT DROP")
    yield "bulky"
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bulky")


def insert(table: str, given_rows: list[tuple[Any, ...]], suffix: str = "") -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(insert_from_rows(table, COLUMNS, suffix), as_arrays(COLUMNS, given_rows))
        return cursor.fetchall() if suffix else []


def stored(table: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY ctid")
        return [
            (*row[:3], None if row[3] is None else bytes(row[3]), *row[4:6], loaded(row[6]))
            for row in cursor.fetchall()
        ]


def loaded(document: Any) -> Any:

    return json.loads(document) if document is not None else None


def test_rows_arrive_in_order_with_every_type(table: str) -> None:
    given_rows: list[tuple[Any, ...]] = [
        (1, Decimal("0.000000000001"), "a\"b\\c{},'%s", b"\x00\xff", True, NOW, {"a": [1, None]}),
        (None, None, None, None, None, None, None),
        (-(2**63), Decimal("1e20"), "", b"", False, NOW, []),
    ]

    insert(table, given_rows)

    assert stored(table) == given_rows


@given(given_rows=st.lists(rows, min_size=1, max_size=5))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_the_columns_can_hold_arrives_unchanged(
    table: str, given_rows: list[tuple[Any, ...]]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table}")

    insert(table, given_rows)

    assert stored(table) == given_rows


def test_no_document_is_stored_as_null(table: str) -> None:
    insert(table, [(None, None, None, None, None, None, None)])

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} WHERE document IS NULL")
        assert cursor.fetchone() == (1,)


def test_no_rows_are_no_rows(table: str) -> None:
    insert(table, [])

    assert stored(table) == []


def test_a_suffix_may_return_what_was_inserted(table: str) -> None:
    given_rows = [(n, None, None, None, None, None, None) for n in (3, 1, 2)]

    assert insert(table, given_rows, "RETURNING number") == [(3,), (1,), (2,)]


def test_ten_thousand_rows_are_one_statement(table: str) -> None:
    row = (1, Decimal(1), "text", b"bytes", True, NOW, {"a": 1})

    with CaptureQueriesContext(connection) as queries:
        insert(table, [row] * 10_000)

    assert len(queries) == 1
    assert len(stored(table)) == 10_000


def test_rows_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        as_arrays(COLUMNS, [(1, 2, 3, 4, 5, 6, 7), (1,)])
