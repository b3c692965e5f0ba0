"""The budgets page: how the month stands, keeping one through the form, archiving, who may."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.telemetry.models import AlertDelivery, Budget
from apps.telemetry.services.budget_alerts import check_budgets
from apps.telemetry.services.budgets import reveal_webhook_secret
from apps.workspaces.models import Workspace
from tests.factories import MembershipFactory, ProjectFactory, UserFactory, new_key
from tests.telemetry.budgets.keeping import HOOK, NOW, kept, use

pytestmark = pytest.mark.usefixtures("at_half_past_ten")
PAGE = "/dashboard/budgets/"
FORM = {
    "name": "Inference",
    "project_id": "",
    "monthly_amount": "12.5",
    "unit": "energy_kwh",
    "thresholds": "50, 100",
    "emails": "a@example.com, b@example.com",
    "webhook_url": "",
}


@pytest.fixture
def person(workspace: Workspace) -> Client:
    client = Client()
    client.force_login(MembershipFactory.create(workspace=workspace).user)
    return client


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_without_budgets_the_page_offers_the_form(person: Client) -> None:
    page = text_of(person.get(PAGE))

    assert "No budget is kept yet" in page
    assert "None in the last two weeks" in page
    assert f'href="{PAGE}" aria-current="page"' in page


def test_a_budget_shows_its_range_percent_forecast_and_who_was_told(
    person: Client, client: Any, workspace: Workspace
) -> None:
    kept(client, thresholds=[80], emails=["a@example.com", "b@example.com"], webhook_url=HOOK)
    use(workspace, 900)
    check_budgets(now=NOW)
    first, second, third = AlertDelivery.objects.order_by("pk")
    AlertDelivery.objects.filter(pk=first.pk).update(delivered_at=NOW, next_attempt_at=None)
    AlertDelivery.objects.filter(pk=second.pk).update(attempts=8, next_attempt_at=None)
    AlertDelivery.objects.filter(pk=third.pk).update(attempts=2, last_error="It answered 500.")

    page = text_of(person.get(PAGE))

    for shown in ("900 g", "90.0 %", "45.0 to 180.0 %", "450 to 1,800 g", "1 kg", "80 %"):
        assert shown in page
    for shown in ("told 18 Nov 10:30", "given up", "tried 2 times", "It answered 500."):
        assert shown in page
    assert 'class="range"' in page


@pytest.mark.parametrize(
    ("grams", "word"), [(0, "within"), (900, "likely to be passed"), (1000, "used up")]
)
def test_how_it_stands_is_said_in_a_word(
    person: Client, client: Any, workspace: Workspace, grams: int, word: str
) -> None:
    kept(client)
    use(workspace, grams, NOW - timedelta(days=1))

    assert word in text_of(person.get(PAGE))


def test_unusual_days_are_hinted_at(person: Client, workspace: Workspace) -> None:
    for number in range(1, 9):
        use(workspace, 1000, NOW - timedelta(weeks=number))
    use(workspace, 5000)

    page = text_of(person.get(PAGE))

    assert "Wednesday, 18 Nov" in page
    assert "until now" in page


def test_a_budget_is_kept_through_the_form(person: Client, workspace: Workspace) -> None:
    project = ProjectFactory.create(workspace=workspace)

    answer = person.post(PAGE, FORM | {"project_id": str(project.public_id)}, follow=True)

    assert answer.redirect_chain == [(PAGE, 302)]
    budget = Budget.objects.get()
    assert (budget.name, budget.project, budget.unit) == ("Inference", project, "energy_kwh")
    assert (budget.thresholds, budget.emails) == ([50, 100], ["a@example.com", "b@example.com"])
    assert "12.5 kWh" in text_of(answer)


def test_a_webhooks_secret_is_shown_in_the_answer_alone(person: Client) -> None:
    answer = person.post(PAGE, FORM | {"webhook_url": HOOK})

    secret = reveal_webhook_secret(Budget.objects.get()).reveal()
    assert secret in answer.content.decode().replace("&#x3D;", "=")
    assert secret not in text_of(person.get(PAGE))
    assert secret not in str(person.cookies)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"name": ""}, 400),
        ({"monthly_amount": "0"}, 400),
        ({"monthly_amount": "NaN"}, 400),
        ({"thresholds": "fifty"}, 400),
        ({"thresholds": "100, 50"}, 400),
        ({"emails": "nobody"}, 400),
        ({"webhook_url": "https://127.0.0.1/"}, 400),
        ({"unit": "t"}, 400),
        ({"project_id": "6f1b9d4e-0000-4000-8000-000000000000"}, 400),
    ],
)
def test_what_the_form_refuses_is_said_beside_it(
    person: Client, changes: dict[str, str], status: int
) -> None:
    answer = person.post(PAGE, FORM | changes)

    assert answer.status_code == status
    assert "errorlist" in text_of(answer)
    assert not Budget.objects.exists()


def test_a_name_that_is_taken_is_409(person: Client) -> None:
    person.post(PAGE, FORM)

    assert person.post(PAGE, FORM).status_code == 409


def test_names_cannot_carry_markup(person: Client, client: Any) -> None:
    kept(client, name="<script>alert(1)</script>")

    assert "<script>alert(1)" not in text_of(person.get(PAGE))


def test_archiving_takes_it_off_the_page(person: Client, client: Any) -> None:
    body = kept(client)

    answer = person.post(f"{PAGE}{body['id']}/archive/", follow=True)

    assert "Inference is archived" in text_of(answer)
    assert "No budget is kept yet" in text_of(answer)


def test_another_secret_is_made_and_shown_once(person: Client, client: Any) -> None:
    body = kept(client, webhook_url=HOOK)

    answer = person.post(f"{PAGE}{body['id']}/rotate-secret/")

    secret = reveal_webhook_secret(Budget.objects.get()).reveal()
    assert secret != body["webhook_secret"]
    assert secret in answer.content.decode().replace("&#x3D;", "=")


def test_what_cannot_be_done_is_said(person: Client, client: Any) -> None:
    body = kept(client)

    answer = person.post(f"{PAGE}{body['id']}/rotate-secret/", follow=True)

    assert "This budget has no webhook" in text_of(answer)


@pytest.mark.parametrize("action", ["archive", "rotate-secret", "elope"])
def test_another_workspaces_budget_is_404_and_stays(
    person: Client, api: Callable[..., Any], theirs: Workspace, action: str
) -> None:
    foreign = kept(api(new_key(theirs)), webhook_url=HOOK)

    assert person.post(f"{PAGE}{foreign['id']}/{action}/").status_code == 404
    assert Budget.objects.get().archived_at is None


@pytest.mark.parametrize(("role", "status"), [("member", 302), ("auditor", 403)])
def test_members_write_and_auditors_read(
    person: Client, client: Any, workspace: Workspace, role: str, status: int
) -> None:
    user = UserFactory.create()
    MembershipFactory.create(workspace=workspace, user=user, role=role)
    person.force_login(user)
    body = kept(client)

    page = text_of(person.get(PAGE))

    assert ("Keep a budget" in page) is ("Archive Inference" in page) is (status == 302)
    assert person.post(PAGE, FORM | {"name": "Other"}).status_code == status
    assert person.post(f"{PAGE}{body['id']}/archive/").status_code == status


@pytest.mark.parametrize("number", [1, 10])
def test_the_page_takes_the_same_queries_for_any_number(
    person: Client, client: Any, workspace: Workspace, number: int
) -> None:
    for index in range(number):
        kept(client, name=f"{index}")
    use(workspace, 900)
    check_budgets(now=NOW)

    with CaptureQueriesContext(database) as queries:
        person.get(PAGE)

    assert sum("telemetry_" in query["sql"] for query in queries) == 8
