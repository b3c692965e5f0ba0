"""The operator's pages: tables to read, one action to publish."""

import copy
import html
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse, reverse_lazy

from apps.emissions import services
from apps.emissions.models import FactorSet

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
LIST = reverse_lazy("admin:emissions_factorset_changelist")

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


@pytest.fixture
def draft(catalogue: dict[str, Any]) -> FactorSet:
    document = copy.deepcopy(catalogue)
    document["models"][0]["note"] = "<script>alert(1)</script>"
    services.seed_factor_set(document, publish=False, now=NOW)
    return FactorSet.objects.get()


def page_of(factor_set: FactorSet) -> str:
    return reverse("admin:emissions_factorset_change", args=[factor_set.pk])


def test_the_list_shows_version_rows_and_digest(operator: Client, draft: FactorSet) -> None:
    page = operator.get(LIST).content.decode()

    assert "2026.11.1" in page
    assert draft.sha256[:12] in page
    assert draft.sha256 not in page
    assert (
        "898" in page
    )  # 455 models, 103 operators, 69 aliases, 210 countries, 16 parts, 45 coefficients


def test_the_tables_are_escaped_html(operator: Client, draft: FactorSet) -> None:
    page = operator.get(page_of(draft)).content.decode()

    assert "<td>o1-mini*</td>" in page
    assert "<td>aws:eu-west-1</td>" in page
    assert "<td>France</td>" in page
    assert "<td>azure.ai.openai</td>" in page
    assert "<td>nvidia-l4</td>" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page


def test_nothing_can_be_edited_or_deleted(operator: Client, draft: FactorSet) -> None:
    edited = operator.post(page_of(draft), {"version": "2030.1.1"})
    deleted = operator.post(page_of(draft).replace("change", "delete"), {"post": "yes"})

    assert (edited.status_code, deleted.status_code) == (403, 403)
    assert FactorSet.objects.get().version == "2026.11.1"


def publish(operator: Client, *chosen: FactorSet, confirmed: str = "") -> str:
    """The page that the action answers with."""
    data = {"action": "publish", "_selected_action": [one.pk for one in chosen]}
    page = operator.post(LIST, data | ({"confirmed": confirmed} if confirmed else {}), follow=True)
    return html.unescape(page.content.decode())


def test_the_action_asks_first_and_then_publishes(operator: Client, draft: FactorSet) -> None:
    asked = publish(operator, draft)
    assert FactorSet.objects.get().status == "draft"
    assert "Publish 2026.11.1, and make it current?" in asked
    assert "models: 455 added" in asked

    done = publish(operator, draft, confirmed=draft.sha256)
    assert "2026.11.1 is current." in done
    assert FactorSet.objects.get().is_current


def test_a_draft_and_its_confirmation_show_what_would_change(
    operator: Client, draft: FactorSet, newer: dict[str, Any]
) -> None:
    services.publish_factor_set(draft.pk, now=NOW)
    services.seed_factor_set(newer, publish=False, now=NOW)
    next_one = FactorSet.objects.get(version="2026.12.1")
    line = "coefficients server_factor: value 1.6 -> 1.7 (source split of a Gemini prompt"

    pages = [
        html.unescape(operator.get(page_of(next_one)).content.decode()),
        publish(operator, next_one),
    ]

    for page in pages:
        assert line in page
        assert 'models o1-mini*: note "<script>' in page
        assert "grid: 0 added, 0 changed, 0 removed" in page
    assert "This is the current set." in operator.get(page_of(draft)).content.decode()
    assert FactorSet.objects.get(is_current=True) == draft


def test_a_confirmation_of_something_else_is_asked_again(
    operator: Client, draft: FactorSet
) -> None:
    page = publish(operator, draft, confirmed="0" * 64)

    assert "make it current?" in page
    assert FactorSet.objects.get().status == "draft"


@pytest.mark.usefixtures("draft")
def test_only_one_set_is_published_at_a_time(operator: Client, newer: dict[str, Any]) -> None:
    services.seed_factor_set(newer, publish=False, now=NOW)

    assert "Choose one factor set." in publish(operator, *FactorSet.objects.all())
    assert not FactorSet.objects.exclude(status="draft").exists()


def test_a_published_set_offers_no_way_to_change_it(operator: Client, draft: FactorSet) -> None:
    services.publish_factor_set(draft.pk, now=NOW)

    page = operator.get(page_of(draft)).content.decode()
    edited = operator.post(page_of(draft), {"notes": "better"})

    assert 'name="_save"' not in page
    assert "deletelink" not in page
    assert edited.status_code == 403


def test_a_reader_without_the_permission_is_not_offered_to_publish(
    client: Client, draft: FactorSet
) -> None:
    reader = User.objects.create_user("reader", is_staff=True)
    permissions = reader.user_permissions
    permissions.add(*permissions.model.objects.filter(codename="view_factorset"))
    client.force_login(reader)

    publish(client, draft, confirmed=draft.sha256)

    assert client.get(LIST).status_code == 200
    assert FactorSet.objects.get().status == "draft"
