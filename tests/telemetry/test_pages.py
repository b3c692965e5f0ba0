"""The connections page: each state in words, connecting through the form, revoking, retrying."""

from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.telemetry.connectors.base import Account
from apps.telemetry.models import PollRun, ProviderConnection
from apps.workspaces.models import Workspace
from tests.factories import MembershipFactory, UserFactory
from tests.telemetry.metering import HOUR, KEYS, NOW, START, connected

PAGE = "/dashboard/connections/"


@pytest.fixture
def person(workspace: Workspace) -> Client:
    membership = MembershipFactory.create(workspace=workspace)
    client = Client()
    client.force_login(membership.user)
    return client


def journal(connection: ProviderConnection, **changes: Any) -> None:
    usual: dict[str, Any] = {
        "workspace": connection.workspace,
        "connection": connection,
        "source": "openai.completions",
        "window_start": START,
        "window_end": START + HOUR,
        "started_at": NOW,
        "finished_at": NOW,
        "outcome": "recorded",
    }
    PollRun.objects.create(**{**usual, **changes})


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def test_without_connections_the_page_offers_the_form(person: Client) -> None:
    answer = person.get(PAGE)

    assert answer.status_code == 200
    assert "No account is connected yet" in text_of(answer)
    assert 'type="password"' in text_of(answer)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["first reading"]),
        ({"last_succeeded_at": NOW}, ["reading"]),
        ({"failure_kind": "transient", "failure_message": "Took too long"}, ["Took too long"]),
        (
            {"status": "error", "failure_kind": "auth", "failure_message": "Incorrect API key"},
            ["stopped", "Incorrect API key", "Try again"],
        ),
        ({"status": "error", "failure_kind": "permission"}, ["stopped"]),
        ({"status": "error", "failure_kind": "billing"}, ["billing"]),
        ({"status": "error", "failure_kind": "not_found"}, ["stopped"]),
        ({"status": "paused"}, ["paused"]),
        ({"status": "revoked", "sealed_key": None}, ["revoked"]),
    ],
)
def test_every_state_is_said_in_words(
    person: Client, connection: ProviderConnection, changes: dict[str, Any], words: list[str]
) -> None:
    ProviderConnection.objects.update(**changes)
    journal(connection, outcome="busy", message="Took too long")

    page = text_of(person.get(PAGE))

    for word in (*words, "Our openai", "OpenAI"):
        assert word in page
    assert ("Destroy the key" in page) is (changes.get("status") != "revoked")


def test_names_and_messages_cannot_carry_markup(person: Client, workspace: Workspace) -> None:
    markup = "<script>alert(1)</script>"
    connection = connected(workspace, name=markup, account=Account("a", markup))
    ProviderConnection.objects.update(status="error", failure_kind="auth", failure_message=markup)
    journal(connection, message=markup, warnings=[f"unknown_row_kind: {markup}"])

    page = text_of(person.get(PAGE))

    assert markup not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 5


@pytest.mark.parametrize("number", [1, 20])
def test_the_page_takes_the_same_queries_for_any_number_of_connections(
    person: Client, workspace: Workspace, number: int
) -> None:
    for index in range(number):
        connection = connected(workspace, account=Account(f"{index}", "Example"))
        for _ in range(5):
            journal(connection)

    with CaptureQueriesContext(database) as queries:
        page = text_of(person.get(PAGE))

    assert page.count("<td>openai.completions</td>") == 3 * number
    assert page.count('<svg class="strip"') == 3 * number
    assert sum("telemetry_" in query["sql"] for query in queries) == 4


@pytest.mark.usefixtures("meters")
def test_an_account_is_connected_through_the_form(person: Client, workspace: Workspace) -> None:
    asked = {"provider": "openai", "name": "From the page", "api_key": KEYS["openai"]}

    answer = person.post(PAGE, asked, follow=True)

    assert answer.redirect_chain == [(PAGE, 302)]
    assert "From the page is connected" in text_of(answer)
    assert KEYS["openai"] not in text_of(answer)
    assert ProviderConnection.objects.get(workspace=workspace).status == "active"


@pytest.mark.usefixtures("meters")
@pytest.mark.parametrize(
    ("changes", "status"),
    [({"api_key": "sk-proj-simulated-0001"}, 400), ({"name": ""}, 400), ({"provider": "x"}, 400)],
)
def test_what_the_form_refuses_is_said_beside_it_and_the_key_is_not_repeated(
    person: Client, changes: dict[str, str], status: int
) -> None:
    asked = {"provider": "openai", "name": "Mine", "api_key": KEYS["openai"]}

    answer = person.post(PAGE, {**asked, **changes})

    assert answer.status_code == status
    assert "errorlist" in text_of(answer)
    assert asked["api_key"] not in text_of(answer)
    assert changes.get("api_key", asked["api_key"]) not in text_of(answer)
    assert not ProviderConnection.objects.exists()


@pytest.mark.usefixtures("meters")
def test_an_account_that_is_connected_already_is_409(person: Client) -> None:
    asked = {"provider": "anthropic", "name": "Mine", "api_key": KEYS["anthropic"]}
    person.post(PAGE, asked)

    assert person.post(PAGE, asked).status_code == 409


def test_revoking_on_the_page_destroys_the_key(
    person: Client, connection: ProviderConnection
) -> None:
    answer = person.post(f"{PAGE}{connection.public_id}/revoke/", follow=True)

    assert "Its key is destroyed" in text_of(answer)
    connection.refresh_from_db()
    assert (connection.status, connection.sealed_key) == ("revoked", None)


def test_retrying_on_the_page_takes_it_up(person: Client, connection: ProviderConnection) -> None:
    ProviderConnection.objects.update(status="error", next_poll_at=None)

    answer = person.post(f"{PAGE}{connection.public_id}/resume/", follow=True)

    assert "read again shortly" in text_of(answer)
    connection.refresh_from_db()
    assert connection.status == "active"
    assert connection.next_poll_at is not None


def test_retrying_a_revoked_connection_says_why_not(
    person: Client, connection: ProviderConnection
) -> None:
    person.post(f"{PAGE}{connection.public_id}/revoke/")

    answer = person.post(f"{PAGE}{connection.public_id}/resume/", follow=True)

    assert "connect it anew" in text_of(answer)


@pytest.mark.usefixtures("meters")
def test_replacing_a_dead_key_on_the_page_goes_on_with_the_same_history(
    person: Client, connection: ProviderConnection
) -> None:
    ProviderConnection.objects.update(status="error", failure_kind="auth")
    replaced = {"api_key": KEYS[connection.provider]}

    answer = person.post(f"{PAGE}{connection.public_id}/rotate-key/", replaced, follow=True)

    assert "has its new key" in text_of(answer)
    connection.refresh_from_db()
    assert (connection.status, connection.failure_kind) == ("active", "")


@pytest.mark.usefixtures("meters")
def test_a_new_key_that_the_provider_refuses_changes_nothing(
    person: Client, connection: ProviderConnection
) -> None:
    sealed = connection.sealed_key

    person.post(f"{PAGE}{connection.public_id}/rotate-key/", {"api_key": "sk-admin-unknown"})

    connection.refresh_from_db()
    assert connection.sealed_key == sealed


@pytest.mark.parametrize(
    "action", ["revoke", "resume", "pause", "poll", "validate", "rotate-key", "elope"]
)
def test_another_workspaces_connection_is_404_and_stays(
    person: Client, theirs: Workspace, action: str
) -> None:
    foreign = connected(theirs)

    assert person.post(f"{PAGE}{foreign.public_id}/{action}/").status_code == 404

    foreign.refresh_from_db()
    assert foreign.status == "active"


def test_an_unknown_action_is_404(person: Client, connection: ProviderConnection) -> None:
    assert person.post(f"{PAGE}{connection.public_id}/elope/").status_code == 404


@pytest.mark.parametrize(("role", "allowed"), [("admin", 302), ("member", 403), ("auditor", 403)])
def test_only_owners_and_admins_change_connections(
    person: Client, workspace: Workspace, connection: ProviderConnection, role: str, allowed: int
) -> None:
    user = UserFactory.create()
    MembershipFactory.create(workspace=workspace, user=user, role=role)
    person.force_login(user)

    assert person.get(PAGE).status_code == 200
    answer = person.post(f"{PAGE}{connection.public_id}/revoke/")

    assert answer.status_code == allowed
    connection.refresh_from_db()
    assert (connection.status == "revoked") is (allowed == 302)
