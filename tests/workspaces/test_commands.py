"""What an operator types."""

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from apps.emissions.models import FactorSet
from apps.workspaces.models import ApiKey, AuditEvent, Workspace
from tests.factories import bearer

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.workspaces.site")]


def create_api_key(*words: str) -> str:
    out = StringIO()
    call_command("create_api_key", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.mark.parametrize("mode", ["live", "test"])
def test_the_key_stands_alone_on_the_output_and_opens(
    api: APIClient, mine: Workspace, mode: str
) -> None:
    by_slug = create_api_key("--workspace", "mine", "--mode", mode)
    by_id = create_api_key("--workspace", str(mine.public_id), "--mode", mode, "--name", "CI")

    for line in (by_slug, by_id):
        answer = api.get("/probe", headers=bearer(line.removesuffix("\n"))).json()
        assert (answer["workspace"], answer["is_test"]) == ("Mine", mode == "test")
    assert by_slug.startswith(f"isv_{mode}_sk_")
    assert ApiKey.objects.filter(name="CI", workspace=mine).count() == 1
    assert AuditEvent.objects.filter(actor="command:create_api_key").count() == 2


def test_a_platform_key_lists_workspaces_and_writes_for_each(
    api: APIClient, mine: Workspace
) -> None:
    key = bearer(create_api_key("--platform", "--mode", "live").strip())

    assert len(api.get("/workspaces", headers=key).json()) == 1
    assert api.post(f"/workspaces/{mine.public_id}/probe", headers=key).status_code == 200


@pytest.mark.usefixtures("mine")
def test_scopes_narrow_the_key() -> None:
    create_api_key("--workspace", "mine", "--mode", "live", "--scopes", "track,read")

    assert ApiKey.objects.get().scopes == ["track", "read"]


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--workspace", "nobody"],
        ["--workspace", "4b1d1c1e-0000-4000-8000-000000000000"],
        ["--workspace", "mine", "--scopes", "platform"],
        ["--workspace", "mine", "--scopes", "everything"],
        ["--workspace", "mine", "--name", " "],
    ],
    ids=" ".join,
)
def test_a_refusal_is_an_error_and_stores_nothing(words: list[str]) -> None:
    with pytest.raises(CommandError):
        create_api_key("--mode", "live", *words)

    assert not ApiKey.objects.exists()


@pytest.mark.usefixtures("mine")
def test_a_dry_run_prints_and_stores_nothing() -> None:
    assert create_api_key("--workspace", "mine", "--mode", "live", "--dry-run") == ""
    assert not ApiKey.objects.exists()
    assert not AuditEvent.objects.exists()


def bootstrap() -> str:
    out = StringIO()
    call_command("bootstrap", stdout=out)
    return out.getvalue()


def test_bootstrap_publishes_factors_and_lets_the_operator_in(
    client: Client, settings: Any
) -> None:
    settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD = "ops@example.com", "first password"
    bootstrap()
    settings.ADMIN_PASSWORD = "second password"

    bootstrap()

    assert FactorSet.objects.filter(is_current=True).count() == 1
    assert FactorSet.objects.count() == 1
    assert User.objects.get().is_superuser
    assert not client.login(username="ops@example.com", password="first password")
    assert client.login(username="ops@example.com", password="second password")


def test_bootstrap_again_signs_nobody_out(client: Client, settings: Any) -> None:
    settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD = "ops@example.com", "the password"
    bootstrap()
    client.login(username="ops@example.com", password="the password")

    bootstrap()

    assert client.get("/admin/").status_code == 200


def test_bootstrap_gives_an_operator_their_rights_back(settings: Any) -> None:
    settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD = "ops@example.com", "the password"
    User.objects.create_user("ops@example.com", is_active=False)

    bootstrap()

    operator = User.objects.get()
    assert operator.is_active
    assert operator.is_staff
    assert operator.is_superuser


def test_bootstrap_without_an_operator_makes_none(settings: Any) -> None:
    settings.ADMIN_EMAIL = settings.ADMIN_PASSWORD = ""

    bootstrap()

    assert not User.objects.exists()


def add_member(*words: str) -> None:
    call_command("add_member", "--workspace", "mine", "--role", "member", *words, stdout=StringIO())


@pytest.mark.usefixtures("mine")
def test_a_member_is_let_in_by_the_password_of_the_environment(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_PASSWORD", "a long password")

    for _ in range(2):
        add_member("--email", "ann@example.com", "--password-env", "THE_PASSWORD")

    assert client.login(username="ann@example.com", password="a long password")
    assert client.get("/probe").json()["workspace"] == "Mine"
    assert not User.objects.get().is_staff
    assert AuditEvent.objects.filter(actor="command:add_member").count() == 1


@pytest.mark.usefixtures("mine")
def test_a_password_that_the_environment_lacks_adds_nobody() -> None:
    with pytest.raises(CommandError):
        add_member("--email", "ann@example.com", "--password-env", "NO_SUCH_PASSWORD")

    assert not User.objects.exists()
