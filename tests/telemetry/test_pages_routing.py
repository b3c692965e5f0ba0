"""The projects page: where usage goes, and which reports of it count."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.conf import settings as configured
from django.test import Client

from apps.telemetry import tasks
from apps.telemetry.models import ProviderConnection, RoutingRule, SourceOfRecord
from apps.workspaces.models import Project, Workspace
from tests.factories import ProjectFactory, new_key
from tests.telemetry.metering import connected
from tests.telemetry.page_text import rule, sheet, signed_in, text_of, twice

RULES = "/dashboard/routing-rules/"
PAGE = "/dashboard/projects/"
OPENAI = "/dashboard/sources-of-record/openai/"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_half_past_ten")]


@pytest.fixture
def person(workspace: Workspace) -> Client:
    return signed_in(workspace, "owner")


def waiting_tasks() -> int:
    """What the worker was asked for."""
    with redis.Redis.from_url(configured.CELERY_BROKER_URL) as broker:
        return int(broker.llen("celery"))


def test_a_rule_is_stated_shown_and_deleted(
    person: Client, connection: ProviderConnection, search: Project
) -> None:
    looked_at = f"{connection.public_id}:project_id"

    page = text_of(person.post(RULES, rule(search, looked_at=looked_at, value="p_1"), follow=True))

    stated = RoutingRule.objects.get()
    assert (stated.connection, stated.dimension, stated.project) == (
        connection,
        "project_id",
        search,
    )
    assert "New usage of p_1 goes to Search" in page
    assert re.search(r"Our openai<br>.*?project_id</td>.*?p_1</span></td>.*?Search</td>", page)
    page = text_of(person.post(f"{RULES}{stated.public_id}/delete/", follow=True))
    assert "has ended" in page
    assert not RoutingRule.objects.exists()


def test_the_choices_are_what_each_connection_and_pushed_usage_can_be_ruled_by(
    person: Client, workspace: Workspace, connection: ProviderConnection, search: Project
) -> None:
    gone = connected(workspace, "anthropic")
    ProviderConnection.objects.filter(pk=gone.pk).update(status="revoked", sealed_key=None)
    strange = connected(workspace, "openrouter")
    ProviderConnection.objects.filter(pk=strange.pk).update(provider="no longer known")

    page = text_of(person.get(PAGE))

    offered = re.findall(r'<option value="([^":]*):(\w+)">', page)
    assert {public_id for public_id, _ in offered} == {"", connection.public_id}
    assert [name for public_id, name in offered if not public_id] == ["session_id", "customer"]
    assert (connection.public_id, "project_id") in offered
    assert f'<option value="{search.public_id}">Search</option>' in page


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"looked_at": ":model"}, 400, "not one of the available choices"),
        ({"looked_at": ""}, 400, "required"),
        ({"value": ""}, 400, "required"),
        ({"value": "a\0b"}, 400, "Null characters"),
        ({"project_id": "x"}, 400, "not one of the available choices"),
        ({"value": "there"}, 409, "There is a rule for this value already"),
    ],
    ids=str,
)
def test_a_rule_that_is_refused_is_said_beside_the_form(
    person: Client, search: Project, changes: dict[str, str], status: int, words: str
) -> None:
    person.post(RULES, rule(search, value="there"))

    answer = person.post(RULES, rule(search, **changes))

    assert answer.status_code == status
    assert words in sheet(text_of(answer), "Where usage goes")
    assert RoutingRule.objects.count() == 1


def test_another_workspaces_rule_connection_and_project_are_not_there(
    person: Client, theirs: Workspace, search: Project
) -> None:
    foreign = ProjectFactory.create(workspace=theirs)
    stranger = signed_in(theirs, "admin")
    stranger.post(RULES, rule(foreign))
    stated = RoutingRule.objects.get()
    looked_at = f"{connected(theirs).public_id}:model"

    for public_id in (stated.public_id, "%00"):
        assert person.post(f"{RULES}{public_id}/delete/").status_code == 404
    assert person.post(RULES, rule(foreign)).status_code == 400
    assert person.post(RULES, rule(search, looked_at=looked_at)).status_code == 400
    assert RoutingRule.objects.count() == 1
    assert "acme" not in text_of(person.get(PAGE))


def test_what_counts_is_asked_for_declared_applied_and_unsaid(
    person: Client, workspace: Workspace, connection: ProviderConnection
) -> None:
    twice(workspace, connection)

    page = sheet(text_of(person.get(PAGE)), "What counts")
    assert "possibly counted twice" in page
    assert ">3.5 k</data> tokens were pushed" in page
    assert ">1.5 k</data> read from its meter" in page
    assert "everything that arrives" not in page

    page = text_of(person.post(OPENAI, {"counted": "connection"}, follow=True))
    assert "what is stored within minutes" in page
    assert "being applied" in page
    page = sheet(page, "What counts")
    assert "Counted: what the provider's meter reports." in page
    assert "declared by owner@example.com, 18 Nov 2026, 10:30 UTC" in page
    assert "possibly counted twice" not in page
    assert SourceOfRecord.objects.get().counted == "connection"
    assert waiting_tasks() == 1

    tasks.apply_source_of_record(workspace.pk)
    page = sheet(text_of(person.get(PAGE)), "What counts")
    assert "being applied" not in page
    assert "applied</span>" in page

    person.post(OPENAI, {"counted": "everything"})
    assert not SourceOfRecord.objects.exists()


def test_a_declaration_by_a_key_names_the_key(
    person: Client, api: Callable[..., Any], workspace: Workspace
) -> None:
    program = api(new_key(workspace, name="Deploy"))
    program.put("/api/v1/sources-of-record/openai", {"counted": "pushed"})

    assert "declared by the key Deploy" in text_of(person.get(PAGE))


@pytest.mark.parametrize(
    ("provider", "counted", "words"),
    [
        ("openai", "both", "Choose which reports count"),
        ("openai", "", "Choose which reports count"),
        ("nobody", "pushed", "Only of providers that can be connected"),
        ("openai", "everything", "Nothing is declared"),
    ],
)
def test_what_is_no_declaration_is_said_and_changes_nothing(
    person: Client, provider: str, counted: str, words: str
) -> None:
    url = f"/dashboard/sources-of-record/{provider}/"

    assert words in text_of(person.post(url, {"counted": counted}, follow=True))
    assert not SourceOfRecord.objects.exists()
