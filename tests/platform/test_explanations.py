"""The pages about figures: any figure, its steps, and what it rests on, for people and programs."""

import copy
import html
import json
import math
import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from apps.emissions.calc.usage import TokenUsage
from apps.emissions.selectors import current_factors
from apps.emissions.services import NEWEST, estimate, load_catalogue, seed_factor_set
from tests.billing.usage import publish_factors
from tests.platform.markup import Page

pytestmark = [pytest.mark.django_db, pytest.mark.urls("carbon_platform.urls")]

EXPLAIN = "/methodology/explain"
ASKED: dict[str, Any] = {"model": "gpt-4o", "input": 1000, "output": 500, "country": "FR"}


@pytest.fixture(autouse=True)
def _factors() -> None:
    publish_factors()


def explained(client: Client, **question: Any) -> Any:
    return client.get(EXPLAIN, {**ASKED, **question, "format": "json"})


def page(client: Client, **question: Any) -> str:
    return html.unescape(client.get(EXPLAIN, {**ASKED, **question}).content.decode())


def grams(answer: Any) -> float:
    value: float = answer.json()["results"]["co2e_grams"]["central"]
    return value


def publish_another(version: str) -> None:
    """A newer set under which everything costs more."""
    document = copy.deepcopy(load_catalogue(NEWEST))
    document["version"] = version
    document["coefficients"]["server_factor"]["value"] = 3.2
    seed_factor_set(document, publish=True, now=datetime(2026, 2, 1, tzinfo=UTC))


def test_a_figure_is_shown_with_its_range_its_word_its_factors_and_every_step(
    client: Client,
) -> None:
    result, explanation = estimate("gpt-4o", TokenUsage(input=1000, output=500), country="FR")
    factors = current_factors()

    shown = page(client)

    assert f'title="{result.co2e_grams.central:.7g}'[:14] in shown
    assert result.confidence in shown
    assert f"/api/v1/factors/{factors.version}" in shown
    assert f">{factors.sha256[:12]}…" in shown
    for step in explanation["steps"]:
        assert f"{step['symbol']} = {step['formula']}" in shown
        assert step["numbers"] in shown
    for item in explanation["not_included"]:
        assert item in shown
    for source in explanation["sources"]:
        assert source["url"] in shown
    assert explanation["formula_with_numbers"] in shown


def test_the_same_as_json_is_the_explanation_and_any_site_may_read_it(client: Client) -> None:
    _, explanation = estimate("gpt-4o", TokenUsage(input=1000, output=500), country="FR")

    answer = explained(client)

    assert answer.json() == json.loads(json.dumps(explanation))
    assert answer["Access-Control-Allow-Origin"] == "*"


def test_the_permalink_names_the_factors_and_keeps_its_numbers_when_others_are_published(
    client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    link = client.get(EXPLAIN, ASKED).context["permalink"]
    before = client.get(f"{link}&format=json").json()

    with django_capture_on_commit_callbacks(execute=True):
        publish_another("2027.01.1")

    assert f"factors={before['factor_version']}" in link
    assert client.get(f"{link}&format=json").json() == before
    assert grams(explained(client)) > before["results"]["co2e_grams"]["central"] * 1.5
    assert client.get(link).context["factors"].version == before["factor_version"]


def test_what_the_reader_gives_decides_and_is_marked(client: Client) -> None:
    given = {"gco2e_per_kwh": 0.5, "pue": 1.01}

    shown = client.get(EXPLAIN, {**ASKED, **given, "duration_ms": 5})

    assert grams(explained(client, **given)) < grams(explained(client))
    assert [value for value, _ in shown.context["given"]] == [0.5, 1.01]
    assert "Given by the reader" in shown.content.decode()
    assert "Given by the reader" not in page(client)


def test_a_supply_contract_changes_the_market_based_figure_alone(client: Client) -> None:
    shown = page(client, tariff_gco2e_per_kwh=0)

    assert grams(explained(client, tariff_gco2e_per_kwh=0)) == grams(explained(client))
    assert "CO2e, market-based" in shown
    assert "CO2e, market-based" not in page(client)


def test_the_time_of_the_hardware_explains_itself_too(client: Client) -> None:
    question = {"method": "hardware", "duration_ms": 4000}

    slow, metered = explained(client, **question), explained(client, **question, power_watts=1)

    assert slow.json()["method"] == "hardware"
    assert grams(metered) < grams(slow)
    assert "This product, from the tokens" in page(client, **question)


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ({"model": ""}, "model"),
        ({"output": -1}, "output"),
        ({"output": 10**12 + 1}, "output"),
        ({"output": "many"}, "output"),
        ({"reasoning": 501}, "reasoning"),
        ({"requests": 0}, "requests"),
        ({"method": "guess"}, "method"),
        ({"method": "hardware"}, "duration_ms"),
        ({"batch": "perhaps"}, "batch"),
        ({"pue": 0.9}, "pue"),
        ({"gco2e_per_kwh": "nan"}, "gco2e_per_kwh"),
        ({"country": "F1"}, "country"),
        ({"model": "gpt\0"}, "model"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_at_its_field(
    client: Client, question: dict[str, Any], field: str
) -> None:
    refused, told = client.get(EXPLAIN, {**ASKED, **question}), explained(client, **question)

    assert (refused.status_code, told.status_code) == (400, 400)
    assert list(refused.context["form"].errors) == [field]
    assert list(told.json()["error"]["details"]["fields"]) == [field]
    assert told["Access-Control-Allow-Origin"] == "*"


def test_factors_that_nobody_published_are_not_found(client: Client) -> None:
    refused, told = (
        client.get(EXPLAIN, {**ASKED, "factors": "1999.1"}),
        explained(client, factors="1999.1"),
    )

    assert (refused.status_code, told.status_code) == (404, 404)
    assert told.json()["error"]["code"] == "factor_set_not_found"
    assert list(refused.context["form"].errors) == ["factors"]


def test_a_model_that_nobody_knows_is_explained_with_a_warning(client: Client) -> None:
    shown = page(client, model="no-such-model-<b>")

    assert "is not in the catalogue" in shown
    assert "<b>" not in client.get(EXPLAIN, {**ASKED, "model": "<b>"}).content.decode()


def test_a_parameter_that_means_nothing_is_called_out(client: Client) -> None:
    assert 'Not understood and not used: <code class="break">ouput</code>' in page(client, ouput=7)


def test_without_a_question_the_page_asks_for_one(client: Client) -> None:
    empty = client.get(EXPLAIN)

    assert empty.status_code == 200
    assert "Explain a figure" in empty.content.decode()


def test_other_methods_stand_beside_on_one_scale(client: Client) -> None:
    shown = client.get(EXPLAIN, ASKED).context["comparison"]

    this, ecologits, flat = shown.rows
    assert (this.title, this.bounds is not None) == ("The figure above", True)
    assert ecologits.result.difference in page(client)
    assert flat.co2e is None or flat.bounds is None
    marks = [float(row.bar.mark) for row in shown.rows if row.bar]
    decades = [math.log10(row.co2e) for row in shown.rows if row.bar]
    steps = [
        (mark - marks[0]) / (decade - decades[0])
        for mark, decade in zip(marks[1:], decades[1:], strict=True)
    ]
    assert steps == pytest.approx([steps[0]] * len(steps), rel=0.01)
    assert all(0 <= mark <= 100 for mark in marks)


def test_no_tokens_at_all_are_nothing_and_not_an_error(client: Client) -> None:
    answer = client.get(EXPLAIN, {"model": "gpt-4o"})

    assert answer.status_code == 200
    assert answer.context["result"].co2e_grams.central == 0


def test_the_largest_question_has_an_answer(client: Client) -> None:
    counts = dict.fromkeys(("input", "cached_input", "cache_write", "output"), 10**12)

    assert client.get(EXPLAIN, {**ASKED, **counts}).status_code == 200


def test_the_page_says_how_to_ask_the_api_the_same(client: Client) -> None:
    asked = {**ASKED, "cached_input": 20, "cache_write": 3}
    curl = client.get(EXPLAIN, asked).context["curl"]

    assert '"prompt_tokens": 1023, "completion_tokens": 500' in curl
    assert '"cached_tokens": 20, "cache_write_tokens": 3' in curl
    assert '"country": "FR"' in curl
    hostile = client.get(EXPLAIN, {**ASKED, "model": "a'; rm -rf /"}).context["curl"]
    assert """a'"'"'; rm""" in hostile


@pytest.mark.parametrize(
    "changes",
    [
        {"cached_input": 200, "cache_write": 30, "reasoning": 40, "requests": 3},
        {"country": "FRA", "provider": "aws", "region": "eu-west-3"},
        {"gco2e_per_kwh": 17.5, "batch": 1},
        {"method": "hardware", "duration_ms": 2500, "power_watts": 700},
    ],
)
def test_the_api_answers_the_same_and_leads_back_here(
    client: Client, api: Callable[..., Any], changes: dict[str, Any]
) -> None:
    page = client.get(EXPLAIN, {**ASKED, **changes})
    body = shlex.split(page.context["curl"])[-1]

    answered = api().post("/api/v1/estimate", json.loads(body)).json()

    shown = page.context["result"].co2e_grams.as_dict()
    assert answered["co2e_grams"] == pytest.approx(shown)
    back = client.get(answered["explanation_url"]).context["result"]
    assert back.co2e_grams.as_dict() == pytest.approx(shown)


def test_the_method_is_told_with_the_factors_in_force(client: Client) -> None:
    factors = current_factors()

    shown = html.unescape(client.get("/methodology/").content.decode())

    assert factors.sha256 in shown
    assert factors.document.effective_from in shown
    for file in factors.document.sources:
        assert file.attribution in shown
        assert file.licence in shown
    for word in ("measured", "benchmarked", "estimated"):
        assert f">{word}</span>" in shown


def test_the_golden_vectors_are_there_for_everybody(client: Client) -> None:
    answer = client.get("/methodology/vectors")

    assert answer.json()["sha256"] == current_factors().sha256
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?model=",
        "/methodology/",
        EXPLAIN,
        f"{EXPLAIN}?model=gpt-4o&input=9&output=5&gco2e_per_kwh=3",
        f"{EXPLAIN}?model=gpt-4o&output=-5",
    ],
)
def test_the_pages_are_sound_without_scripts_and_ask_no_other_site(
    client: Client, path: str
) -> None:
    text = client.get(path).content.decode()

    found = Page.read(text)

    assert found.faults == []
    assert found.heading_levels[0] == 1
    assert found.heading_levels.count(1) == 1
    assert all(
        b - a <= 1 for a, b in zip(found.heading_levels, found.heading_levels[1:], strict=False)
    )
    assert found.unlabelled == []
    assert found.bare_headers == []
    assert found.foreign == []
    assert not re.search(r"<script|style=|\{[{%]", text)
