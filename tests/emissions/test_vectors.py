"""The golden vectors: no figure changes unseen, and the stored copy is what the engine says."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command

from apps.emissions import services
from apps.emissions.services import NEWEST
from apps.emissions.services.factor_sets import document_sha256
from apps.emissions.services.vectors import catalogue_vectors, golden_vectors
from tests.emissions.conftest import expected

NOW = datetime(2026, 11, 21, tzinfo=UTC)
STORED = json.loads((NEWEST / "vectors.json").read_text(encoding="utf-8"))
VECTORS = {vector["id"]: vector for vector in STORED["vectors"]}
INTERVALS = (
    "energy_kwh",
    "it_energy_kwh",
    "operational_co2e_grams",
    "embodied_co2e_grams",
    "co2e_grams",
    "market_based_co2e_grams",
    "water_litres",
)


@pytest.fixture(scope="module")
def answered() -> dict[str, dict[str, Any]]:
    return {vector["id"]: vector for vector in catalogue_vectors(NEWEST)["vectors"]}


def test_the_stored_vectors_are_of_this_factor_set(catalogue: dict[str, Any]) -> None:
    assert STORED["version"] == catalogue["version"]
    assert STORED["sha256"] == document_sha256(catalogue)


@pytest.mark.parametrize("name", VECTORS)
def test_the_engine_reproduces_a_stored_vector(
    answered: dict[str, dict[str, Any]], name: str
) -> None:
    stored, found = VECTORS[name], answered[name]

    assert found["input"] == stored["input"]
    assert list(found["output"]) == list(stored["output"])
    for field, value in stored["output"].items():
        exact = pytest.approx(value, rel=1e-12, abs=0) if field in INTERVALS else value
        assert found["output"][field] == exact, field


def test_no_vector_is_missing_or_twice(answered: dict[str, dict[str, Any]]) -> None:
    assert len(VECTORS) == len(STORED["vectors"])
    assert list(answered) == list(VECTORS)


@pytest.mark.parametrize("case", expected("worked_examples"), ids=lambda case: case["id"])
def test_the_worked_examples_are_among_the_vectors(case: dict[str, Any]) -> None:
    vector = VECTORS[case["id"]]

    assert vector["input"]["model"] == case["model"]
    assert vector["output"]["energy_kwh"] == pytest.approx(case["energy_kwh"], rel=1e-5)
    assert vector["output"]["co2e_grams"] == pytest.approx(case["co2e_grams"], rel=1e-5)


def test_the_vectors_reach_every_tier_grade_and_method() -> None:
    outputs = [vector["output"] for vector in VECTORS.values()]

    assert {output["tier"] for output in outputs} == {"reasoning", "large", "medium", "small"}
    assert {output["confidence"] for output in outputs} == {"measured", "benchmarked", "estimated"}
    assert {output["method"] for output in outputs} == {"token", "hardware"}
    assert {output["model_found"] for output in outputs} == {True, False}


def test_every_interval_of_a_vector_is_one() -> None:
    for vector in VECTORS.values():
        for name in INTERVALS:
            bounds = vector["output"][name]
            assert bounds["low"] <= bounds["central"] <= bounds["high"], (vector["id"], name)


@pytest.mark.django_db
def test_the_vectors_of_the_current_factor_set_are_the_stored_ones(
    catalogue: dict[str, Any],
) -> None:
    services.seed_factor_set(catalogue, publish=True, now=NOW)

    assert json.loads(json.dumps(golden_vectors(), allow_nan=False)) == STORED


def test_the_command_shows_what_is_stored(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("golden_vectors")

    assert json.loads(capsys.readouterr().out) == STORED
