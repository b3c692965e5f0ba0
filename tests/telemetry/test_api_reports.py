"""Reports over the API: exact sums for any span, whole and step by step."""

from datetime import timedelta
from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from apps.emissions.selectors import current_factors
from apps.telemetry import selectors
from apps.telemetry.models import CarbonEntry, ProviderConnection
from apps.telemetry.selectors import Span
from tests.telemetry.metering import (
    HOUR,
    NOW,
    START,
    bucket,
    co2e_grams,
    live_counts,
    row,
    take,
)
from tests.telemetry.using import A_DAY as DAY
from tests.telemetry.using import SERIES, SUMMARY, span

BOUNDED = (
    "energy_kwh",
    "co2e_grams",
    "operational_co2e_grams",
    "embodied_co2e_grams",
    "water_litres",
)


@pytest.mark.usefixtures("six_rows")
def test_the_summary_is_the_sum_of_the_entries(program: APIClient) -> None:
    body = program.get(SUMMARY, DAY).json()

    total = body["total"]
    assert total["input_tokens"] == 6140
    assert total["input_uncached_tokens"] == 6090
    assert total["input_cache_read_tokens"] == 50
    assert total["output_tokens"] == 2220
    assert total["requests"] == 20
    for name in BOUNDED:
        stored = [getattr(entry, name) for entry in CarbonEntry.objects.all()]
        assert total[name]["central"] == float(sum(stored, Decimal()))
        assert total[name]["low"] < total[name]["central"] < total[name]["high"]
    assert body["time_range"] == {
        "start_time": "2026-11-18T00:00:00Z",
        "end_time": "2026-11-19T00:00:00Z",
    }
    assert body["factor_version"] == current_factors().version
    assert body["is_simulated"] is False


@pytest.mark.usefixtures("six_rows")
def test_groups_are_heaviest_first_and_sum_to_the_total(program: APIClient) -> None:
    body = program.get(SUMMARY, DAY).json()

    assert [group["key"] for group in body["by_model"]] == ["gpt-4.1", "o3", None]
    assert body["by_model"][2]["label"] == "not named"
    assert [group["label"] for group in body["by_provider"]] == ["OpenAI"]
    assert [group["label"] for group in body["by_project"]] == ["Default"]
    for groups in (body["by_model"], body["by_project"], body["by_provider"]):
        assert sum(group["totals"]["output_tokens"] for group in groups) == 2220
        grams = sum(group["totals"]["co2e_grams"]["central"] for group in groups)
        assert grams == pytest.approx(body["total"]["co2e_grams"]["central"], rel=1e-12)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        (0, 180, {0, 1, 2}),
        (60, 120, {1}),
        (59, 121, {1, 2}),
        (1, 60, set()),
        (0, 1, {0}),
        (61, 119, set()),
        (30, 150, {1, 2}),
        (120, 121, {2}),
        (-600, 0, set()),
    ],
)
def test_a_span_may_begin_and_end_off_the_hour(
    program: APIClient, six_rows: ProviderConnection, start: int, end: int, hours: set[int]
) -> None:
    minute = timedelta(minutes=1)
    asked = span(START + start * minute, START + end * minute)

    body = program.get(SUMMARY, asked).json()
    points = program.get(SERIES, {**asked, "step": "hour"}).json()["points"]

    expected = sum(out for (hour, _), (_, out) in live_counts(six_rows).items() if hour in hours)
    assert body["total"]["output_tokens"] == expected
    assert sum(point["totals"]["output_tokens"] for point in points) == expected


@pytest.mark.usefixtures("six_rows")
@pytest.mark.parametrize("step", ["hour", "day", "week", "month"])
@pytest.mark.parametrize("split_by", [None, "model", "project", "provider", "connection", "region"])
def test_the_series_sums_to_the_summary(
    program: APIClient, step: str, split_by: str | None
) -> None:
    asked = DAY | {"step": step} | ({"split_by": split_by} if split_by else {})

    points = program.get(SERIES, asked).json()["points"]

    total = program.get(SUMMARY, DAY).json()["total"]
    for name in BOUNDED:
        for bound in ("low", "central", "high"):
            summed = sum(point["totals"][name][bound] for point in points)
            assert summed == pytest.approx(total[name][bound], rel=1e-12)
    assert sum(point["totals"]["requests"] for point in points) == 20
    starts = {"hour": 3, "day": 1, "week": 1, "month": 1}[step]
    assert len({point["start_time"] for point in points}) == starts
    labels = {
        None: {"total"},
        "model": {"gpt-4.1", "o3", "not named"},
        "project": {"Default"},
        "provider": {"openai"},
        "connection": {"Our openai"},
        "region": {"not named"},
    }
    assert {point["label"] for point in points} == labels[split_by]


@pytest.mark.usefixtures("six_rows")
def test_steps_begin_on_calendar_boundaries_in_utc(program: APIClient) -> None:
    def first(step: str) -> str:
        points = program.get(SERIES, DAY | {"step": step}).json()["points"]
        return str(points[0]["start_time"])

    assert first("day") == "2026-11-18T00:00:00Z"
    assert first("week") == "2026-11-16T00:00:00Z"  # a Monday
    assert first("month") == "2026-11-01T00:00:00Z"


@pytest.mark.usefixtures("six_rows")
def test_an_instant_may_be_written_with_any_offset(program: APIClient) -> None:
    asked = {"start_time": "2026-11-18T02:00:00+01:00", "end_time": "2026-11-17T21:00:00-05:00"}

    body = program.get(SUMMARY, asked).json()

    assert body["time_range"] == {
        "start_time": "2026-11-18T01:00:00Z",
        "end_time": "2026-11-18T02:00:00Z",
    }
    assert body["total"]["output_tokens"] == 740


def test_a_workspace_without_usage_gets_zeros(program: APIClient) -> None:
    body = program.get(SUMMARY).json()

    assert body["total"]["co2e_grams"] == {"low": 0.0, "central": 0.0, "high": 0.0}
    assert body["total"]["requests"] is None
    assert (body["by_model"], body["by_project"], body["by_provider"]) == ([], [], [])
    assert program.get(SERIES).json()["points"] == []


def test_what_was_withdrawn_is_in_no_group(
    program: APIClient, six_rows: ProviderConnection
) -> None:
    take(six_rows, bucket(0, row("gpt-4.1")), at=NOW + HOUR)

    body = program.get(SUMMARY, DAY).json()

    assert [group["key"] for group in body["by_model"]] == ["gpt-4.1"]


def test_the_sums_of_the_selector_keep_every_digit(six_rows: ProviderConnection) -> None:
    found = selectors.summary(six_rows.workspace, Span(START, NOW), current_factors())

    assert found.total.bounds("co2e_grams").central == co2e_grams()
    assert found.total.tokens == 6140 + 2220
