"""A tenant's request, at the level of the database: only its own rows, and only what it may do."""

# ruff: noqa: S608 - the names in these statements are our own

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, ProgrammingError, transaction
from django.db import connection as database

from apps.telemetry.models import (
    BOUNDED,
    CarbonEntry,
    MeteredBucket,
    PollRun,
    ProviderConnection,
    Rollup,
    SyncCursor,
    TelemetryEvent,
    Workload,
)
from apps.workspaces.models import Workspace
from apps.workspaces.tenancy import acting_for
from tests.telemetry.metering import HOUR, NOW, START, bucket, connected, row, take

KINDS = (
    *(ProviderConnection, Workload, SyncCursor, MeteredBucket),
    *(TelemetryEvent, CarbonEntry, Rollup, PollRun),
)
BOUNDED_COLUMNS = [f"{name}{bound}" for name in BOUNDED for bound in ("_low", "", "_high")]


@pytest.fixture
def both(workspace: Workspace, theirs: Workspace) -> Iterator[Workspace]:
    """Two workspaces with usage; the test acts for the first."""
    for tenant in (workspace, theirs):
        connection = connected(tenant)
        take(connection, bucket(0, row()))
        PollRun.objects.create(
            workspace=tenant,
            connection=connection,
            source="s",
            window_start=START,
            window_end=START + HOUR,
            started_at=NOW,
            finished_at=NOW,
            outcome="recorded",
        )
    with acting_for(workspace):
        yield workspace


@pytest.mark.parametrize("kind", KINDS)
def test_a_tenant_sees_only_its_own_rows(both: Workspace, kind: Any) -> None:
    owners = set(kind.objects.values_list("workspace_id", flat=True))

    assert owners == {both.pk}


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_names_no_workspace_sees_nothing(workspace: Workspace, kind: Any) -> None:
    take(connected(workspace), bucket(0, row()))
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE carbon_tenant")

        assert kind.objects.count() == 0


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(
    "table", ["telemetry_providerconnection", "telemetry_workload", "telemetry_telemetryevent"]
)
def test_a_tenant_cannot_give_its_rows_away(theirs: Workspace, table: str) -> None:
    with pytest.raises(DatabaseError, match=r"row-level security|identity of telemetry event"):
        attempt(f"UPDATE {table} SET workspace_id = %s", theirs.pk)


@pytest.mark.usefixtures("both")
def test_a_tenant_cannot_touch_anothers_rows(theirs: Workspace) -> None:
    with database.cursor() as cursor:
        cursor.execute(
            "UPDATE telemetry_providerconnection SET name = 'x' WHERE workspace_id = %s",
            [theirs.pk],
        )
        assert cursor.rowcount == 0


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO telemetry_rollup SELECT * FROM telemetry_rollup",
        "UPDATE telemetry_rollup SET co2e_grams = 0",
        "DELETE FROM telemetry_rollup",
        "TRUNCATE telemetry_rollup",
        "COPY telemetry_rollup FROM STDIN",
        "UPDATE telemetry_carbonentry SET co2e_grams = 0",
        "DELETE FROM telemetry_carbonentry",
        "DELETE FROM telemetry_telemetryevent",
        "DELETE FROM telemetry_providerconnection",
        "UPDATE telemetry_synccursor SET source = 'x'",
        "UPDATE telemetry_meteredbucket SET rows = 0",
        "UPDATE telemetry_pollrun SET message = 'x'",
    ],
)
def test_a_tenant_may_not(statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        attempt(statement)


def attempt(statement: str, *parameters: Any) -> None:
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute(statement, parameters)


def test_what_a_tenant_meters_is_rolled_up_though_it_cannot_write_rollups(
    workspace: Workspace,
) -> None:
    connection = connected(workspace)
    take(connection, bucket(0, row()))
    event = TelemetryEvent.objects.get()

    with acting_for(workspace), database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO telemetry_carbonentry (workspace_id, event_id, sequence, reason,"
            " project_id, connection_id, provider, model, is_test, used_at, recorded_at,"
            " factor_set_id, calculation, input_uncached_tokens, input_cache_read_tokens,"
            f" input_cache_write_tokens, output_tokens, {', '.join(BOUNDED_COLUMNS)})"
            " SELECT workspace_id, event_id, 2, 'recalculated', project_id, connection_id,"
            " provider, model, is_test, used_at, recorded_at, factor_set_id, calculation,"
            f" 0, 0, 0, 0, {', '.join('0' for _ in BOUNDED_COLUMNS)}"
            " FROM telemetry_carbonentry WHERE event_id = %s",
            [event.pk],
        )

    assert Rollup.objects.get().entries == 2
