"""Keys, members, the default project and the audit trail, below every door."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import structlog
from django.db import connection, transaction

from apps.common.errors import DomainError
from apps.workspaces import services
from apps.workspaces.errors import AlreadyMemberError
from apps.workspaces.models import ApiKey, AuditEvent, Membership, Project, Workspace
from tests.factories import NOW, ProjectFactory, UserFactory, WorkspaceFactory


@pytest.mark.django_db
def test_the_default_project_is_made_once() -> None:
    workspace = WorkspaceFactory.create()

    first = services.default_project(workspace, now=NOW)
    second = services.default_project(workspace, now=NOW + timedelta(days=1))

    assert first == second
    assert (first.name, first.is_default, first.created_at) == ("Default", True, NOW)


@pytest.mark.django_db
def test_a_project_that_is_called_default_already_becomes_it() -> None:
    own = ProjectFactory.create(name="DEFAULT")

    assert services.default_project(own.workspace, now=NOW) == own
    assert Project.objects.get(pk=own.pk).is_default


@pytest.mark.django_db(transaction=True)
def test_two_at_once_get_the_same_default_project() -> None:
    workspace = WorkspaceFactory.create()
    both_ready = threading.Barrier(2, timeout=10)

    def ask(_: int) -> Project:
        try:
            with transaction.atomic():
                connection.ensure_connection()
                both_ready.wait()
                return services.default_project(workspace, now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(ask, range(2))

    assert first == second
    assert Project.objects.filter(workspace=workspace).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes",
    [
        {"scopes": []},
        {"scopes": ["admin"]},
        {"scopes": ["platform"]},
        {"mode": "prod"},
        {"name": " "},
        {"name": "x" * 121},
        {"is_platform": True},
        {"expires_at": NOW},
    ],
    ids=str,
)
def test_a_key_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    wanted = {"mode": "live", "name": "A", "scopes": ["read"], "actor": "tests", "now": NOW}

    with pytest.raises(DomainError):
        services.create_api_key(WorkspaceFactory.create(), **{**wanted, **changes})

    assert not ApiKey.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
def test_revoking_twice_keeps_the_first_time() -> None:
    key, _ = services.create_api_key(
        WorkspaceFactory.create(), mode="live", name="A", scopes=["read"], actor="a", now=NOW
    )

    services.revoke_api_key(key, actor="user:1", now=NOW)
    again = services.revoke_api_key(key, actor="user:2", now=NOW + timedelta(days=1))

    assert again.revoked_at == NOW
    event = AuditEvent.objects.get(action="api_key_revoked")
    assert (event.actor, event.object_ref, event.workspace) == (
        "user:1",
        key.public_id,
        key.workspace,
    )


@pytest.mark.django_db
def test_a_person_has_one_role_and_each_change_of_it_is_written_down() -> None:
    workspace, user = WorkspaceFactory.create(), UserFactory.create()
    membership = services.add_member(workspace, user, "member", actor="user:1", now=NOW)
    with pytest.raises(AlreadyMemberError):
        services.add_member(workspace, user, "owner", actor="user:1", now=NOW)

    services.change_role(membership, "admin", actor="user:1", now=NOW)
    services.remove_member(membership, actor="user:1", now=NOW)

    assert not Membership.objects.exists()
    events = AuditEvent.objects.order_by("id").values_list("action", "object_ref", "details")
    assert list(events) == [
        ("member_added", f"user:{user.pk}", {"role": "member"}),
        ("role_changed", f"user:{user.pk}", {"from": "member", "to": "admin"}),
        ("member_removed", f"user:{user.pk}", {}),
    ]


@pytest.mark.django_db
def test_the_audit_trail_knows_the_request() -> None:
    with structlog.contextvars.bound_contextvars(request_id="req-1"):
        event = services.audit(None, "user:1", "looked", "key_1", now=NOW, details={"a": 1})

    assert (event.request_id, event.at, event.details) == ("req-1", NOW, {"a": 1})


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["update", "delete", "truncate"])
def test_nobody_rewrites_the_audit_trail(change: str) -> None:
    services.audit(WorkspaceFactory.create(), "user:1", "looked", "", now=NOW)
    connection.check_constraints()  # deferred ones hold a TRUNCATE up
    statement = {
        "update": "UPDATE workspaces_auditevent SET actor = 'user:2'",
        "delete": "DELETE FROM workspaces_auditevent",
        "truncate": "TRUNCATE workspaces_auditevent",
    }[change]

    with (
        pytest.raises(Exception, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert AuditEvent.objects.get().actor == "user:1"


@pytest.mark.django_db
def test_a_simulated_installation_marks_its_workspaces(settings: Any) -> None:
    settings.SIMULATED_PROVIDERS = True

    assert services.create_workspace("Demo", actor="tests", now=NOW).is_simulated
    assert Workspace.objects.get().slug == "demo"
