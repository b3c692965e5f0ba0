"""What the database itself refuses, tried in SQL by the owner of the tables."""

# ruff: noqa: S608 - the names in these statements are our own

from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, transaction
from django.db import connection as database

from apps.telemetry.models import CarbonEntry, ProviderConnection, Rollup, TelemetryEvent
from apps.workspaces.models import Workspace
from tests.factories import ProjectFactory
from tests.telemetry.metering import HOUR, NOW, assert_sound, bucket, connected, row, take
from tests.telemetry.statements import ENTRY, EVENT, attempt, copy_of, correction

CONNECTION, WORKLOAD = "telemetry_providerconnection", "telemetry_workload"


@pytest.fixture
def metered(connection: ProviderConnection) -> ProviderConnection:
    take(connection, bucket(0, row("gpt-4.1"), row("o3")))
    with database.cursor() as cursor:  # as after a commit: nothing is left to be checked
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    return connection


def refused(statement: str, *parameters: Any, because: str) -> None:
    """The statement fails for this reason, at the latest when it would be committed."""
    with pytest.raises(DatabaseError, match=because):
        attempt(statement, *parameters)


@pytest.mark.usefixtures("metered")
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("workspace_id", "workspace_id + 1"),
        ("idempotency_hash", "'\\x00'"),
        ("source", "'elsewhere'"),
        ("provider", "'elsewhere'"),
        ("model", "'another'"),
        ("model", "NULL"),
        ("used_at", "used_at + interval '1 hour'"),
        ("connection_id", "NULL"),
        ("project_id", "project_id + 1"),
        ("is_test", "NOT is_test"),
    ],
)
def test_what_identifies_an_event_never_changes(column: str, value: str) -> None:
    refused(f"UPDATE {EVENT} SET {column} = {value}", because="identity of telemetry event")


@pytest.mark.usefixtures("metered")
def test_an_event_is_never_deleted() -> None:
    refused(f"DELETE FROM {EVENT}", because="withdrawn, never deleted")


@pytest.mark.usefixtures("metered")
def test_the_events_are_never_emptied() -> None:
    refused(f"TRUNCATE {EVENT} CASCADE", because="withdrawn, never deleted")


@pytest.mark.usefixtures("metered")
def test_an_event_has_no_negative_counts() -> None:
    refused(f"UPDATE {EVENT} SET output_tokens = -1", because="event_counts_not_negative")


@pytest.mark.usefixtures("metered")
def test_a_withdrawn_event_counts_nothing() -> None:
    refused(f"UPDATE {EVENT} SET is_withdrawn = true", because="event_withdrawn_is_zero")


@pytest.mark.usefixtures("metered")
def test_an_event_does_not_end_before_it_begins() -> None:
    refused(f"UPDATE {EVENT} SET used_until = used_at - interval '1 s'", because="event_span")


@pytest.mark.usefixtures("metered")
def test_an_event_is_unique_in_its_workspace() -> None:
    refused(copy_of(EVENT), because="event_unique_in_workspace")


@pytest.mark.usefixtures("metered")
@pytest.mark.parametrize("change", ["co2e_grams = 0", "reason = 'revised'", "model = 'another'"])
def test_an_entry_never_changes(change: str) -> None:
    refused(f"UPDATE {ENTRY} SET {change}", because="append-only")


@pytest.mark.usefixtures("metered")
def test_an_entry_is_never_deleted() -> None:
    refused(f"DELETE FROM {ENTRY}", because="append-only")


@pytest.mark.usefixtures("metered")
def test_the_entries_are_never_emptied() -> None:
    refused(f"TRUNCATE {ENTRY} CASCADE", because="append-only")


@pytest.mark.usefixtures("metered")
def test_an_entry_cannot_be_added_twice() -> None:
    refused(copy_of(ENTRY), because="entry_sequence")


@pytest.mark.usefixtures("metered")
@pytest.mark.parametrize(
    "column",
    [
        "co2e_grams",
        "co2e_grams_high",
        "energy_kwh_low",
        "water_litres",
        "embodied_co2e_grams",
        "operational_co2e_grams",
        "input_uncached_tokens",
        "input_cache_read_tokens",
        "output_tokens",
        "requests",
    ],
)
def test_entries_that_do_not_sum_to_the_calculation_are_refused(column: str) -> None:
    refused(correction(**{column: "1"}), because="do not sum to its calculation")


@pytest.mark.usefixtures("metered")
def test_a_correction_that_changes_nothing_is_possible() -> None:
    with database.cursor() as cursor:
        cursor.execute(correction())

    assert CarbonEntry.objects.filter(sequence=2).count() == 2
    assert_sound()


@pytest.mark.usefixtures("metered")
def test_entries_are_numbered_without_a_gap() -> None:
    refused(correction(sequence="3"), because="do not sum to its calculation")


@pytest.mark.usefixtures("metered")
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("project_id", "project_id + 1"),
        ("connection_id", "NULL"),
        ("provider", "'elsewhere'"),
        ("model", "'another'"),
        ("is_test", "NOT is_test"),
        ("used_at", "used_at + interval '1 hour'"),
    ],
)
def test_an_entry_carries_the_dimensions_of_its_event(column: str, value: str) -> None:
    refused(correction(**{column: value}), because="carries the dimensions of its event")


@pytest.mark.usefixtures("metered")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE telemetry_rollup SET co2e_grams = 0",
        "DELETE FROM telemetry_rollup",
        "TRUNCATE telemetry_rollup CASCADE",
        "INSERT INTO telemetry_rollup SELECT * FROM telemetry_rollup",
        "UPDATE telemetry_dayrollup SET co2e_grams = 0",
        "DELETE FROM telemetry_dayrollup",
        "TRUNCATE telemetry_dayrollup CASCADE",
        "INSERT INTO telemetry_dayrollup SELECT * FROM telemetry_dayrollup",
    ],
)
def test_nobody_writes_a_rollup_directly(statement: str) -> None:
    before = list(Rollup.objects.values())

    refused(statement, because="rollups follow the entries")

    assert list(Rollup.objects.values()) == before


@pytest.mark.usefixtures("metered")
def test_nobody_copies_into_the_rollups() -> None:
    with pytest.raises(psycopg.errors.IntegrityError, match="rollups follow the entries"):
        copy_a_rollup()


def copy_a_rollup() -> None:
    statement = "COPY telemetry_rollup (workspace_id) FROM STDIN"
    with (
        transaction.atomic(),
        database.connection.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        copy.write_row((1,))


@pytest.mark.parametrize(
    ("table", "column"),
    [
        (WORKLOAD, "connection_id"),
        (WORKLOAD, "project_id"),
        ("telemetry_synccursor", "connection_id"),
        ("telemetry_meteredbucket", "connection_id"),
    ],
)
def test_no_row_refers_to_another_workspace(
    metered: ProviderConnection, theirs: Workspace, table: str, column: str
) -> None:
    foreign = {
        "connection_id": connected(theirs).pk,
        "project_id": ProjectFactory.create(workspace=theirs).pk,
    }[column]

    refused(
        f"UPDATE {table} SET {column} = %s WHERE workspace_id = %s",
        foreign,
        metered.workspace_id,
        because="same_workspace|workload_one_active",
    )


@pytest.mark.usefixtures("metered")
@pytest.mark.parametrize("column", ["connection_id", "project_id"])
def test_no_event_refers_to_another_workspace(theirs: Workspace, column: str) -> None:
    foreign = {
        "connection_id": connected(theirs).pk,
        "project_id": ProjectFactory.create(workspace=theirs).pk,
    }[column]
    values = {column: str(foreign), "idempotency_hash": "'\\x01'"}

    refused(copy_of(EVENT, **values) + " LIMIT 1", because="same_workspace")


@pytest.mark.usefixtures("metered")
def test_no_entry_refers_to_an_event_of_another_workspace(theirs: Workspace) -> None:
    refused(
        correction(workspace_id=str(theirs.pk)),
        because="carries the dimensions of its event",
    )


@pytest.mark.usefixtures("metered")
def test_a_connection_has_one_active_workload() -> None:
    refused(copy_of(WORKLOAD), because="workload_one_active")


@pytest.mark.usefixtures("metered")
def test_an_account_is_connected_once_in_a_workspace() -> None:
    refused(copy_of(CONNECTION, public_id="'con_2'"), because="connection_account_once")


@pytest.mark.usefixtures("metered")
def test_a_connection_has_a_known_status() -> None:
    refused(f"UPDATE {CONNECTION} SET status = 'asleep'", because="connection_status_known")


@pytest.mark.usefixtures("metered")
def test_a_revoked_connection_holds_no_key() -> None:
    refused(f"UPDATE {CONNECTION} SET status = 'revoked'", because="connection_revoked_has_no_key")


@pytest.mark.usefixtures("metered")
def test_a_bucket_is_stored_once() -> None:
    refused(copy_of("telemetry_meteredbucket"), because="bucket_read_once")


@pytest.mark.usefixtures("metered")
def test_a_bucket_has_width() -> None:
    refused("UPDATE telemetry_meteredbucket SET ends_at = starts_at", because="bucket_has_width")


@pytest.mark.usefixtures("metered")
def test_a_source_has_one_cursor() -> None:
    refused(copy_of("telemetry_synccursor"), because="cursor_per_source")


def test_an_events_counts_may_be_revised(metered: ProviderConnection) -> None:
    take(metered, bucket(0, row("gpt-4.1", output=501), row("o3")), at=NOW + HOUR)

    assert TelemetryEvent.objects.get(model="gpt-4.1").output_tokens == 501
