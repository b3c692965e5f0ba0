"""Projects over the API: added, renamed, made the default, listed; never another workspace's."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database

from apps.workspaces.models import AuditEvent, Project, Workspace
from apps.workspaces.services import default_project, projects
from tests.contract import ContractClient
from tests.factories import (
    NOW,
    MembershipFactory,
    ProjectFactory,
    UserFactory,
    WorkspaceFactory,
    new_key,
)

URL = "/api/v1/projects"

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace(db: None) -> Workspace:  # noqa: ARG001 - a fixture asks for another by name
    return WorkspaceFactory.create(name="Mine", slug="mine")


@pytest.fixture
def client(workspace: Workspace) -> ContractClient:
    return ContractClient(new_key(workspace))


def added(client: ContractClient, name: str) -> dict[str, Any]:
    answer = client.post(URL, {"name": name})
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_new_project_is_trimmed_answered_listed_and_written_down(
    client: ContractClient, workspace: Workspace
) -> None:
    body = added(client, "  Search ")

    assert set(body) == {"id", "name", "is_default", "created_at", "archived_at"}
    assert (body["name"], body["is_default"], body["archived_at"]) == ("Search", False, None)
    assert client.get(f"{URL}/{body['id']}").json() == body
    assert client.get(URL).json()["results"] == [body]
    event = AuditEvent.objects.get(action="project_created")
    assert (event.workspace, event.object_ref) == (workspace, body["id"])
    assert event.details == {"name": "Search"}


@pytest.mark.parametrize("name", ["search", "SEARCH", " Search "])
def test_a_name_is_taken_whatever_its_case(client: ContractClient, name: str) -> None:
    first, other = added(client, "Search"), added(client, "Chat")

    refused = client.post(URL, {"name": name})
    renamed = client.patch(f"{URL}/{other['id']}", {"name": name})

    for answer in (refused, renamed):
        assert code(answer) == (409, "project_name_taken")
        assert answer.json()["error"]["details"] == {"project_id": first["id"]}
    assert Project.objects.count() == 2


def test_another_workspace_may_have_a_project_of_the_same_name(client: ContractClient) -> None:
    ProjectFactory.create(name="Search")

    assert added(client, "Search")["name"] == "Search"
    assert len(client.get(URL).json()["results"]) == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"name": "  "}, {"name": "x" * 121}, {"name": "a\0b"}, {"name": None},
     {"name": "a", "is_default": True}, []],
    ids=str,
)  # fmt: skip
def test_a_body_that_is_no_project_is_refused(client: ContractClient, body: Any) -> None:
    assert code(client.post(URL, body)) == (400, "validation_error")
    assert Project.objects.count() == 0


@pytest.mark.parametrize(
    "body",
    [{"is_default": False}, {"is_archived": True}, {"name": ""}, {"is_default": None},
     {"archived_at": None}],
    ids=str,
)  # fmt: skip
def test_a_change_that_cannot_be_meant_is_refused(client: ContractClient, body: Any) -> None:
    project = added(client, "Search")

    assert code(client.patch(f"{URL}/{project['id']}", body)) == (400, "validation_error")
    assert client.get(f"{URL}/{project['id']}").json() == project


def test_renaming_says_what_it_was_and_may_change_the_case(client: ContractClient) -> None:
    project = added(client, "search")

    assert client.patch(f"{URL}/{project['id']}", {"name": "Search"}).json()["name"] == "Search"
    assert client.patch(f"{URL}/{project['id']}", {"name": "Search"}).status_code == 200
    (event,) = AuditEvent.objects.filter(action="project_renamed")
    assert event.details == {"from": "search", "to": "Search"}


def test_exactly_one_project_is_the_default(client: ContractClient, workspace: Workspace) -> None:
    before = default_project(workspace, now=NOW)
    project = added(client, "Search")

    assert client.patch(f"{URL}/{project['id']}", {"is_default": True}).json()["is_default"]
    assert client.patch(f"{URL}/{project['id']}", {"is_default": True}).status_code == 200

    assert [one["name"] for one in client.get(URL).json()["results"] if one["is_default"]] == [
        "Search"
    ]
    assert default_project(workspace, now=NOW).name == "Search"
    (event,) = AuditEvent.objects.filter(action="project_made_default")
    assert event.details == {"before": str(before.public_id)}


def test_the_list_costs_the_same_however_long_it_is(
    client: ContractClient, workspace: Workspace, django_assert_num_queries: Any
) -> None:
    ProjectFactory.create_batch(30, workspace=workspace)
    client.get(URL)

    with django_assert_num_queries(4):
        answer = client.get(f"{URL}?limit=20")

    assert len(answer.json()["results"]) == 20
    assert len(client.get(answer.json()["next"]).json()["results"]) == 10


def test_another_workspaces_project_is_not_there(client: ContractClient) -> None:
    theirs = ProjectFactory.create()
    path = f"{URL}/{theirs.public_id}"

    for wrong in (path, f"{URL}/{uuid4()}", f"{URL}/7", f"{path}/analytics"):
        assert code(client.get(wrong)) == (404, "project_not_found")
    assert code(client.patch(path, {"name": "Mine now"})) == (404, "project_not_found")
    assert code(client.delete(path)) == (404, "project_not_found")
    theirs.refresh_from_db()
    assert (theirs.name[:7], theirs.archived_at) == ("Project", None)


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("track", 403), ("write", 200)])
def test_a_key_needs_the_scope_to_write(workspace: Workspace, scope: str, status: int) -> None:
    project = ProjectFactory.create(workspace=workspace)
    caller = ContractClient(new_key(workspace, scopes=[scope]))

    changed = caller.patch(f"{URL}/{project.public_id}", {"name": "Another"})

    assert changed.status_code == status


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 201), ("admin", 201), ("member", 201), ("auditor", 403)]
)
def test_an_auditor_reads_only(workspace: Workspace, role: str, status: int) -> None:
    person = UserFactory.create()
    MembershipFactory.create(workspace=workspace, user=person, role=role)
    caller = ContractClient()
    caller.force_login(person)

    assert caller.get(URL).status_code == 200
    assert caller.post(URL, {"name": "Search"}).status_code == status
    assert Project.objects.count() == (status == 201)


@pytest.mark.django_db(transaction=True)
def test_two_that_become_the_default_at_once_leave_one() -> None:
    workspace = WorkspaceFactory.create()
    default_project(workspace, now=NOW)
    chosen = ProjectFactory.create_batch(2, workspace=workspace)

    def choose(project: Project) -> None:
        try:
            projects.change_project(project, make_default=True, actor="tests", now=NOW)
        finally:
            database.close()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(choose, chosen * 4))

    assert Project.objects.filter(workspace=workspace, is_default=True).count() == 1
    assert Project.objects.get(is_default=True) in chosen


def test_a_default_project_is_made_though_its_name_was_archived(workspace: Workspace) -> None:
    project = ProjectFactory.create(workspace=workspace, name="default")
    projects.archive_project(project, actor="tests", now=NOW)

    default = default_project(workspace, now=NOW)

    assert (default.pk, default.archived_at) == (project.pk, None)
