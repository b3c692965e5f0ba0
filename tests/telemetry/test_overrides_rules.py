"""What the database itself refuses of factor overrides, tried in SQL."""

# ruff: noqa: S608 - the names in these statements are our own

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, ProgrammingError
from django.db import connection as database

from apps.telemetry.models import FactorOverride
from apps.telemetry.services.overrides import create_override, end_override
from apps.workspaces.models import Workspace
from apps.workspaces.tenancy import acting_for
from tests.telemetry.metering import NOW, START
from tests.telemetry.statements import attempt, copy_of

TABLE = "telemetry_factoroverride"
KEPT = "ended once, never edited or deleted"


def agreed(workspace: Workspace, kind: str = "pue", **changes: Any) -> FactorOverride:
    usual = {
        "value": Decimal("1.07"),
        "evidence": "Colocation contract 2026-17, annex B",
        "starts_at": START,
        "actor": "tests",
        "now": NOW,
    }
    return create_override(workspace, kind=kind, **{**usual, **changes})


@pytest.fixture
def pue(workspace: Workspace) -> FactorOverride:
    override = agreed(workspace)
    with database.cursor() as cursor:  # as after a commit: nothing is left to be checked
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    return override


def refused(statement: str, *parameters: Any, because: str) -> None:
    with pytest.raises(DatabaseError, match=because):
        attempt(statement, *parameters)


def another(**changed: str) -> str:
    """INSERT the same again under another public id, with other values in some columns."""
    return copy_of(TABLE, public_id="'ovr_another'", **changed)


@pytest.mark.usefixtures("pue")
@pytest.mark.parametrize(
    "change",
    [
        "value = 1.5",
        "kind = 'tariff'",
        "provider = 'openai'",
        "evidence = 'Something else entirely'",
        "starts_at = starts_at - interval '1 day'",
        "created_by = 'nobody'",
        "created_at = created_at - interval '1 day'",
        "public_id = 'ovr_another'",
        "workspace_id = workspace_id + 1",
        "value = 1.5, ended_at = now(), ends_at = now()",
    ],
)
def test_an_override_is_never_edited(change: str) -> None:
    refused(f"UPDATE {TABLE} SET {change}", because=KEPT)


@pytest.mark.usefixtures("pue")
@pytest.mark.parametrize("statement", [f"DELETE FROM {TABLE}", f"TRUNCATE {TABLE}"])
def test_an_override_is_never_deleted(statement: str) -> None:
    refused(statement, because=KEPT)


@pytest.mark.parametrize("change", ["ends_at = NULL", "ended_at = NULL", "ended_by = 'nobody'"])
def test_what_was_ended_stays_ended(pue: FactorOverride, change: str) -> None:
    end_override(pue.workspace, pue.public_id, actor="tests", now=NOW)

    refused(f"UPDATE {TABLE} SET {change}", because=KEPT)


@pytest.mark.usefixtures("pue")
@pytest.mark.parametrize(
    ("changed", "because"),
    [
        ({"evidence": "''"}, "override_has_evidence"),
        ({"value": "0.9999"}, "override_says_something"),
        ({"value": "NULL"}, "override_has_value"),
        ({"kind": "'tariff'", "value": "-0.0001"}, "override_says_something"),
        ({"kind": "'tariff'", "value": "NULL"}, "override_has_value"),
        ({"kind": "'place'", "value": "NULL"}, "override_says_something"),
        ({"kind": "'place'", "country": "'FR'"}, "override_says_something"),
        ({"kind": "'wue'"}, "override_says_something"),
        ({"ends_at": "starts_at - interval '1 s'"}, "override_span"),
    ],
)
def test_an_override_makes_sense(changed: dict[str, str], because: str) -> None:
    refused(another(**changed), because=because)


@pytest.mark.usefixtures("pue")
def test_the_same_override_may_be_stated_again() -> None:
    attempt(another())

    assert FactorOverride.objects.count() == 2


@pytest.fixture
def both(workspace: Workspace, theirs: Workspace) -> Iterator[Workspace]:
    """Two workspaces with an override each; the test acts for the first."""
    for tenant in (workspace, theirs):
        agreed(tenant)
    with acting_for(workspace):
        yield workspace


def test_a_tenant_sees_only_its_own(both: Workspace) -> None:
    assert [one.workspace_id for one in FactorOverride.objects.all()] == [both.pk]


@pytest.mark.usefixtures("both")
def test_a_tenant_states_nothing_for_another(theirs: Workspace) -> None:
    refused(another(workspace_id=str(theirs.pk)), because="row-level security")


@pytest.mark.usefixtures("both")
def test_a_tenant_ends_nothing_of_another(theirs: Workspace) -> None:
    with database.cursor() as cursor:
        cursor.execute(
            f"UPDATE {TABLE} SET ends_at = now(), ended_at = now() WHERE workspace_id = %s",
            [theirs.pk],
        )
        assert cursor.rowcount == 0


@pytest.mark.usefixtures("both")
def test_a_tenant_may_not_even_try_to_delete() -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        attempt(f"DELETE FROM {TABLE}")
