"""Anthropic's reports as the simulator gives them."""

import pytest
import requests

from devstack.simulator.testing import RunningSimulator
from tests.simulator.asking import ANTHROPIC_KEY, Query, anthropic, total
from tests.simulator.schemas import errors

DAY_BEFORE: Query = {"starting_at": "2026-11-17T00:00:00Z", "ending_at": "2026-11-18T00:00:00Z"}


def test_messages_answer_in_the_documented_shape_with_every_hour_present(
    simulator: RunningSimulator,
) -> None:
    query: Query = {**DAY_BEFORE, "group_by[]": ["model"]}

    response = anthropic(simulator, **query, bucket_width="1h")

    page = response.json()
    assert errors("anthropic", "MessagesUsageReport", page) == []
    assert len(page["data"]) == 24
    assert response.headers["request-id"].startswith("req_")


def test_ungrouped_rows_name_nothing_and_the_default_workspace_is_a_row_of_its_own(
    simulator: RunningSimulator,
) -> None:
    plain = anthropic(simulator, **DAY_BEFORE).json()["data"][0]["results"]
    grouped = anthropic(simulator, **DAY_BEFORE, group_by="workspace_id").json()

    rows = grouped["data"][0]["results"]
    assert len(plain) == 1
    assert plain[0]["model"] is None
    assert [row["workspace_id"] for row in rows].count(None) == 1
    assert len(rows) == 3
    assert total(grouped, "output_tokens") == plain[0]["output_tokens"]


def test_the_start_is_snapped_down_and_a_running_bucket_is_not_cut(
    simulator: RunningSimulator,
) -> None:
    page = anthropic(simulator, starting_at="2026-11-18T09:17:00+00:00", bucket_width="1h").json()

    spans = [(bucket["starting_at"], bucket["ending_at"]) for bucket in page["data"]]
    assert spans == [
        ("2026-11-18T09:00:00Z", "2026-11-18T10:00:00Z"),
        ("2026-11-18T10:00:00Z", "2026-11-18T11:00:00Z"),
    ]


@pytest.mark.parametrize(("reading", "hours"), [("inclusive", 24), ("exclusive", 23)])
def test_both_readings_of_the_end_can_be_chosen(
    simulator: RunningSimulator, reading: str, hours: int
) -> None:
    simulator.set_shape(anthropic=reading)

    assert len(anthropic(simulator, **DAY_BEFORE, bucket_width="1h").json()["data"]) == hours


def test_a_cursor_belongs_to_its_parameters(simulator: RunningSimulator) -> None:
    first = anthropic(simulator, **DAY_BEFORE, bucket_width="1h", limit=23).json()

    second = anthropic(
        simulator, **DAY_BEFORE, bucket_width="1h", limit=23, page=first["next_page"]
    )
    other = anthropic(simulator, **DAY_BEFORE, bucket_width="1h", page=first["next_page"])

    assert [bucket["starting_at"] for bucket in second.json()["data"]] == ["2026-11-17T23:00:00Z"]
    assert second.json()["next_page"] is None
    assert other.status_code == 400
    assert errors("anthropic", "ErrorResponse", other.json()) == []


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"starting_at": "soon"},
        {"starting_at": "2026-11-18T00:00:00Z", "ending_at": "2026-11-17T00:00:00Z"},
        {**DAY_BEFORE, "bucket_width": "1h", "limit": 169},
        {**DAY_BEFORE, "group_by[]": "colour"},
    ],
)
def test_what_anthropic_refuses_is_refused(
    simulator: RunningSimulator, query: dict[str, str]
) -> None:
    response = anthropic(simulator, **query)

    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-api-key": ANTHROPIC_KEY}, 400),
        ({"x-api-key": ANTHROPIC_KEY, "anthropic-version": "2023-06-01"}, 200),
        ({"Authorization": f"Bearer {ANTHROPIC_KEY}", "anthropic-version": "2023-06-01"}, 200),
        ({"x-api-key": "sk-ant-api03-simulated-0001", "anthropic-version": "2023-06-01"}, 403),
        ({"x-api-key": "sk-ant-admin01-expired-0001", "anthropic-version": "2023-06-01"}, 401),
        ({"anthropic-version": "2023-06-01"}, 401),
    ],
)
def test_the_organisation_is_told_to_who_may_know(
    simulator: RunningSimulator, headers: dict[str, str], status: int
) -> None:
    url = f"{simulator.url}/anthropic/v1/organizations/me"

    response = requests.get(url, headers=headers, timeout=10)

    assert response.status_code == status
    shape = "Organization" if status == 200 else "ErrorResponse"
    assert errors("anthropic", shape, response.json()) == []


def test_costs_are_cents_as_text_and_add_up_over_groupings(simulator: RunningSimulator) -> None:
    plain = anthropic(simulator, "cost_report", **DAY_BEFORE).json()
    query: Query = {**DAY_BEFORE, "group_by[]": ["description", "workspace_id"]}
    grouped = anthropic(simulator, "cost_report", **query).json()

    assert errors("anthropic", "CostReport", plain) == []
    assert errors("anthropic", "CostReport", grouped) == []
    rows = grouped["data"][0]["results"]
    assert {row["service_tier"] for row in rows} == {"standard", "batch"}
    cents = sum(float(row["amount"]) for row in rows)
    assert float(plain["data"][0]["results"][0]["amount"]) == pytest.approx(cents)
    assert cents > 100
