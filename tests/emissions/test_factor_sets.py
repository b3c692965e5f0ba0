"""Storing and publishing factor sets, and what the database itself refuses."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries

from apps.emissions import selectors, services
from apps.emissions.calc.usage import TokenUsage
from apps.emissions.errors import (
    CatalogueError,
    FactorSetNotFoundError,
    FactorVersionTakenError,
    NoCurrentFactorsError,
)
from apps.emissions.models import FactorSet
from apps.emissions.services.factor_sets import document_sha256

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


pytestmark = pytest.mark.django_db


def published(document: dict[str, Any]) -> FactorSet:
    result = services.seed_factor_set(document, publish=True, now=NOW)
    return FactorSet.objects.get(pk=result.factor_set_id)


def test_seeding_twice_stores_one_set(catalogue: dict[str, Any]) -> None:
    first = services.seed_factor_set(catalogue, publish=True, now=NOW)
    again = services.seed_factor_set(catalogue, publish=True, now=LATER)

    stored = FactorSet.objects.get()
    assert (first.is_new, first.is_published_now) == (True, True)
    assert (again.is_new, again.is_published_now) == (False, False)
    assert (stored.created_at, stored.published_at) == (NOW, NOW)


def test_a_seed_without_publishing_is_a_draft_that_can_be_published_later(
    catalogue: dict[str, Any],
) -> None:
    services.seed_factor_set(catalogue, publish=False, now=NOW)
    draft = FactorSet.objects.get()
    services.seed_factor_set(catalogue, publish=True, now=LATER)

    assert (draft.status, draft.is_current, draft.published_at) == ("draft", False, None)
    assert FactorSet.objects.get().published_at == LATER


def test_the_same_version_with_other_content_is_a_conflict(
    catalogue: dict[str, Any], newer: dict[str, Any]
) -> None:
    published(catalogue)
    newer["version"] = catalogue["version"]

    with pytest.raises(FactorVersionTakenError):
        services.seed_factor_set(newer, publish=True, now=LATER)

    assert FactorSet.objects.get().document == catalogue


def test_a_broken_document_is_not_stored(catalogue: dict[str, Any]) -> None:
    with pytest.raises(CatalogueError):
        services.seed_factor_set(catalogue | {"models": []}, publish=True, now=NOW)
    with pytest.raises(CatalogueError):
        services.seed_factor_set(catalogue | {"effective_from": "soon"}, publish=True, now=NOW)

    assert not FactorSet.objects.exists()


def test_the_digest_survives_the_database(catalogue: dict[str, Any]) -> None:
    stored = published(catalogue)

    assert document_sha256(stored.document) == stored.sha256


def test_publishing_moves_current_and_seeding_the_old_one_does_not_move_it_back(
    catalogue: dict[str, Any], newer: dict[str, Any]
) -> None:
    published(catalogue)
    assert selectors.current_factors().version == "2026.11.1"

    published(newer)
    assert selectors.current_factors().version == "2026.12.1"

    services.seed_factor_set(catalogue, publish=True, now=LATER)
    assert selectors.current_factors().version == "2026.12.1"
    assert selectors.current_factors().document.coefficients.server_factor == 1.7
    assert selectors.factors_by_version("2026.11.1").document.coefficients.server_factor == 1.6


def test_publishing_an_older_set_makes_it_current_again(
    catalogue: dict[str, Any], newer: dict[str, Any]
) -> None:
    old = published(catalogue)
    published(newer)

    services.publish_factor_set(old.id, now=LATER)

    assert FactorSet.objects.get(is_current=True).version == "2026.11.1"
    assert FactorSet.objects.get(pk=old.id).published_at == NOW


def test_publishing_an_unknown_set_is_not_found() -> None:
    with pytest.raises(FactorSetNotFoundError):
        services.publish_factor_set(1, now=NOW)


def test_the_current_factors_cost_one_query_and_are_read_once(
    catalogue: dict[str, Any], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    published(catalogue)
    first = selectors.current_factors()

    with django_assert_num_queries(1):
        again = selectors.current_factors()
    assert again.document is first.document


def test_without_a_published_set_there_is_nothing_to_calculate_with(
    catalogue: dict[str, Any],
) -> None:
    services.seed_factor_set(catalogue, publish=False, now=NOW)

    with pytest.raises(NoCurrentFactorsError):
        selectors.current_factors()
    with pytest.raises(FactorSetNotFoundError):
        selectors.factors_by_version("2026.11.1")


def test_an_estimate_comes_with_its_explanation(catalogue: dict[str, Any]) -> None:
    published(catalogue)

    result, explanation = services.estimate("o3-mini", TokenUsage(1000, 0, 0, 500), country="FR")

    assert result.factor_version == explanation["factor_version"] == "2026.11.1"
    assert [notice.code for notice in result.warnings] == ["hidden_tokens"]
    assert explanation["results"]["co2e_grams"] == result.co2e_grams.as_dict()


def test_stated_reasoning_tokens_need_no_warning(catalogue: dict[str, Any]) -> None:
    published(catalogue)

    result, _ = services.estimate("o3-mini", TokenUsage(1000, 0, 0, 500, reasoning=400))

    assert result.warnings == ()


@pytest.mark.parametrize(
    "change",
    [
        {"version": "2026.11.2"},
        {"document": {}},
        {"sha256": "0" * 64},
        {"notes": "better"},
        {"effective_from": "2020-01-01"},
        {"created_at": LATER},
        {"published_at": LATER},
        {"status": "draft", "published_at": None, "is_current": False},
    ],
)
def test_the_database_refuses_to_change_a_published_set(
    catalogue: dict[str, Any], change: dict[str, Any]
) -> None:
    factor_set = published(catalogue)

    with pytest.raises(IntegrityError, match="cannot change"), transaction.atomic():
        FactorSet.objects.filter(pk=factor_set.pk).update(**change)


def test_the_database_refuses_to_delete_a_published_set(catalogue: dict[str, Any]) -> None:
    factor_set = published(catalogue)

    with pytest.raises(IntegrityError, match="cannot be deleted"), transaction.atomic():
        factor_set.delete()


def test_a_draft_may_be_changed_and_deleted(catalogue: dict[str, Any]) -> None:
    services.seed_factor_set(catalogue, publish=False, now=NOW)

    FactorSet.objects.update(notes="better")
    assert FactorSet.objects.get().notes == "better"
    assert FactorSet.objects.all().delete()[0] == 1


def test_the_database_refuses_a_second_current_set(
    catalogue: dict[str, Any], newer: dict[str, Any]
) -> None:
    old = published(catalogue)
    published(newer)

    with pytest.raises(IntegrityError, match="one_current"), transaction.atomic():
        FactorSet.objects.filter(pk=old.pk).update(is_current=True)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"is_current": True}, "current_is_published"),
        ({"status": "published"}, "published_has_time"),
        ({"status": "secret"}, "status_known|published_has_time"),
    ],
)
def test_the_database_refuses_a_draft_that_poses_as_more(
    catalogue: dict[str, Any], change: dict[str, Any], constraint: str
) -> None:
    services.seed_factor_set(catalogue, publish=False, now=NOW)

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        FactorSet.objects.update(**change)
