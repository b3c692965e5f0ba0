"""The public catalogue: every factor that is calculated with, for everybody to read."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from apps.emissions import services
from apps.emissions.models import FactorSet

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
MODELS, FACTORS = "/api/v1/models", "/api/v1/factors"

pytestmark = pytest.mark.django_db


@pytest.fixture
def current(catalogue: dict[str, Any]) -> FactorSet:
    result = services.seed_factor_set(catalogue, publish=True, now=NOW)
    return FactorSet.objects.get(pk=result.factor_set_id)


def test_anybody_reads_every_model_row_in_order_of_priority(
    api: Callable[..., Any], catalogue: dict[str, Any], current: FactorSet
) -> None:
    answer = api().get(MODELS).json()

    assert (answer["version"], answer["sha256"]) == ("2026.11.1", current.sha256)
    assert answer["models"] == catalogue["models"]
    assert "resolved" not in answer


@pytest.mark.parametrize(
    ("search", "resolved"),
    [
        ("gpt-4o", ("gpt-4o", "gpt-4o*", True, "large")),
        (
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ("claude-sonnet-4-5-20250929", "claude-sonnet-4*", True, "large"),
        ),
        ("My-New-Nano", ("my-new-nano", "*nano*", False, "small")),
    ],
)
@pytest.mark.usefixtures("current")
def test_a_search_says_which_row_a_name_is_calculated_with(
    api: Callable[..., Any], search: str, resolved: tuple[str, str, bool, str]
) -> None:
    answer = api().get(MODELS, {"search": search}).json()

    names = ("normalized", "pattern", "model_found", "tier")
    assert answer["resolved"] == {"name": search, **dict(zip(names, resolved, strict=True))}
    assert resolved[1] in {row["pattern"] for row in answer["models"]}


@pytest.mark.usefixtures("current")
def test_a_search_shows_the_rows_that_contain_it(api: Callable[..., Any]) -> None:
    by_name = api().get(MODELS, {"search": "GPT-4o"}).json()["models"]
    by_provider = api().get(MODELS, {"search": "mistral"}).json()["models"]

    assert [row["pattern"] for row in by_name] == ["gpt-4o-mini*", "chatgpt-4o*", "gpt-4o*"]
    assert {row["provider"] for row in by_provider} >= {"mistral"}
    assert len(by_provider) > 20


@pytest.mark.parametrize("query", [{"search": ""}, {"search": "x" * 201}, {"find": "gpt-4o"}])
@pytest.mark.usefixtures("current")
def test_a_search_that_makes_no_sense_is_refused(
    api: Callable[..., Any], query: dict[str, str]
) -> None:
    assert api().get(MODELS, query).status_code == 400


def test_the_versions_are_listed_and_the_current_one_is_marked(
    api: Callable[..., Any], current: FactorSet, newer: dict[str, Any]
) -> None:
    services.seed_factor_set(newer, publish=True, now=NOW)
    services.seed_factor_set(newer | {"version": "2027.1.1"}, publish=False, now=NOW)

    newest, oldest = api().get(FACTORS).json()["factor_sets"]

    assert (newest["version"], newest["is_current"]) == ("2026.12.1", True)
    assert oldest == {
        "version": "2026.11.1",
        "sha256": current.sha256,
        "effective_from": "2026-11-20",
        "published_at": "2026-11-21T09:00:00Z",
        "is_current": False,
        "counts": {
            "coefficients": 45,
            "models": 455,
            "operators": 103,
            "operator_aliases": 69,
            "grid": 210,
            "embodied": 16,
            "sources": 10,
        },
    }


@pytest.mark.parametrize("version", ["2026.11.1", "current"])
def test_a_version_is_answered_with_the_bytes_of_its_digest(
    api: Callable[..., Any], catalogue: dict[str, Any], current: FactorSet, version: str
) -> None:
    response = api().get(f"{FACTORS}/{version}")

    assert response.json() == catalogue
    assert hashlib.sha256(response.content).hexdigest() == current.sha256
    assert response.headers["ETag"] == f'"{current.sha256}"'


@pytest.mark.parametrize("version", ["2026.12.1", "2030.1.1", "latest", "*"])
@pytest.mark.usefixtures("current")
def test_a_draft_or_an_unknown_version_is_not_found(
    api: Callable[..., Any], newer: dict[str, Any], version: str
) -> None:
    services.seed_factor_set(newer, publish=False, now=NOW)

    response = api().get(f"{FACTORS}/{version}")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "factor_set_not_found"


def test_before_anything_is_published_there_is_nothing_to_read(api: Callable[..., Any]) -> None:
    assert api().get(FACTORS).json() == {"factor_sets": []}
    assert api().get(f"{FACTORS}/current").json()["error"]["code"] == "factor_set_not_found"
    assert api().get(MODELS).json()["error"]["code"] == "no_current_factors"


@pytest.mark.parametrize(
    ("path", "cache_control"),
    [
        (MODELS, "public, max-age=300"),
        (f"{MODELS}?search=gpt-4o", "public, max-age=300"),
        (FACTORS, "public, max-age=300"),
        (f"{FACTORS}/current", "public, max-age=300"),
        (f"{FACTORS}/2026.11.1", "public, max-age=31536000, immutable"),
    ],
)
@pytest.mark.usefixtures("current")
def test_what_did_not_change_is_not_sent_again(
    api: Callable[..., Any], path: str, cache_control: str
) -> None:
    first = api().get(path)
    again = api().get(path, headers={"If-None-Match": first.headers["ETag"]})
    other = api().get(path, headers={"If-None-Match": '"older"'})

    assert (first.status_code, again.status_code, other.status_code) == (200, 304, 200)
    assert again.content == b""
    for response in (first, again):
        assert response.headers["Cache-Control"] == cache_control
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["ETag"] == first.headers["ETag"]


@pytest.mark.usefixtures("current")
def test_a_new_current_set_is_seen_at_once(api: Callable[..., Any], newer: dict[str, Any]) -> None:
    before = {path: api().get(path) for path in (MODELS, FACTORS, f"{FACTORS}/current")}

    services.seed_factor_set(newer, publish=True, now=NOW)

    for path, old in before.items():
        fresh = api().get(path, headers={"If-None-Match": old.headers["ETag"]})
        assert fresh.status_code == 200
        assert fresh.content != old.content
    assert json.loads(api().get(MODELS).content)["version"] == "2026.12.1"


@pytest.mark.usefixtures("current")
def test_the_document_is_read_once(
    api: Callable[..., Any], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    paths = (MODELS, FACTORS, f"{FACTORS}/2026.11.1", f"{FACTORS}/current")
    for path in paths:
        api().get(path)

    for path in paths:
        with django_assert_num_queries(1) as asked:
            api().get(path)
        assert '"document"' not in asked[0]["sql"]


@pytest.mark.parametrize("path", [MODELS, FACTORS, f"{FACTORS}/current"])
def test_a_script_of_another_site_may_ask_and_nobody_may_write(
    api: Callable[..., Any], path: str
) -> None:
    preflight = api().options(path, headers={"Origin": "https://example.com"})

    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    assert api().post(path, {}).status_code == 405
