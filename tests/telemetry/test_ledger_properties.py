"""Whatever is read, in whatever order, the ledger stays the sum of the newest complete readings."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.telemetry.connectors.base import Account, BucketReading
from apps.telemetry.models import CarbonEntry, ProviderConnection, Rollup
from apps.workspaces.models import Workspace
from tests.telemetry.metering import (
    NOW,
    assert_sound,
    bucket,
    co2e_grams,
    connected,
    contents,
    live_counts,
    row,
    take,
)

MODELS = ("gpt-4.1", "o3", None)
counts = st.integers(min_value=0, max_value=5_000_000)
rows = st.builds(
    lambda uncached, read, output, requests: {
        "uncached": uncached,
        "input_cache_read": read,
        "output": output,
        "requests": requests,
    },
    counts,
    counts,
    counts,
    st.none() | st.integers(min_value=0, max_value=1000),
)
buckets = st.dictionaries(st.sampled_from(MODELS), rows)
readings = st.fixed_dictionaries(
    {
        "minute": st.integers(min_value=0, max_value=6),
        "hours": st.dictionaries(st.integers(min_value=0, max_value=2), buckets),
        "is_clipped": st.booleans(),
    }
)


@pytest.mark.django_db
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sequence=st.lists(readings, min_size=1, max_size=6))
def test_the_ledger_is_the_newest_complete_reading_whatever_came_before(
    workspace: Workspace, sequence: list[dict[str, Any]]
) -> None:
    connection = fresh(workspace)
    expected: dict[int, tuple[tuple[bool, int], dict[Any, tuple[int, int]]]] = {}
    for reading in sequence:
        take(connection, *told(reading), at=NOW + timedelta(minutes=reading["minute"]))
        for hour in range(3):
            rank = (not (reading["is_clipped"] and hour == 2), reading["minute"])
            if hour not in expected or rank >= expected[hour][0]:
                given = reading["hours"].get(hour, {})
                expected[hour] = (rank, {m: (r["uncached"], r["output"]) for m, r in given.items()})

    assert live_counts(connection) == {
        (hour, model): pair for hour, (_, rows) in expected.items() for model, pair in rows.items()
    }
    assert co2e_grams(CarbonEntry, connection=connection) == co2e_grams(
        Rollup, connection=connection
    )
    assert_sound()


@pytest.mark.django_db
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reading=readings)
def test_recording_a_reading_again_adds_nothing(
    workspace: Workspace, reading: dict[str, Any]
) -> None:
    connection = fresh(workspace)
    take(connection, *told(reading))
    before = contents()

    take(connection, *told(reading), at=NOW + timedelta(hours=1))

    assert contents() == before


def fresh(workspace: Workspace) -> ProviderConnection:
    name = f"account {ProviderConnection.objects.count()}"
    return connected(workspace, account=Account(name, name))


def told(reading: dict[str, Any]) -> list[BucketReading]:
    """The last hour may be clipped; an hour that is not told was empty."""
    return [
        bucket(
            hour,
            *(row(model, **counts) for model, counts in reading["hours"].get(hour, {}).items()),
            provisional=reading["is_clipped"] and hour == 2,
        )
        for hour in range(3)
    ]
