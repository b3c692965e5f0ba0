"""The models page: the sums of each model, their bars and rates, the span, and the CSV."""

import csv
import io
import re
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.common.quantities import ENERGY, MASS, shown
from apps.telemetry.models import DayRollup, ProviderConnection
from apps.workspaces.models import Workspace
from tests.factories import MembershipFactory
from tests.telemetry.metering import DAY, NOW, bucket, row, take
from tests.telemetry.spread import push

PAGE = "/dashboard/models/"
NAMES = ("=1+1", "+1", "-1", "@sum", "\tx", "\rx", "'x", 'a,"b"')

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_half_past_ten")]


@pytest.fixture
def person(workspace: Workspace) -> Client:
    client = Client()
    client.force_login(MembershipFactory.create(workspace=workspace, role="auditor").user)
    return client


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())


def table_of(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))


def test_without_usage_the_page_says_what_to_do_first(person: Client) -> None:
    page = text_of(person.get(PAGE))

    assert "No model was used in these 30 days" in page
    assert '<a class="button" href="/dashboard/connections/">' in page
    assert f'href="{PAGE}" aria-current="page"' in page


def test_with_a_connection_and_no_usage_it_says_where_to_look(
    person: Client,
    connection: ProviderConnection,  # noqa: ARG001 - it is there
) -> None:
    page = text_of(person.get(PAGE))

    assert "An account is connected, and none of its usage falls into this span" in page
    assert 'href="?days=90">Look back' in page
    assert 'href="?days=90">Look back' not in text_of(person.get(PAGE, {"days": "90"}))


def test_a_row_says_what_the_ledger_says(person: Client, connection: ProviderConnection) -> None:
    heavy = row("gpt-4.1", 1_000_000, 2_000_000, input_cache_read=3_000, input_cache_write=4_000)
    take(connection, bucket(0, heavy, row("o3", 10, 20, requests=None)))
    stored = DayRollup.objects.get(model="gpt-4.1")
    rate = stored.co2e_grams * 1000 / 3_007_000

    answer = person.get(PAGE)

    page = text_of(answer)
    assert [one.usage.model for one in answer.context["models"]] == ["gpt-4.1", "o3"]
    assert f"{stored.co2e_grams.normalize():f} g CO2e" in page
    assert f">{shown(rate, MASS)}</data>" in page
    assert f">{shown(stored.energy_kwh, ENERGY)}</data>" in page
    for name, count in (("Uncached", "1 M"), ("Cache read", "3 k"), ("Cache written", "4 k")):
        assert re.search(rf"{name}</dt><dd class=\"num\"><data [^>]*>{count}<", page)
    for words in ("OpenAI", "estimated", "matches <code>gpt-4-1</code>", "tier", "not told"):
        assert words in page
    assert page.count('<svg class="range"') == 2


def test_shares_are_drawn_as_they_are_said_and_add_up(
    person: Client, connection: ProviderConnection
) -> None:
    take(connection, bucket(0, *(row(model, 1000, 500) for model in ("gpt-4.1", "o3", "x-1"))))

    page = text_of(person.get(PAGE))

    said = re.findall(r'class="part">([\d.]+) %<div', page)
    assert said == re.findall(r'class="a" width="([\d.]+)"', page)
    assert sum(map(Decimal, said)) == pytest.approx(Decimal(100), abs=Decimal("0.2"))


def test_an_explanation_calculates_the_figure_of_the_row(
    person: Client, connection: ProviderConnection
) -> None:
    take(connection, bucket(0, row("gpt-4.1", 5000, 700, input_cache_read=90, requests=3)))
    stored = DayRollup.objects.get()

    link = re.search(r'href="(/methodology/explain\?[^"]+)"', person.get(PAGE).content.decode())

    assert link
    answer = person.get(unescape(link[1]), {})
    explained = answer.context["result"].co2e_grams
    assert explained.central == pytest.approx(float(stored.co2e_grams), rel=1e-9)
    assert explained.high == pytest.approx(float(stored.co2e_grams_high), rel=1e-9)


def test_what_cannot_be_explained_has_no_link(
    person: Client, connection: ProviderConnection
) -> None:
    take(connection, bucket(0, row(None, 10, 20), row("gpt-4.1", 10**12 + 1, 1)))

    page = text_of(person.get(PAGE))

    assert page.count("<tr>") == 3
    assert "/methodology/explain" not in page


def test_a_model_that_the_catalogue_does_not_know_is_said_to_be_valued_by_its_tier(
    person: Client, connection: ProviderConnection
) -> None:
    take(connection, bucket(0, row("who-knows-9000")))

    assert "which knows its tier alone" in text_of(person.get(PAGE))


@pytest.mark.parametrize(("days", "seen"), [("7", 1), ("30", 2), ("90", 3), ("31", 2), ("x", 2)])
def test_the_span_is_chosen_by_links_in_whole_days(
    person: Client, workspace: Workspace, days: str, seen: int
) -> None:
    midnight = NOW.replace(hour=0, minute=0)
    for back, model in ((6, "a"), (29, "b"), (89, "c"), (90, "d")):
        push(workspace, midnight - back * DAY, model=model)
    push(workspace, midnight - timedelta(seconds=1), model="t", is_test=True)

    answer = person.get(PAGE, {"days": days})

    assert len(answer.context["models"]) == seen
    assert len(table_of(person.get(PAGE, {"days": days, "format": "csv"}))) == seen
    assert text_of(answer).count('aria-current="true"') == 1


def test_another_workspaces_models_are_not_there(person: Client, theirs: Workspace) -> None:
    push(theirs, NOW)

    assert "No model was used" in text_of(person.get(PAGE))
    assert table_of(person.get(PAGE, {"format": "csv"})) == []


def test_the_csv_holds_the_exact_sums(person: Client, workspace: Workspace) -> None:
    push(workspace, NOW, requests=2, cost_usd=Decimal("0.0125"), input_cache_read=7)
    push(workspace, NOW, model="o3", input_uncached=0, output=1, requests=None)
    stored = DayRollup.objects.get(model="gpt-4.1")

    answer = person.get(PAGE, {"days": "7", "format": "csv"})

    first, second = table_of(answer)
    name = 'attachment; filename="mine-models-20261112-20261119.csv"'
    assert answer["Content-Disposition"] == name
    assert answer["Content-Type"].startswith("text/csv; charset=utf-8")
    for column in ("co2e_grams_low", "co2e_grams", "energy_kwh_high", "water_litres", "cost_usd"):
        assert Decimal(first[column]) == getattr(stored, column)
    assert (first["requests"], first["input_cache_read_tokens"]) == ("2", "7")
    assert (first["start_time"], first["is_simulated"]) == ("2026-11-12T00:00:00Z", "false")
    assert float(first["share_of_total"]) + float(second["share_of_total"]) == pytest.approx(1)
    assert (second["requests"], second["cost_usd"]) == ("", "")


def test_no_cell_of_the_csv_begins_a_formula_and_each_is_read_back(
    person: Client, workspace: Workspace
) -> None:
    for name in NAMES:
        push(workspace, NOW, model=name, provider=name)

    found = table_of(person.get(PAGE, {"format": "csv"}))

    for column in ("model", "provider"):
        cells = [line[column] for line in found]
        assert not [cell for cell in cells if cell[0] in "=+-@\t\r"]
        assert {cell.removeprefix("'") for cell in cells} == set(NAMES)
    assert len(found) == len(NAMES)


def test_a_name_cannot_carry_markup(person: Client, workspace: Workspace) -> None:
    markup = "<script>alert(1)</script>"
    push(workspace, NOW, model=markup, provider=markup)

    page = person.get(PAGE).content.decode()

    assert markup not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_long_table_ends_in_the_csv(person: Client, workspace: Workspace) -> None:
    for number in range(102):
        push(workspace, NOW, model=f"m-{number}")

    assert "2 more in the" in text_of(person.get(PAGE))
    assert len(table_of(person.get(PAGE, {"format": "csv"}))) == 102


def test_the_page_takes_the_same_queries_for_any_number_of_models(
    person: Client, workspace: Workspace
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(database) as found:
            text_of(person.get(PAGE))
        return len([one for one in found if "telemetry_" in one["sql"]])

    push(workspace, NOW)
    one = queries()
    for number in range(12):
        push(workspace, NOW, model=f"m-{number}")

    assert queries() == one == 1


def test_nobody_reads_it_without_logging_in(client: Client) -> None:
    assert client.get(PAGE).status_code == 302
