"""The operator's pages: tables to read, one action to publish."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from apps.emissions import services
from apps.emissions.models import FactorSet

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)

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
    page = operator.get(reverse("admin:emissions_factorset_changelist")).content.decode()

    assert "2026.11.1" in page
    assert draft.sha256[:12] in page
    assert draft.sha256 not in page
    assert "811" in page  # 455 models, 103 operators, 210 countries, 43 coefficients


def test_the_tables_are_escaped_html(operator: Client, draft: FactorSet) -> None:
    page = operator.get(page_of(draft)).content.decode()

    assert "<td>o1-mini*</td>" in page
    assert "<td>aws:eu-west-1</td>" in page
    assert "<td>France</td>" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page


def test_nothing_can_be_edited_or_deleted(operator: Client, draft: FactorSet) -> None:
    edited = operator.post(page_of(draft), {"version": "2030.1.1"})
    deleted = operator.post(page_of(draft).replace("change", "delete"), {"post": "yes"})

    assert (edited.status_code, deleted.status_code) == (403, 403)
    assert FactorSet.objects.get().version == "2026.11.1"


def test_the_action_publishes(operator: Client, draft: FactorSet) -> None:
    response = operator.post(
        reverse("admin:emissions_factorset_changelist"),
        {"action": "publish", "_selected_action": [draft.pk]},
        follow=True,
    )

    assert "2026.11.1 is current." in response.content.decode()
    assert FactorSet.objects.get().is_current


def test_a_reader_without_the_permission_is_not_offered_to_publish(
    client: Client, draft: FactorSet
) -> None:
    reader = User.objects.create_user("reader", is_staff=True)
    permissions = reader.user_permissions
    permissions.add(*permissions.model.objects.filter(codename="view_factorset"))
    client.force_login(reader)
    page = reverse("admin:emissions_factorset_changelist")

    client.post(page, {"action": "publish", "_selected_action": [draft.pk]})

    assert client.get(page).status_code == 200
    assert FactorSet.objects.get().status == "draft"
