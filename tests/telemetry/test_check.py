"""The audit of a live database finds each way in which a ledger could be broken."""

# ruff: noqa: S608 - the names in these statements are our own

import re

import pytest
from django.db import connection as database

from apps.telemetry.check import CHECKS, invariant_violations
from apps.telemetry.models import SAMPLE_SUMMED, ProviderConnection
from tests.telemetry.metering import HOUR, NOW, bucket, row, take

EVENT, ENTRY = "telemetry_telemetryevent", "telemetry_carbonentry"
ROLLUPS = ("telemetry_rollup", "telemetry_dayrollup", "telemetry_usagesamplerollup")
BROKEN = {
    "events without an entry": f"DELETE FROM {ENTRY} WHERE model = 'o3'",
    "events whose entries do not sum to their counts": (
        f"UPDATE {EVENT} SET output_tokens = 7 WHERE model = 'o3'"
    ),
    "events whose entries do not sum to their latest calculation": (
        f"UPDATE {ENTRY} SET water_litres = water_litres + 1 WHERE model = 'o3' AND sequence = 1"
    ),
    "events whose entries are not numbered from 1 without a gap": (
        f"UPDATE {ENTRY} SET sequence = 9 WHERE model = 'o3'"
    ),
    "entries whose dimensions are not their event's": (
        f"UPDATE {ENTRY} SET used_at = used_at + interval '1 minute' WHERE model = 'o3'"
    ),
    "rollups that are not the sum of their entries": (
        "UPDATE telemetry_rollup SET energy_kwh = energy_kwh + 1 WHERE model = 'o3'"
    ),
    "daily rollups that are not the sum of their entries": (
        "UPDATE telemetry_dayrollup SET entries = entries + 1 WHERE model = 'o3'"
    ),
    "rollups of samples that are not the sum of their samples": (
        "INSERT INTO telemetry_usagesamplerollup (workspace_id, hour, provider, region,"
        f" resource_type, is_test, samples, {', '.join(SAMPLE_SUMMED)})"
        " SELECT workspace_id, hour, 'aws', 'eu-west-1', 'vcpu', false, 1,"
        f" {', '.join('1' for _ in SAMPLE_SUMMED)} FROM telemetry_rollup LIMIT 1"
    ),
    "withdrawn events that still count something": (
        f"UPDATE {EVENT} SET requests = 1 WHERE is_withdrawn"
    ),
    "connections without exactly one active workload": (
        "UPDATE telemetry_workload SET is_active = false"
    ),
    "revoked connections that still hold a key": (
        "ALTER TABLE telemetry_providerconnection DROP CONSTRAINT connection_revoked_has_no_key;"
        "UPDATE telemetry_providerconnection SET status = 'revoked'"
    ),
}


@pytest.fixture
def revised(connection: ProviderConnection) -> ProviderConnection:
    """Measured, revised, withdrawn: one event of each."""
    take(connection, bucket(0, row("gpt-4.1"), row("o3"), row("gone")))
    take(connection, bucket(0, row("gpt-4.1", output=9), row("o3")), at=NOW + HOUR)
    return connection


@pytest.mark.usefixtures("revised")
def test_a_sound_ledger_has_no_violations() -> None:
    assert invariant_violations() == []


@pytest.mark.usefixtures("db")
def test_an_empty_database_has_no_violations() -> None:
    assert invariant_violations() == []


@pytest.mark.usefixtures("revised")
@pytest.mark.parametrize("sentence", CHECKS)
def test_each_kind_of_damage_is_found(sentence: str) -> None:
    without_triggers()
    with database.cursor() as cursor:
        cursor.execute(BROKEN[sentence])

    assert f"1 {sentence}" in number_one(invariant_violations())


@pytest.mark.usefixtures("revised")
def test_a_rollup_that_is_missing_is_found() -> None:
    without_triggers()
    with database.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_rollup WHERE model = 'o3'")

    assert invariant_violations() == ["1 rollups that are not the sum of their entries"]


def number_one(violations: list[str]) -> list[str]:
    """A rollup that is wrong is two rows: the one that stands and the one that should."""
    return [re.sub(r"^2 ((daily )?rollups)", r"1 \1", violation) for violation in violations]


def without_triggers() -> None:
    """What only the owner of the tables can do; undone with the test's transaction."""
    with database.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in (EVENT, ENTRY, *ROLLUPS):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
