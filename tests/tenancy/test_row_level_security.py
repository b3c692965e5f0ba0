"""PostgreSQL alone keeps workspaces apart: what the tenants' role sees and writes, in raw SQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from apps.workspaces import services
from apps.workspaces.models import Project, Workspace
from apps.workspaces.rls import TENANT_ROLE
from tests.factories import NOW, MembershipFactory, ProjectFactory, WorkspaceFactory, new_key

pytestmark = pytest.mark.django_db

TABLES = (
    "workspaces_project",
    "workspaces_membership",
    "workspaces_apikey",
    "workspaces_auditevent",
)
OPERATORS_OWN = {"billing_creditallocation"}
"""Tables with a workspace that no tenant's request may touch at all: no grant, so no policy."""


@contextmanager
def as_tenant(workspace_id: int | str) -> Iterator[None]:
    """The role and the setting by hand: this is about the database, not about our code."""
    run("SET ROLE carbon_tenant")
    run("SELECT set_config('app.workspace_id', %s, false)", str(workspace_id))
    try:
        yield
    finally:
        run("RESET ROLE")
        run("SELECT set_config('app.workspace_id', '', false)")


def run(sql: str, *parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else [cursor.rowcount]


def refused(sql: str, *parameters: Any) -> str:
    with pytest.raises(DatabaseError) as refusal, transaction.atomic():
        run(sql, *parameters)
    return str(refusal.value)


@pytest.fixture
def mine() -> Workspace:
    return filled("Mine")


@pytest.fixture
def theirs() -> Workspace:
    return filled("Theirs")


def filled(name: str) -> Workspace:
    workspace = WorkspaceFactory.create(name=name)
    ProjectFactory.create(workspace=workspace)
    MembershipFactory.create(workspace=workspace)
    new_key(workspace)
    return workspace


@pytest.mark.parametrize("table", TABLES)
def test_a_tenant_sees_its_rows_only(mine: Workspace, theirs: Workspace, table: str) -> None:
    everybodys = run(f"SELECT workspace_id FROM {table}")  # noqa: S608 - a name of this file

    with as_tenant(mine.pk):
        seen = run(f"SELECT workspace_id FROM {table}")  # noqa: S608 - a name of this file

    assert set(everybodys) == {(mine.pk,), (theirs.pk,)}
    assert set(seen) == {(mine.pk,)}


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("setting", ["", "0"])
def test_without_a_workspace_there_are_no_rows(table: str, setting: str) -> None:
    with as_tenant(setting):
        assert run(f"SELECT 1 FROM {table}") == []  # noqa: S608 - a name of this file
        assert run("SELECT 1 FROM workspaces_workspace") == []


@pytest.mark.usefixtures("theirs")
def test_a_tenant_sees_its_own_workspace_only(mine: Workspace) -> None:
    with as_tenant(mine.pk):
        assert run("SELECT id FROM workspaces_workspace") == [(mine.pk,)]


def test_a_tenant_sees_the_people_of_its_workspace_only(mine: Workspace, theirs: Workspace) -> None:
    with as_tenant(mine.pk):
        people = run("SELECT id FROM auth_user")
        assert "permission denied" in refused("UPDATE auth_user SET is_staff = true")

    assert people == [(mine.memberships.get().user_id,)]
    assert theirs.memberships.get().user_id != mine.memberships.get().user_id


def test_foreign_rows_can_be_neither_inserted_nor_changed_nor_taken(
    mine: Workspace, theirs: Workspace
) -> None:
    insert = (
        "INSERT INTO workspaces_project (public_id, workspace_id, name, is_default, created_at)"
        " VALUES (gen_random_uuid(), %s, 'New', false, now())"
    )
    with as_tenant(mine.pk):
        assert "row-level security" in refused(insert, theirs.pk)
        assert "row-level security" in refused(
            "UPDATE workspaces_project SET workspace_id = %s", theirs.pk
        )
        assert run(
            "UPDATE workspaces_project SET name = 'Taken' WHERE workspace_id = %s", theirs.pk
        ) == [0]
        assert run("DELETE FROM workspaces_membership WHERE workspace_id = %s", theirs.pk) == [0]
        assert run(insert, mine.pk) == [1]

    assert not Project.objects.filter(workspace=theirs, name__in=["New", "Taken"]).exists()
    assert Project.objects.filter(workspace=mine, name="New").exists()


def test_the_audit_trail_takes_rows_and_gives_none_back(mine: Workspace) -> None:
    with as_tenant(mine.pk):
        services.audit(mine, "user:1", "looked", "", now=NOW)
        assert "permission denied" in refused("UPDATE workspaces_auditevent SET actor = ''")
        assert "permission denied" in refused("DELETE FROM workspaces_auditevent")


@pytest.mark.parametrize("table", ["django_session", "django_admin_log", "auth_group"])
def test_what_is_nobodys_is_closed_to_tenants(mine: Workspace, table: str) -> None:
    with as_tenant(mine.pk):
        assert "permission denied" in refused(f"SELECT 1 FROM {table}")  # noqa: S608 - a name of this file


def test_every_table_with_a_workspace_has_a_policy_or_is_closed_to_tenants() -> None:
    found = run(
        """
        SELECT c.relname, c.relrowsecurity,
               EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid
                       AND %s::regrole = ANY (p.polroles)),
               has_any_column_privilege(%s, c.oid, 'SELECT, INSERT, UPDATE')
               OR has_table_privilege(%s, c.oid, 'DELETE')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND EXISTS (
            SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'workspace_id'
            AND NOT a.attisdropped)
        """,
        *[TENANT_ROLE] * 3,
    )

    unguarded = {table for table, is_on, has_policy, _ in found if not (is_on and has_policy)}
    assert len(found) > len(TABLES)
    assert unguarded <= OPERATORS_OWN
    assert not {table for table, _, _, is_open in found if is_open} & unguarded


def test_the_role_can_neither_sign_in_nor_pass_by_the_policies() -> None:
    assert run(
        "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles"
        " WHERE rolname = %s",
        TENANT_ROLE,
    ) == [(False, False, False, False)]


def test_a_tenant_owns_no_table() -> None:
    assert run("SELECT tablename FROM pg_tables WHERE tableowner = %s", TENANT_ROLE) == []
