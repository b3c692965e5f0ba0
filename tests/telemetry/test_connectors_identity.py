"""What names a row, and what tells one reading of a bucket from another."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.telemetry.connectors.base import UsageRow
from apps.telemetry.connectors.identity import digest, identity
from tests.telemetry.pages import (
    DAY,
    HOUR,
    SOURCE,
    START,
)


def name(**changes: Any) -> bytes:
    usual: dict[str, Any] = {
        "connection_key": "con_1",
        "source": SOURCE,
        "bucket_width": HOUR,
        "bucket_start": START,
        "grouping": ("model", "project_id"),
        "dims": {"model": "gpt-4.1", "project_id": None},
    }
    return identity(**{**usual, **changes})


def test_an_identity_is_32_bytes_and_blind_to_order_and_offset() -> None:
    assert len(name()) == 32
    assert name() == name(grouping=("project_id", "model"))
    assert name() == name(dims={"project_id": None, "model": "gpt-4.1"})
    east = START.astimezone(datetime.fromisoformat("2026-01-01T00:00:00+09:00").tzinfo)
    assert name() == name(bucket_start=east)


@pytest.mark.parametrize(
    "changes",
    [
        {"connection_key": "con_2"},
        {"source": "openai.embeddings"},
        {"bucket_width": DAY},
        {"bucket_start": START + HOUR},
        {"grouping": ("model",), "dims": {"model": "gpt-4.1"}},
        {"dims": {"model": "gpt-4.1", "project_id": ""}},
        {"dims": {"model": "gpt-4.1", "project_id": "null"}},
        {"dims": {"model": None, "project_id": "gpt-4.1"}},
    ],
)
def test_everything_that_names_a_row_changes_its_identity(changes: dict[str, Any]) -> None:
    assert name(**changes) != name()


def test_dimensions_that_do_not_match_the_grouping_have_no_identity() -> None:
    with pytest.raises(ValueError, match="grouped by"):
        name(dims={"model": "gpt-4.1"})


counts = st.integers(0, 10**15)
usage_rows = st.builds(
    UsageRow,
    dims=st.fixed_dictionaries({"model": st.none() | st.text()}),
    model=st.none() | st.text(),
    input_uncached=counts,
    output=counts,
    requests=st.none() | counts,
)


@given(rows=st.lists(usage_rows, max_size=5), data=st.data())
def test_the_digest_of_a_bucket_is_blind_to_order_alone(
    rows: list[UsageRow], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(rows))

    assert digest(rows) == digest(shuffled)
    assert digest(rows) != digest([*rows, UsageRow(dims={}, model=None, input_uncached=1)])


def test_the_digest_sees_every_quantity_and_not_the_raw_row() -> None:
    usual: dict[str, Any] = {"dims": {}, "model": "m", "input_uncached": 1}
    changes: list[dict[str, Any]] = [
        {"dims": {"tier": None}},
        {"model": None},
        {"input_uncached": 2},
        {"input_cache_read": 1},
        {"input_cache_write": 1},
        {"output": 1},
        {"reasoning": 0},
        {"requests": 0},
        {"byok": True},
        {"cache_read_known": False},
        {"flags": ("x",)},
    ]

    digests = {digest([UsageRow(**{**usual, **change})]) for change in [{}, *changes]}

    assert len(digests) == len(changes) + 1
    assert digest([UsageRow(**{**usual, "raw": {"a": 1}})]) in digests
