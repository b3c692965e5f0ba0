"""The projects page: what each used, changing projects, routing rules, and what counts."""

import re
from decimal import Decimal
from html import unescape

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.common.quantities import MASS, shown
from apps.telemetry.connectors.base import Account
from apps.telemetry.models import DayRollup, ProviderConnection, RoutingRule, SourceOfRecord
from apps.workspaces.models import Project, Workspace
from apps.workspaces.services import default_project
from apps.workspaces.services.projects import archive_project
from tests.factories import MembershipFactory, ProjectFactory
from tests.telemetry.metering import DAY, NOW, START, connected
from tests.telemetry.page_text import rule, sheet, signed_in, text_of, twice
from tests.telemetry.spread import push

PAGE = "/dashboard/projects/"
RULES = "/dashboard/routing-rules/"
OPENAI = "/dashboard/sources-of-record/openai/"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_half_past_ten")]


@pytest.fixture
def person(workspace: Workspace) -> Client:
    return signed_in(workspace, "owner")


def act(person: Client, project: Project, action: str, **body: str) -> str:
    return text_of(person.post(f"{PAGE}{project.public_id}/{action}/", body, follow=True))


def test_without_projects_the_page_offers_the_form(person: Client) -> None:
    page = text_of(person.get(PAGE))

    assert "No project is there yet" in page
    assert "No rule is stated" in page
    assert "everything counts" in page
    assert f'href="{PAGE}" aria-current="page"' in page


def test_a_project_shows_what_the_ledger_says(
    person: Client, workspace: Workspace, search: Project
) -> None:
    counts = {"input_uncached": 40_000, "input_cache_read": 9000, "input_cache_write": 300}
    push(workspace, NOW, search, cost_usd=Decimal("12.345"), **counts)
    push(workspace, NOW - 31 * DAY, search)
    push(workspace, NOW, search, is_test=True)
    stored = DayRollup.objects.get(is_test=False, day=START)
    other = ProjectFactory.create(workspace=workspace, name="Other")
    push(workspace, NOW, other)

    page = text_of(person.get(PAGE))

    mine = sheet(page, "Search")
    assert f">{shown(stored.co2e_grams, MASS)}</data>" in mine
    assert "90 % interval" in mine
    assert "$12.35" in mine or "$12.34" in mine
    for words in (">40 k</data> computed anew", ">9 k</data> read", ">300</data> written"):
        assert words in mine
    assert "not told" in sheet(page, "Other")
    assert page.index(">Search</h2>") < page.index(">Other</h2>")


def test_the_analytics_of_the_same_span_are_linked(
    person: Client, workspace: Workspace, search: Project
) -> None:
    push(workspace, NOW, search)

    link = re.search(r'href="(/api/v1/projects/[^"]+)"', person.get(PAGE).content.decode())

    assert link
    found = person.get(unescape(link[1])).json()
    assert found["project"]["name"] == "Search"
    assert found["time_range"]["start_time"].startswith("2026-10-20T00:00:00")
    assert found["total"]["output_tokens"] == 500


@pytest.mark.parametrize("number", [1, 12])
def test_the_page_takes_the_same_queries_for_any_number_of_projects(
    person: Client, workspace: Workspace, number: int
) -> None:
    for index in range(number):
        project = ProjectFactory.create(workspace=workspace, name=f"Project {index}")
        push(workspace, NOW, project, name=f"now {index}")
        connection = connected(workspace, name=f"{index}", account=Account(f"{index}", "Example"))
        push(workspace, NOW - 40 * DAY, project, name=f"then {index}")
        RoutingRule.objects.create(
            workspace=workspace,
            connection=connection,
            dimension="model",
            value="o3",
            project=project,
            created_at=NOW,
        )

    with CaptureQueriesContext(database) as queries:
        page = text_of(person.get(PAGE))

    assert page.count('<svg class="range"') == number
    assert page.count(">Delete<") == number
    product = ("telemetry_", "workspaces_project", "workspaces_auditevent")
    assert sum(any(name in one["sql"] for name in product) for one in queries) == 9


def test_a_project_is_created_renamed_made_the_default_archived_and_restored(
    person: Client, workspace: Workspace
) -> None:
    first = default_project(workspace, now=NOW)

    page = text_of(person.post(PAGE, {"name": " Search "}, follow=True))
    search = Project.objects.get(name="Search")
    assert "Search is there" in page
    assert "Search is called Find now" in act(person, search, "rename", name="Find")
    assert "Find takes what nothing sends" in act(person, search, "make-default")
    page = act(person, first, "archive")
    assert f"{first.name} is archived" in page
    assert "Archived projects (1)" in page
    page = act(person, first, "restore")

    assert "Archived projects" not in page
    states = Project.objects.order_by("pk").values_list("name", "is_default", "archived_at")
    assert list(states) == [(first.name, False, None), ("Find", True, None)]
    assert "default</span>" in sheet(page, "Find")
    assert "Make default" not in sheet(page, "Find")


def test_archived_projects_are_folded_and_take_no_rules(
    person: Client, workspace: Workspace, search: Project
) -> None:
    push(workspace, NOW, search)
    archive_project(search, actor="tests", now=NOW)
    ProjectFactory.create(workspace=workspace, name="Other")

    answer = person.get(PAGE)

    page = text_of(answer)
    folded = re.search(r"<details class=\"sheet archived\">.*?</details>", page)
    assert folded
    assert "Search" in folded[0]
    assert "archived 18 Nov 2026" in folded[0]
    assert "CO2e in 30 days" in folded[0]
    assert "Search" not in page.replace(folded[0], "")


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("", (400, "required")),
        ("x" * 121, (400, "at most 120")),
        ("a\0b", (400, "Null characters")),
        ("SEARCH", (409, "has this name already")),
    ],
    ids=["nothing", "long", "nul", "taken"],
)
def test_a_name_that_is_refused_is_said_beside_the_form_and_changes_nothing(
    person: Client, workspace: Workspace, search: Project, name: str, refusal: tuple[int, str]
) -> None:
    status, words = refusal
    other = ProjectFactory.create(workspace=workspace, name="Other")

    answer = person.post(PAGE, {"name": name})

    assert answer.status_code == status
    assert words in re.findall(r'<ul class="errorlist".*?</ul>', text_of(answer))[0]
    assert words in act(person, other, "rename", name=name)
    assert set(Project.objects.values_list("name", flat=True)) == {search.name, "Other"}


def test_what_usage_still_goes_to_is_not_archived(
    person: Client, workspace: Workspace, search: Project
) -> None:
    person.post(RULES, rule(search))

    assert "still send usage" in act(person, search, "archive")
    default = default_project(workspace, now=NOW)
    assert "Make another project the default" in act(person, default, "archive")
    assert not Project.objects.exclude(archived_at=None).exists()


@pytest.mark.parametrize("action", ["rename", "make-default", "archive", "restore", "elope"])
def test_another_workspaces_project_is_404_and_an_unknown_action_too(
    person: Client, theirs: Workspace, search: Project, action: str
) -> None:
    foreign = ProjectFactory.create(workspace=theirs, name="Foreign")

    for public_id in (foreign.public_id, "x"):
        answer = person.post(f"{PAGE}{public_id}/{action}/", {"name": "Mine"})
        assert answer.status_code == 404
    assert person.post(f"{PAGE}{search.public_id}/elope/").status_code == 404
    foreign.refresh_from_db()
    assert (foreign.name, foreign.is_default, foreign.archived_at) == ("Foreign", False, None)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("admin", (302, 302)), ("member", (302, 403)), ("auditor", (403, 403))],
)
def test_members_change_projects_and_rules_and_auditors_read_only(
    workspace: Workspace,
    connection: ProviderConnection,
    search: Project,
    role: str,
    allowed: tuple[int, int],
) -> None:
    writes, declares = allowed
    twice(workspace, connection)
    RoutingRule.objects.create(
        workspace=workspace, dimension="customer", value="x", project=search, created_at=NOW
    )
    stated, caller = RoutingRule.objects.get(), signed_in(workspace, role)

    page = text_of(caller.get(PAGE))

    own_forms = len(re.findall(r'<form [^>]*action="/dashboard/(?!sources)', page))
    assert (own_forms > 0) is (writes == 302)
    assert (f'action="{OPENAI}"' in page) is (declares == 302)
    for url, body in (
        (PAGE, {"name": "New"}),
        (f"{PAGE}{search.public_id}/rename/", {"name": "Found"}),
        (RULES, rule(search)),
        (f"{RULES}{stated.public_id}/delete/", {}),
    ):
        assert caller.post(url, body).status_code == writes
    assert caller.post(OPENAI, {"counted": "pushed"}).status_code == declares
    assert Project.objects.filter(name="New").exists() is (writes == 302)
    assert SourceOfRecord.objects.exists() is (declares == 302)


def test_forms_without_the_token_of_their_page_are_refused(
    workspace: Workspace, search: Project
) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(MembershipFactory.create(workspace=workspace).user)

    for url in (PAGE, f"{PAGE}{search.public_id}/archive/", RULES, OPENAI):
        assert careful.post(url, {"name": "New", "counted": "pushed"}).status_code == 403
    page = careful.get(PAGE).content.decode()
    assert page.count("<form") == page.count("csrfmiddlewaretoken")


def test_names_cannot_carry_markup(person: Client, workspace: Workspace) -> None:
    markup = "<script>alert(1)</script>"
    project = ProjectFactory.create(workspace=workspace, name=markup)
    connected(workspace, name=markup)
    person.post(RULES, rule(project, value=markup))

    page = person.get(PAGE).content.decode()

    assert markup not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 5
