"""What the database itself refuses, tried in SQL by the owner of the tables."""

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, transaction
from django.db import connection as database

from apps.telemetry.models import CarbonEntry, ProviderConnection, Rollup, TelemetryEvent
from apps.workspaces.models import Workspace
from tests.factories import ProjectFactory
from tests.telemetry.metering import HOUR, NOW, assert_sound, bucket, connected, row, take

EVENT, ENTRY = "telemetry_telemetryevent", "telemetry_carbonentry"
CONNECTION, WORKLOAD = "telemetry_providerconnection", "telemetry_workload"


@pytest.fixture
def metered(connection: ProviderConnection) -> ProviderConnection:
    take(connection, bucket(0, row("gpt-4.1"), row("o3")))
    with database.cursor() as cursor:  # as after a commit: nothing is left to be checked
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    return connection


def refused(statement: str, *parameters: Any, because: str) -> None:
    """The statement fails for this reason, at the latest when it would be committed."""
    with pytest.raises((IntegrityError, ProgrammingError, DatabaseError), match=because):
        with transaction.atomic(), database.cursor() as cursor:
            cursor.execute(statement, parameters)
            assert cursor.rowcount != 0, "nothing was touched, so nothing was proved"
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


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
def test_what_identifies_an_event_never_changes(
    metered: ProviderConnection, column: str, value: str
) -> None:
    refused(f"UPDATE {EVENT} SET {column} = {value}", because="identity of telemetry event")


def test_an_event_is_never_deleted(metered: ProviderConnection) -> None:
    refused(f"DELETE FROM {EVENT}", because="withdrawn, never deleted")


def test_the_events_are_never_emptied(metered: ProviderConnection) -> None:
    refused(f"TRUNCATE {EVENT} CASCADE", because="withdrawn, never deleted")


def test_an_event_has_no_negative_counts(metered: ProviderConnection) -> None:
    refused(f"UPDATE {EVENT} SET output_tokens = -1", because="event_counts_not_negative")


def test_a_withdrawn_event_counts_nothing(metered: ProviderConnection) -> None:
    refused(f"UPDATE {EVENT} SET is_withdrawn = true", because="event_withdrawn_is_zero")


def test_an_event_does_not_end_before_it_begins(metered: ProviderConnection) -> None:
    refused(f"UPDATE {EVENT} SET used_until = used_at - interval '1 s'", because="event_span")


def test_an_event_is_unique_in_its_workspace(metered: ProviderConnection) -> None:
    refused(copy_of(EVENT), because="event_unique_in_workspace")


@pytest.mark.parametrize("change", ["co2e_grams = 0", "reason = 'revised'", "model = 'another'"])
def test_an_entry_never_changes(metered: ProviderConnection, change: str) -> None:
    refused(f"UPDATE {ENTRY} SET {change}", because="append-only")


def test_an_entry_is_never_deleted(metered: ProviderConnection) -> None:
    refused(f"DELETE FROM {ENTRY}", because="append-only")


def test_the_entries_are_never_emptied(metered: ProviderConnection) -> None:
    refused(f"TRUNCATE {ENTRY} CASCADE", because="append-only")


def test_an_entry_cannot_be_added_twice(metered: ProviderConnection) -> None:
    refused(copy_of(ENTRY), because="entry_sequence")


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
def test_entries_that_do_not_sum_to_the_calculation_are_refused(
    metered: ProviderConnection, column: str
) -> None:
    refused(correction(**{column: "1"}), because="do not sum to its calculation")


def test_a_correction_that_changes_nothing_is_possible(metered: ProviderConnection) -> None:
    with database.cursor() as cursor:
        cursor.execute(correction())

    assert CarbonEntry.objects.filter(sequence=2).count() == 2
    assert_sound()


def test_entries_are_numbered_without_a_gap(metered: ProviderConnection) -> None:
    refused(correction(sequence="3"), because="do not sum to its calculation")


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
def test_an_entry_carries_the_dimensions_of_its_event(
    metered: ProviderConnection, column: str, value: str
) -> None:
    refused(correction(**{column: value}), because="carries the dimensions of its event")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE telemetry_rollup SET co2e_grams = 0",
        "DELETE FROM telemetry_rollup",
        "TRUNCATE telemetry_rollup CASCADE",
        "INSERT INTO telemetry_rollup SELECT * FROM telemetry_rollup",
    ],
)
def test_nobody_writes_a_rollup_directly(metered: ProviderConnection, statement: str) -> None:
    before = list(Rollup.objects.values())

    refused(statement, because="rollups follow the entries")

    assert list(Rollup.objects.values()) == before


def test_nobody_copies_into_the_rollups(metered: ProviderConnection) -> None:
    database.ensure_connection()
    with pytest.raises(Exception, match="rollups follow the entries"):
        with transaction.atomic(), database.connection.cursor() as cursor:
            with cursor.copy("COPY telemetry_rollup (workspace_id) FROM STDIN") as copy:
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


@pytest.mark.parametrize("column", ["connection_id", "project_id"])
def test_no_event_refers_to_another_workspace(
    metered: ProviderConnection, theirs: Workspace, column: str
) -> None:
    foreign = {
        "connection_id": connected(theirs).pk,
        "project_id": ProjectFactory.create(workspace=theirs).pk,
    }[column]
    values = {column: str(foreign), "idempotency_hash": "'\\x01'"}

    refused(copy_of(EVENT, **values) + " LIMIT 1", because="same_workspace")


def test_no_entry_refers_to_an_event_of_another_workspace(
    metered: ProviderConnection, theirs: Workspace
) -> None:
    refused(
        correction(workspace_id=str(theirs.pk)),
        because="carries the dimensions of its event",
    )


def test_a_connection_has_one_active_workload(metered: ProviderConnection) -> None:
    refused(copy_of(WORKLOAD), because="workload_one_active")


def test_an_account_is_connected_once_in_a_workspace(metered: ProviderConnection) -> None:
    refused(copy_of(CONNECTION, public_id="'con_2'"), because="connection_account_once")


def test_a_connection_has_a_known_status(metered: ProviderConnection) -> None:
    refused(f"UPDATE {CONNECTION} SET status = 'asleep'", because="connection_status_known")


def test_a_revoked_connection_holds_no_key(metered: ProviderConnection) -> None:
    refused(
        f"UPDATE {CONNECTION} SET status = 'revoked'", because="connection_revoked_has_no_key"
    )


def test_a_bucket_is_stored_once(metered: ProviderConnection) -> None:
    refused(copy_of("telemetry_meteredbucket"), because="bucket_read_once")


def test_a_bucket_has_width(metered: ProviderConnection) -> None:
    refused("UPDATE telemetry_meteredbucket SET ends_at = starts_at", because="bucket_has_width")


def test_a_source_has_one_cursor(metered: ProviderConnection) -> None:
    refused(copy_of("telemetry_synccursor"), because="cursor_per_source")


def test_an_events_counts_may_be_revised(metered: ProviderConnection) -> None:
    take(metered, bucket(0, row("gpt-4.1", output=501), row("o3")), at=NOW + HOUR)

    assert TelemetryEvent.objects.get(model="gpt-4.1").output_tokens == 501


def copy_of(table: str, **changed: str) -> str:
    """INSERT the rows of a table again, under new ids, with other expressions in some columns."""
    with database.cursor() as cursor:
        names = [
            column.name
            for column in database.introspection.get_table_description(cursor, table)
            if column.name != "id"
        ]
    values = ", ".join(changed.get(name, name) for name in names)
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table}"


def correction(**changed: str) -> str:
    """A further entry for every event, of zeros but for what is given."""
    zeros = dict.fromkeys((field.name for field in SUMMED_FIELDS), "0")
    return copy_of(ENTRY, **{"sequence": "sequence + 1", **zeros, **changed})


SUMMED_FIELDS = [
    field
    for field in Rollup._meta.fields
    if field.name.endswith(("_tokens", "requests", "_low", "_high"))
    or field.name in {"energy_kwh", "water_litres"}
    or field.name.endswith("co2e_grams")
]
