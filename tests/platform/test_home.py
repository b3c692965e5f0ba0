"""The calculator: a figure with its range, where it is explained, and what others would say."""

from typing import Any

import pytest
from django.test import Client

from apps.emissions.calc.usage import TokenUsage
from apps.emissions.services import estimate
from tests.billing.usage import publish_factors

pytestmark = [pytest.mark.django_db, pytest.mark.urls("carbon_platform.urls")]

ASKED = {"model": "gpt-4o", "input_tokens": 1000, "output_tokens": 500}


@pytest.fixture(autouse=True)
def _factors() -> None:
    publish_factors()


def asked(client: Client, **changes: Any) -> Any:
    return client.get("/", {**ASKED, **changes})


def test_without_a_question_an_example_is_answered(client: Client) -> None:
    page = client.get("/")

    assert page.status_code == 200
    assert "Shown below: an example." in page.content.decode()


def test_the_figure_is_the_services_and_has_its_range(client: Client) -> None:
    result, _ = estimate("gpt-4o", TokenUsage(input=1000, output=500), country="FR")

    page = asked(client, country="fr")

    assert page.context["result"] == result
    assert page.content.decode().count("90 % interval") >= 1


def test_cached_tokens_are_a_part_of_the_input(client: Client) -> None:
    usage = TokenUsage(input=900, cached_input=100, output=500)

    assert asked(client, cached_tokens=100).context["result"] == estimate("gpt-4o", usage)[0]
    assert asked(client, cached_tokens=1001).status_code == 400


def test_the_figure_links_to_its_explanation_which_shows_the_same(client: Client) -> None:
    page = asked(client, cached_tokens=100, country="FR")

    explained = client.get(page.context["permalink"])

    assert explained.context["result"] == page.context["result"]
    assert page.context["permalink"].replace("&", "&amp;") in page.content.decode()


def test_other_methods_and_what_is_left_out_are_told(client: Client) -> None:
    page = asked(client)

    text = page.content.decode()
    assert [row.title for row in page.context["comparison"].rows] == [
        "The figure above",
        "EcoLogits",
        "carbon-llm, one coefficient a model",
    ]
    assert "EcoLogits" in text
    assert "training of the model" in text


@pytest.mark.parametrize(
    "changes",
    [{"model": ""}, {"input_tokens": -1}, {"output_tokens": "x"}, {"country": "France"}],
)
def test_a_question_that_makes_no_sense_is_refused_without_a_figure(
    client: Client, changes: dict[str, Any]
) -> None:
    page = asked(client, **changes)

    assert page.status_code == 400
    assert "result" not in page.context
