"""For whom a handler runs and with what right."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.test import APIClient

from apps.workspaces.models import Workspace
from apps.workspaces.rls import TENANT_ROLE
from apps.workspaces.roles import RIGHTS, WORKSPACE_SCOPES, Right
from tests.factories import MembershipFactory, bearer, new_key
from tests.workspaces.site import role

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.workspaces.site")]

NEEDED = {
    ("get", "/probe"): Right.READ,
    ("post", "/probe"): Right.CONNECTIONS,
    ("post", "/projects"): Right.PROJECTS,
    ("post", "/keys"): Right.KEYS,
    ("post", "/track"): Right.TRACK,
    ("get", "/billing"): Right.BILLING,
}


@pytest.mark.parametrize("scope", WORKSPACE_SCOPES)
@pytest.mark.parametrize(("asked", "right"), NEEDED.items(), ids=str)
def test_a_key_may_do_what_its_scopes_say(
    api: APIClient, mine: Workspace, scope: str, asked: tuple[str, str], right: Right
) -> None:
    method, path = asked

    response = getattr(api, method)(path, headers=bearer(new_key(mine, scopes=[scope])))

    assert response.status_code == (200 if RIGHTS[right].scope == scope else 403)


MAY: dict[str, set[Right]] = {
    "owner": set(NEEDED.values()),
    "admin": set(NEEDED.values()),
    "member": {Right.READ, Right.PROJECTS, Right.TRACK},
    "auditor": {Right.READ},
}


@pytest.mark.parametrize("name", MAY)
@pytest.mark.parametrize(("asked", "right"), NEEDED.items(), ids=str)
def test_a_person_may_do_what_their_role_says(
    client: Client, mine: Workspace, name: str, asked: tuple[str, str], right: Right
) -> None:
    client.force_login(MembershipFactory.create(workspace=mine, role=name).user)
    method, path = asked

    response = getattr(client, method)(path)

    assert response.status_code == (200 if right in MAY[name] else 403)


def test_a_handler_sees_its_workspace_only_and_leaves_no_trace(
    api: APIClient, mine: Workspace, theirs: Workspace
) -> None:
    before = role()

    first = api.get("/probe", headers=bearer(new_key(mine))).json()
    second = api.get("/probe", headers=bearer(new_key(theirs))).json()

    assert (first["role"], first["projects"]) == (TENANT_ROLE, ["My project"])
    assert (second["role"], second["projects"]) == (TENANT_ROLE, ["Their project"])
    assert role() == before != TENANT_ROLE


@pytest.mark.django_db(transaction=True)
def test_a_handler_that_breaks_the_database_leaves_no_trace(
    mine: Workspace, theirs: Workspace
) -> None:
    api = APIClient(raise_request_exception=False)
    before = role()

    broken = api.get("/broken", headers=bearer(new_key(mine)))
    after = api.get("/probe", headers=bearer(new_key(theirs))).json()

    assert broken.json()["error"]["code"] == "internal_error"
    assert "division" not in broken.content.decode()
    assert after["projects"] == ["Their project"]
    assert role() == before


@pytest.mark.django_db(transaction=True)
def test_a_database_that_goes_away_is_503_and_the_next_call_gets_a_connection_of_its_own(
    mine: Workspace,
) -> None:
    api = APIClient(raise_request_exception=False)
    key = bearer(new_key(mine))

    cut = api.get("/cut", headers=key)

    assert (cut.status_code, error(cut)["code"]) == (503, "service_unavailable")
    assert api.get("/probe", headers=key).json()["projects"] == ["My project"]
    assert role() != TENANT_ROLE


def test_another_workspaces_id_is_404_like_one_that_never_was(
    api: APIClient, mine: Workspace, theirs: Workspace
) -> None:
    key = bearer(new_key(mine))

    own = api.get(f"/workspaces/{mine.public_id}/probe", headers=key)
    foreign = api.get(f"/workspaces/{theirs.public_id}/probe", headers=key)
    nobodys = api.get(f"/workspaces/{uuid4()}/probe", headers=key)

    assert own.json()["projects"] == ["My project"]
    assert foreign.status_code == nobodys.status_code == 404
    assert error(foreign) == error(nobodys)


def test_a_persons_other_workspaces_open_by_path_and_strangers_are_404(
    client: Client, mine: Workspace, theirs: Workspace
) -> None:
    client.force_login(MembershipFactory.create(workspace=mine).user)

    assert client.get(f"/workspaces/{mine.public_id}/probe").status_code == 200
    assert client.get(f"/workspaces/{theirs.public_id}/probe").status_code == 404


def test_a_path_that_is_no_uuid_is_422(api: APIClient, mine: Workspace) -> None:
    response = api.get("/workspaces/mine/probe", headers=bearer(new_key(mine)))

    assert response.status_code == 422
    assert error(response)["code"] == "validation_error"


def test_a_platform_key_acts_for_the_workspace_in_the_path_within_its_scopes(
    api: APIClient, mine: Workspace
) -> None:
    reads, writes = new_key(None), new_key(None, scopes=["platform", "write"])
    path = f"/workspaces/{mine.public_id}/probe"

    assert api.get(path, headers=bearer(reads)).json()["projects"] == ["My project"]
    assert api.post(path, headers=bearer(reads)).status_code == 403
    assert api.post(path, headers=bearer(writes)).status_code == 200
    assert api.get("/probe", headers=bearer(reads)).status_code == 403


def test_a_preflight_needs_no_credential(api: APIClient) -> None:
    assert api.options("/probe").status_code == 200


def test_the_chosen_workspace_is_used_while_the_person_belongs_to_it(
    client: Client, mine: Workspace, theirs: Workspace
) -> None:
    member = MembershipFactory.create(workspace=mine)
    second = MembershipFactory.create(workspace=theirs, user=member.user)
    client.force_login(member.user)
    session = client.session
    session["workspace"] = str(theirs.public_id)
    session.save()

    assert client.get("/probe").json()["workspace"] == "Theirs"
    second.delete()
    assert client.get("/probe").json()["workspace"] == "Mine"


def test_without_authentication_a_workspace_opens_by_its_path_alone(
    api: APIClient, mine: Workspace, settings: Any
) -> None:
    settings.AUTH_ENABLED = False

    named = api.get(f"/workspaces/{mine.public_id}/probe")

    assert (named.status_code, named.json()["actor"]) == (200, "anybody")
    assert api.get("/workspaces").status_code == 200
    assert api.get("/probe").status_code == 401


@pytest.mark.usefixtures("theirs")
def test_a_page_is_rendered_inside_its_workspace(client: Client, mine: Workspace) -> None:
    client.force_login(MembershipFactory.create(workspace=mine, role="auditor").user)

    assert client.get("/page").content.decode() == f"Mine: My project {TENANT_ROLE}"
    assert client.post("/page").status_code == 403
    assert role() != TENANT_ROLE


def test_a_page_asks_strangers_to_sign_in_and_refuses_people_without_a_workspace(
    client: Client, django_user_model: Any
) -> None:
    stranger = client.get("/page")
    client.force_login(django_user_model.objects.create_user("lonely"))

    assert (stranger.status_code, stranger["Location"]) == (302, "/login/?next=/page")
    assert client.get("/page").status_code == 403


def test_an_operator_without_a_workspace_is_led_to_the_admin(
    client: Client, django_user_model: Any
) -> None:
    client.force_login(django_user_model.objects.create_superuser("operator"))

    assert client.get("/page")["Location"] == "/admin/"


def error(response: Any) -> dict[str, Any]:
    return {name: part for name, part in response.json()["error"].items() if name != "request_id"}
