"""GET reports/summary: exact sums of samples, whatever the boundaries."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.telemetry.models import UsageSample
from apps.telemetry.selectors.parts import OpenSpan
from apps.telemetry.selectors.sample_reports import sample_summary
from apps.workspaces.models import Workspace
from tests.factories import new_key
from tests.telemetry.samples.conftest import samples_of
from tests.telemetry.samples.published import EXAMPLE, LOOKED_UP

pytestmark = pytest.mark.django_db
Send = Callable[..., Any]
ALL = "/api/v1/reports/summary"
NONE = {"low": "0", "central": "0", "high": "0"}
NOTHING = {
    "energy_kwh": NONE,
    "co2e_grams": NONE,
    "operational_co2e_grams": NONE,
    "embodied_co2e_grams": NONE,
}
START = datetime(2026, 1, 1, tzinfo=UTC)


def at(moment: str, **changes: Any) -> dict[str, Any]:
    return EXAMPLE | {"measured_at": moment} | changes


def test_nothing_is_zero_in_the_published_places(report: Send) -> None:
    assert report().json() == {
        "time_range": {"start_time": None, "end_time": None},
        "total": {
            "usage_sample_count": 0,
            "energy_kwh": "0.000000",
            "estimated_grams_co2e": "0.0000",
            "energy_kwh_bounds": {"low": "0", "central": "0", "high": "0"},
            "co2e_grams": {"low": "0", "central": "0", "high": "0"},
        },
        "by_workspace": [],
        "by_provider": [],
        "by_region": [],
        "footprint": dict.fromkeys(("ai", "compute", "total"), NOTHING),
    }


def test_groups_are_in_order_of_their_names(send: Send, report: Send, workspace: Workspace) -> None:
    send(
        [
            at("2026-01-01T12:00:00Z", provider="b", region="r2"),
            at("2026-01-01T12:00:00Z", provider="a", region="r3"),
            at("2026-01-01T12:00:00Z", provider="a", region="r1", usage_amount="20"),
        ]
    )

    body = report().json()

    counted = [
        (row["provider"], row["usage_sample_count"], row["energy_kwh"])
        for row in body["by_provider"]
    ]
    assert counted == [("a", 2, "1.500000"), ("b", 1, "0.500000")]
    assert [row["region"] for row in body["by_region"]] == ["r1", "r2", "r3"]
    (mine,) = body["by_workspace"]
    assert (mine["workspace_id"], mine["workspace_name"]) == (str(workspace.public_id), "Mine")
    assert (mine["energy_kwh"], mine["estimated_grams_co2e"]) == ("2.000000", "800.0000")
    assert body["total"]["usage_sample_count"] == 3


def test_the_start_is_inside_and_the_end_is_not(send: Send, report: Send) -> None:
    send([at("2026-01-01T10:00:00Z"), at("2026-01-01T10:59:59Z"), at("2026-01-01T11:00:00Z")])

    def count(start: str, end: str) -> int:
        body = report(start_time=f"2026-01-01T{start}Z", end_time=f"2026-01-01T{end}Z").json()
        return int(body["total"]["usage_sample_count"])

    assert count("10:00:00", "11:00:00") == 2
    assert count("10:00:01", "11:00:00") == 1
    assert count("10:00:00", "10:59:59") == 1
    assert count("10:59:59", "11:00:01") == 2
    assert count("11:00:00", "12:00:00") == 1


def test_small_amounts_add_up_before_they_are_rounded(send: Send, report: Send) -> None:
    smallest = {"resource_type": "network", "usage_amount": "0.000001", "usage_unit": "mb"}
    send([EXAMPLE | smallest] * 1000)

    total = report().json()["total"]

    assert total["energy_kwh"] == "0.000000"
    assert total["energy_kwh_bounds"]["central"] == "0.000000001953125"


def test_a_large_sum_keeps_its_smallest_part(send: Send, report: Send) -> None:
    network = {"resource_type": "network", "factor_set": "demo-static-v1"}
    large = EXAMPLE | network | {"usage_amount": "999999999999.999999", "usage_unit": "tb"}
    small = EXAMPLE | network | {"usage_amount": "0.000001", "usage_unit": "mb"}
    send([large, small, small | {"region": "other"}])

    bounds = report().json()["total"]["energy_kwh_bounds"]

    assert bounds["central"] == "2047999999999.99999795200390625"


def test_bounds_are_added_low_to_low_and_high_to_high(send: Send, report: Send) -> None:
    send([LOOKED_UP, EXAMPLE])

    bounds = report().json()["total"]["energy_kwh_bounds"]

    assert bounds == {"low": "0.507918", "central": "0.524062", "high": "0.5990464"}


def test_test_samples_count_only_where_they_are_asked_for(
    api: Callable[..., Any], report: Send, workspace: Workspace
) -> None:
    api(new_key(workspace, mode="test")).post(samples_of(workspace), EXAMPLE)

    assert report().json()["total"]["usage_sample_count"] == 0
    assert report(include_test="true").json()["total"]["usage_sample_count"] == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"start_time": "2026-01-01T00:00:00"}, "start_time"),
        ({"end_time": "tomorrow"}, "end_time"),
        ({"start_time": "2026-01-02T00:00:00Z", "end_time": "2026-01-01T00:00:00Z"}, "start_time"),
        ({"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-01T00:00:00Z"}, "start_time"),
        ({"since": "2026-01-01T00:00:00Z"}, "since"),
    ],
)
def test_a_bad_range_is_refused(report: Send, query: dict[str, str], field: str) -> None:
    answer = report(**query)

    assert answer.status_code == 422
    assert list(answer.json()["error"]["details"]["fields"]) == [field]


def test_the_ends_of_the_calendar_are_no_obstacle(send: Send, report: Send) -> None:
    send([at("9999-12-31T23:59:59Z"), at("1970-01-01T00:00:00Z")])

    late = report(start_time="9999-12-31T23:30:00Z").json()
    early = report(start_time="0001-01-01T00:00:00Z", end_time="1970-01-01T00:00:01Z").json()

    assert late["total"]["usage_sample_count"] == early["total"]["usage_sample_count"] == 1


def test_a_platform_key_sees_every_workspace(
    api: Callable[..., Any], workspace: Workspace, theirs: Workspace
) -> None:
    for tenant in (theirs, workspace):
        api(new_key(tenant)).post(samples_of(tenant), EXAMPLE)

    body = api(new_key(None)).get(ALL).json()

    assert [row["workspace_name"] for row in body["by_workspace"]] == ["Mine", "Theirs"]
    assert body["total"]["estimated_grams_co2e"] == "400.0000"


def test_a_platform_key_reads_one_workspace(
    api: Callable[..., Any], send: Send, workspace: Workspace, theirs: Workspace
) -> None:
    send(EXAMPLE)
    platform = api(new_key(None))

    counts = [
        platform.get(f"/api/v1/workspaces/{tenant.public_id}/reports/summary").json()["total"]
        for tenant in (workspace, theirs)
    ]

    assert [total["usage_sample_count"] for total in counts] == [1, 0]


def test_a_workspaces_key_does_not_see_all(program: Any, api: Callable[..., Any]) -> None:
    assert program.get(ALL).status_code == 403
    assert api().get(ALL).status_code == 401


seconds = st.integers(0, 4 * 3600)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(span=st.tuples(st.none() | seconds, st.none() | seconds))
def test_a_report_is_the_sum_of_the_samples_in_its_range(
    send: Send, workspace: Workspace, span: tuple[int | None, int | None]
) -> None:
    if not UsageSample.objects.exists():
        moments = [START + timedelta(seconds=600 * step) for step in range(25)]
        send([at(moment.isoformat(), usage_amount=str(2**n)) for n, moment in enumerate(moments)])
    start, end = (
        second if second is None else START + timedelta(seconds=second) for second in span
    )
    if start is not None and end is not None and start >= end:
        start, end = end, start + timedelta(seconds=1)

    summary = sample_summary(workspace, OpenSpan(start, end))

    expected = [
        sample.energy_kwh
        for sample in UsageSample.objects.all()
        if (start is None or start <= sample.measured_at)
        and (end is None or sample.measured_at < end)
    ]
    assert summary.total.usage_sample_count == len(expected)
    assert summary.total.energy_kwh.central == sum(expected, Decimal())
