"""The summary beyond its sums: kinds of tokens, cost, the span before, filters, what to picture."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.emissions.calc.equivalents import equivalents
from apps.telemetry.connectors.base import Account
from apps.telemetry.models import ProviderConnection
from apps.workspaces.models import Workspace
from tests.factories import ProjectFactory
from tests.telemetry.metering import HOUR, START, bucket, connected, row, take
from tests.telemetry.spread import push
from tests.telemetry.using import A_DAY as DAY
from tests.telemetry.using import SERIES, SUMMARY, span

MINUTE = timedelta(minutes=1)


@pytest.mark.usefixtures("six_rows")
def test_tokens_are_told_by_kind_and_what_share_was_cached(program: APIClient) -> None:
    tokens = program.get(SUMMARY, DAY).json()["tokens"]

    assert tokens == {
        "input_uncached": 6090,
        "input_cache_read": 50,
        "input_cache_write": 0,
        "output": 2220,
        "cached_share": 50 / 6140,
        "cache_write_share": 0.0,
        "uncached_share": 6090 / 6140,
    }


def test_a_series_by_the_kind_of_token_has_tokens_only(
    program: APIClient, six_rows: ProviderConnection
) -> None:
    push(six_rows.workspace, START + HOUR, input_cache_write=7)

    points = program.get(SERIES, DAY | {"split_by": "token_kind"}).json()["points"]

    assert [(point["key"], point["label"], point["tokens"]) for point in points] == [
        ("input_uncached_tokens", "input uncached tokens", 7090),
        ("input_cache_read_tokens", "input cache read tokens", 50),
        ("input_cache_write_tokens", "input cache write tokens", 7),
        ("output_tokens", "output tokens", 2720),
    ]
    assert {point["totals"] for point in points} == {None}


def test_a_cost_is_null_until_somebody_tells_one_and_says_how_much_it_covers(
    program: APIClient, workspace: Workspace
) -> None:
    push(workspace, START, input_uncached=300, output=100)
    before = program.get(SUMMARY, DAY).json()

    push(workspace, START, input_uncached=60, output=40, cost_usd=Decimal("0.25"), model="o3")
    after = program.get(SUMMARY, DAY).json()

    assert (before["cost_usd"], before["cost_known_share"]) == (None, 0.0)
    assert (after["cost_usd"], after["cost_known_share"]) == (0.25, 0.2)
    assert after["total"]["cost_usd"] == 0.25
    costs = {group["key"]: group["totals"]["cost_usd"] for group in after["by_model"]}
    assert costs == {"gpt-4.1": None, "o3": 0.25}


def test_connections_and_regions_are_groups_and_pushed_usage_has_no_connection(
    program: APIClient, six_rows: ProviderConnection
) -> None:
    push(six_rows.workspace, START, region="eu-west-1")

    body = program.get(SUMMARY, DAY).json()

    connections = {(group["key"], group["label"]) for group in body["by_connection"]}
    assert connections == {(six_rows.public_id, "Our openai"), (None, "not named")}
    assert {group["key"] for group in body["by_region"]} == {"eu-west-1", None}
    for groups in (body["by_connection"], body["by_region"]):
        assert sum(group["totals"]["output_tokens"] for group in groups) == 2720


def test_the_span_before_has_the_same_length_and_the_change_is_told(
    program: APIClient, workspace: Workspace
) -> None:
    push(workspace, START - HOUR, input_uncached=10**9)  # too early by a second
    push(workspace, START + MINUTE - HOUR, output=1000, cost_usd=Decimal(2))
    push(workspace, START + MINUTE, output=500, cost_usd=Decimal(3))
    asked = span(START + timedelta(seconds=1), START + timedelta(seconds=1) + HOUR)

    body = program.get(SUMMARY, asked).json()

    previous = body["previous"]
    assert previous["time_range"] == {
        "start_time": "2026-11-17T23:00:01Z",
        "end_time": asked["start_time"],
    }
    assert (previous["tokens"], previous["requests"], previous["cost_usd"]) == (2000, 1, 2.0)
    change = previous["change_percent"]
    assert (change["tokens"], change["requests"], change["cost_usd"]) == (-25.0, 0.0, 50.0)
    grams = body["total"]["co2e_grams"]["central"]
    assert change["co2e_grams"] == pytest.approx(100 * (grams / previous["co2e_grams"] - 1))


def test_nothing_before_is_no_change_of_infinite_percent(
    program: APIClient, workspace: Workspace
) -> None:
    push(workspace, START)

    assert program.get(SUMMARY, DAY).json()["previous"] is None


def test_what_was_not_known_before_has_no_change(program: APIClient, workspace: Workspace) -> None:
    push(workspace, START - HOUR, requests=None)
    push(workspace, START + HOUR, requests=3)

    change = program.get(SUMMARY, DAY).json()["previous"]["change_percent"]

    assert (change["tokens"], change["requests"], change["cost_usd"]) == (0.0, None, None)


@pytest.mark.usefixtures("six_rows")
def test_the_total_is_told_as_something_to_picture(program: APIClient) -> None:
    body = program.get(SUMMARY, DAY).json()

    grams, energy = (body["total"][name]["central"] for name in ("co2e_grams", "energy_kwh"))
    assert body["equivalents"] == equivalents(grams, energy)
    assert body["equivalents"][0].endswith("of a 10 W LED lamp")


NARROWED: list[tuple[dict[str, str], int]] = [
    ({"model": "o3"}, 1),
    ({"model": ""}, 2),
    ({"provider": "anthropic"}, 4),
    ({"region": "eu-west-1"}, 8),
    ({"region": ""}, 1 + 2 + 4 + 32),
    ({"connection_id": ""}, 1 + 2 + 4 + 8),
    ({"connection_id": "con_nobody"}, 0),
    ({"provider": "anthropic", "model": "o3"}, 0),
]


@pytest.mark.parametrize(("narrowed", "expected"), NARROWED)
def test_a_report_is_narrowed_to_all_that_is_asked_for(
    program: APIClient, connection: ProviderConnection, narrowed: dict[str, str], expected: int
) -> None:
    for output, facts in (
        (1, {"model": "o3"}),
        (2, {"model": None}),
        (4, {"provider": "anthropic"}),
        (8, {"region": "eu-west-1"}),
    ):
        push(connection.workspace, START + HOUR, output=output, **facts)
    take(connection, bucket(1, row("gpt-4.1", output=32)))

    summary = program.get(SUMMARY, DAY | narrowed).json()
    series = program.get(SERIES, DAY | narrowed).json()
    models = program.get("/api/v1/telemetry/models", DAY | narrowed).json()
    events = program.get("/api/v1/telemetry/events", DAY | narrowed).json()
    rollups = program.get("/api/v1/telemetry/rollups", DAY | narrowed).json()

    assert summary["total"]["output_tokens"] == expected
    assert sum(point["totals"]["output_tokens"] for point in series["points"]) == expected
    assert sum(line["totals"]["output_tokens"] for line in models["models"]) == expected
    assert sum(event["output_tokens"] for event in events["results"]) == expected
    assert sum(hour["totals"]["output_tokens"] for hour in rollups["results"]) == expected


def test_a_connection_of_another_workspace_narrows_to_nothing(
    program: APIClient, six_rows: ProviderConnection, theirs: Workspace
) -> None:
    own = {"connection_id": six_rows.public_id}
    foreign = {"connection_id": connected(theirs).public_id}

    assert program.get(SUMMARY, DAY | own).json()["total"]["output_tokens"] == 2220
    assert program.get(SUMMARY, DAY | foreign).json()["total"]["output_tokens"] == 0


def test_use_that_is_metered_and_pushed_is_named_where_both_are_counted(
    program: APIClient, six_rows: ProviderConnection
) -> None:
    only_metered = program.get(SUMMARY, DAY).json()["possible_double_counting"]

    push(six_rows.workspace, START + HOUR)
    both = program.get(SUMMARY, DAY).json()["possible_double_counting"]
    narrowed = program.get(SUMMARY, DAY | {"connection_id": six_rows.public_id}).json()

    assert only_metered == narrowed["possible_double_counting"] == []
    assert both == [{"provider": "openai", "pushed_tokens": 1500, "metered_tokens": 8360}]


def test_a_model_is_told_with_its_rate_its_share_and_the_catalogues_row(
    program: APIClient, workspace: Workspace
) -> None:
    project = ProjectFactory.create(workspace=workspace)
    push(workspace, START, project, model="gpt-4.1", output=3000)
    push(workspace, START, project, model="a-model-of-nobody", provider="")

    body = program.get("/api/v1/telemetry/models", DAY).json()
    first = program.get("/api/v1/telemetry/models", DAY | {"limit": 1}).json()

    heavy, light = body["models"]
    assert (heavy["model"], heavy["provider_label"], light["provider_label"]) == (
        "gpt-4.1",
        "OpenAI",
        "not named",
    )
    assert heavy["matched"]["is_specific"] and not light["matched"]["is_specific"]  # noqa: PT018 - one claim
    assert heavy["share_of_total"] + light["share_of_total"] == pytest.approx(1)
    for bound in ("low", "central", "high"):
        grams = heavy["totals"]["co2e_grams"][bound]
        assert heavy["co2e_grams_per_1000_tokens"][bound] == pytest.approx(grams / 4)
    assert body["left_out"] == 0
    assert (first["models"], first["left_out"]) == ([heavy], 1)


def test_a_workspace_without_usage_gets_zeros_and_nulls(program: APIClient) -> None:
    body = program.get(SUMMARY).json()

    assert (body["cost_usd"], body["cost_known_share"], body["previous"]) == (None, None, None)
    assert body["tokens"]["cached_share"] is None
    assert (body["by_connection"], body["by_region"], body["equivalents"]) == ([], [], [])
    assert body["possible_double_counting"] == []
    assert program.get("/api/v1/telemetry/models").json()["models"] == []


def test_accounts_of_one_name_are_two_connections(
    program: APIClient, six_rows: ProviderConnection
) -> None:
    twin: Any = connected(six_rows.workspace, account=Account("b", "B"))
    take(twin, bucket(0, row("o1", 7, 8)))

    groups = program.get(SUMMARY, DAY).json()["by_connection"]

    assert [group["label"] for group in groups] == ["Our openai", "Our openai"]
    assert {group["key"] for group in groups} == {six_rows.public_id, twin.public_id}
