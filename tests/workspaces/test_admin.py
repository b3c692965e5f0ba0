"""The operator's pages: tenants and keys are made by the services, and a key is shown once."""

import re

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from apps.workspaces import keys, services
from apps.workspaces.models import ApiKey, AuditEvent, Membership, Workspace
from tests.factories import NOW, MembershipFactory, UserFactory, bearer, new_key

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.workspaces.site")]

MODELS = ("workspace", "membership", "project", "apikey", "auditevent")


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


def add(model: str) -> str:
    return reverse(f"admin:workspaces_{model}_add")


def listed(model: str) -> str:
    return reverse(f"admin:workspaces_{model}_changelist")


@pytest.mark.parametrize("model", MODELS)
def test_lists_and_pages_open(operator: Client, mine: Workspace, model: str) -> None:
    new_key(mine)
    MembershipFactory.create(workspace=mine)
    row = apps.get_model("workspaces", model)._default_manager.order_by("pk").first()
    assert row is not None

    page = operator.get(reverse(f"admin:workspaces_{model}_change", args=[row.pk]))

    assert operator.get(listed(model) + "?q=m").status_code == 200
    assert page.status_code == 200
    if model != "membership":
        assert 'name="_save"' not in page.content.decode()


def test_a_new_workspace_is_made_by_the_service(operator: Client) -> None:
    response = operator.post(add("workspace"), {"name": " Acme "}, follow=True)

    workspace = Workspace.objects.get()
    assert response.status_code == 200
    assert (workspace.name, workspace.slug) == ("Acme", "acme")
    event = AuditEvent.objects.get()
    assert (event.action, event.workspace) == ("workspace_created", workspace)
    assert event.actor == f"user:{User.objects.get().pk}"


@pytest.mark.usefixtures("mine")
def test_a_taken_name_is_told_in_the_form(operator: Client) -> None:
    response = operator.post(add("workspace"), {"name": "MINE"})

    assert "exists already" in response.content.decode()
    assert Workspace.objects.count() == 1


def test_a_new_key_is_shown_once_and_opens_the_workspace(operator: Client, mine: Workspace) -> None:
    form = {"name": "CI", "mode": "live", "workspace": mine.pk, "scopes": ["read", "track"]}

    page = operator.post(add("apikey"), form)

    found = re.search(r"isv_live_sk_\w{48}", page.content.decode())
    assert found is not None
    assert "no-store" in page["Cache-Control"]
    assert Client().get("/probe", headers=bearer(found[0])).json()["workspace"] == "Mine"
    stored = ApiKey.objects.get()
    assert stored.lookup_id == keys.parse(found[0]).lookup_id
    assert stored.scopes == ["track", "read"]
    later = operator.get(listed("apikey")).content.decode()
    assert stored.lookup_id in later
    assert found[0] not in later + str(operator.cookies)


@pytest.mark.parametrize(
    "change",
    [
        {"workspace": ""},
        {"is_platform": "on"},
        {"scopes": ["read", "platform"]},
        {"scopes": []},
        {"expires_at_0": "2020-01-01", "expires_at_1": "00:00"},
    ],
    ids=str,
)
def test_a_key_that_makes_no_sense_is_told_in_the_form(
    operator: Client, mine: Workspace, change: dict[str, object]
) -> None:
    form = {"name": "CI", "mode": "live", "workspace": mine.pk, "scopes": ["read"]}

    response = operator.post(add("apikey"), {**form, **change})

    assert "errorlist" in response.content.decode()
    assert not ApiKey.objects.exists()


def test_a_platform_key_needs_no_workspace(operator: Client) -> None:
    form = {"name": "CI", "mode": "live", "is_platform": "on", "scopes": ["platform"]}

    operator.post(add("apikey"), form)

    assert ApiKey.objects.get().is_platform


def test_keys_are_revoked_by_an_action(operator: Client, mine: Workspace) -> None:
    text = new_key(mine)
    chosen = {"action": "revoke", "_selected_action": [ApiKey.objects.get().pk]}

    operator.post(listed("apikey"), chosen)

    assert Client().get("/probe", headers=bearer(text)).status_code == 401
    assert AuditEvent.objects.filter(action="api_key_revoked").count() == 1


def test_staff_who_may_only_look_cannot_revoke(client: Client, mine: Workspace) -> None:
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="view_apikey"))
    client.force_login(staff)
    new_key(mine)

    client.post(
        listed("apikey"), {"action": "revoke", "_selected_action": [ApiKey.objects.get().pk]}
    )

    assert ApiKey.objects.get().revoked_at is None
    assert client.get(add("apikey")).status_code == 403


def test_members_are_added_changed_and_removed_with_a_trace(
    operator: Client, mine: Workspace
) -> None:
    user = UserFactory.create()
    operator.post(add("membership"), {"workspace": mine.pk, "user": user.pk, "role": "member"})
    membership = Membership.objects.get()
    change = reverse("admin:workspaces_membership_change", args=[membership.pk])

    operator.post(change, {"role": "auditor"})
    assert Membership.objects.get().role == "auditor"
    operator.post(
        reverse("admin:workspaces_membership_delete", args=[membership.pk]), {"post": "yes"}
    )

    assert not Membership.objects.exists()
    actions = AuditEvent.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["member_added", "role_changed", "member_removed"]


def test_the_audit_trail_shows_who_and_what(operator: Client, mine: Workspace) -> None:
    services.audit(mine, "user:77", "looked", "key_1", now=NOW)

    page = operator.get(listed("auditevent")).content.decode()

    assert "user:77" in page
    assert operator.get(add("auditevent")).status_code == 403
