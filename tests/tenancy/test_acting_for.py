"""Acting for a workspace: the switch, and above all the way back."""

import copy
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection, connections, transaction

from apps.workspaces import services
from apps.workspaces.models import Project
from apps.workspaces.rls import TENANT_ROLE
from apps.workspaces.tenancy import acting_for, is_acting
from tests.factories import NOW, ProjectFactory, WorkspaceFactory


def state() -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('app.workspace_id', true)")
        role, workspace_id = cursor.fetchone()
    return role, workspace_id or ""


@pytest.fixture
def pool(transactional_db: None) -> Iterator[None]:  # noqa: ARG001 - a fixture asks for another by name
    """As the web process has it: one connection, which the next request gets again."""
    usual = connections["default"]
    pooled = copy.deepcopy(usual.settings_dict)
    pooled |= {"CONN_MAX_AGE": 0}
    pooled["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 1, "timeout": 5}
    connections["default"] = type(usual)(pooled, "default")
    yield
    connection.close()
    connections["default"].close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has one
    connections["default"] = usual


def broken_query() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("around", [transaction.atomic, nullcontext])
def test_the_role_lasts_as_long_as_the_block(around: Any) -> None:
    project = ProjectFactory.create()
    ProjectFactory.create()
    before = state()

    with around(), acting_for(project.workspace):
        inside, seen = state(), list(Project.objects.all())

    assert inside == (TENANT_ROLE, str(project.workspace_id))
    assert seen == [project]
    assert state() == before
    assert not is_acting()


@pytest.mark.django_db(transaction=True)
def test_a_transaction_rolled_back_inside_does_not_end_it() -> None:
    workspace = WorkspaceFactory.create()

    with acting_for(workspace):
        with transaction.atomic():
            services.default_project(workspace, now=NOW)
            transaction.set_rollback(True)
        assert state() == (TENANT_ROLE, str(workspace.pk))

    assert not Project.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_transaction_rolled_back_around_it_leaves_no_role_behind() -> None:
    workspace = WorkspaceFactory.create()
    before = state()

    with transaction.atomic():
        with acting_for(workspace):
            services.default_project(workspace, now=NOW)
        transaction.set_rollback(True)

    assert state() == before


@pytest.mark.django_db(transaction=True)
def test_an_aborted_transaction_around_it_tells_the_first_fault_and_leaves_no_role() -> None:
    workspace = WorkspaceFactory.create()
    before = state()

    with (
        pytest.raises(DatabaseError, match="division by zero"),
        transaction.atomic(),
        acting_for(workspace),
    ):
        broken_query()

    assert state() == before


@pytest.mark.usefixtures("pool")
def test_a_connection_that_died_inside_is_not_handed_on() -> None:
    workspace = WorkspaceFactory.create()
    before = state()

    def die_and_ask() -> None:
        with acting_for(workspace):
            connection.connection.close()
            Project.objects.count()

    with pytest.raises(DatabaseError):
        die_and_ask()

    assert connection.connection is None
    assert state() == before


@pytest.mark.django_db(transaction=True)
def test_a_way_back_that_fails_is_told_and_the_connection_discarded() -> None:
    workspace = WorkspaceFactory.create()
    before = state()

    with pytest.raises(DatabaseError), acting_for(workspace):
        connection.connection.close()

    assert state() == before


@pytest.mark.usefixtures("pool")
def test_a_healthy_connection_whose_way_back_fails_is_closed_before_the_pool_has_it() -> None:
    workspace = WorkspaceFactory.create()
    before = state()
    opened = connection.connection

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        if params == ["none", ""]:
            raise OperationalError("cancelled")
        return execute(sql, params, many, context)

    def act() -> None:
        with connection.execute_wrapper(refuse), acting_for(workspace):
            pass

    with pytest.raises(OperationalError):
        act()

    assert opened.closed
    assert state() == before


@pytest.mark.django_db(transaction=True)
def test_a_connection_opened_anew_inside_answers_nothing() -> None:
    project = ProjectFactory.create()

    def close_and_ask() -> None:
        with acting_for(project.workspace):
            connection.close()
            Project.objects.count()

    with pytest.raises(RuntimeError, match="replaced"):
        close_and_ask()

    assert not is_acting()
    assert Project.objects.count() == 1


@pytest.mark.django_db
def test_it_cannot_be_nested_and_the_outer_one_stays() -> None:
    mine, theirs = WorkspaceFactory.create(), WorkspaceFactory.create()

    with acting_for(mine):
        with pytest.raises(RuntimeError, match="already"), acting_for(theirs):
            pytest.fail("it must not get here")
        assert state() == (TENANT_ROLE, str(mine.pk))


@pytest.mark.django_db
def test_the_switch_and_the_way_back_are_one_query_each(
    django_assert_num_queries: Any,
) -> None:
    workspace = WorkspaceFactory.create()

    with django_assert_num_queries(2), acting_for(workspace):
        pass
