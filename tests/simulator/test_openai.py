"""OpenAI's usage and costs as the simulator reports them."""

import pytest

from devstack.simulator.openai import DIMENSIONS
from devstack.simulator.testing import RunningSimulator
from tests.simulator.asking import DAY, HOUR, NOON, Query, openai, total
from tests.simulator.schemas import errors

NOW = 1_794_997_800  # the fixture's clock


@pytest.mark.parametrize("endpoint", sorted(DIMENSIONS))
def test_every_usage_endpoint_answers_in_the_published_shape(
    simulator: RunningSimulator, endpoint: str
) -> None:
    response = openai(simulator, f"usage/{endpoint}", start_time=NOON - DAY, bucket_width="1h")

    assert response.status_code == 200
    assert errors("openai", f"Page_{endpoint}", response.json()) == []
    assert len(response.json()["data"]) == 24
    assert response.headers["x-request-id"]


def test_a_broken_body_does_not_pass_the_schema(simulator: RunningSimulator) -> None:
    page = openai(simulator, start_time=NOON, end_time=NOON + HOUR, bucket_width="1h").json()

    del page["data"][0]["results"][0]["output_tokens"]

    assert errors("openai", "Page_completions", page) != []


@pytest.mark.parametrize("encoding", ["group_by", "group_by[]"])
def test_rows_carry_the_dimensions_they_are_grouped_by_and_null_for_the_rest(
    simulator: RunningSimulator, encoding: str
) -> None:
    query: Query = {encoding: ["model", "project_id"]}

    page = openai(simulator, start_time=NOON, end_time=NOON + HOUR, bucket_width="1h", **query)

    rows = page.json()["data"][0]["results"]
    assert len({(row["model"], row["project_id"]) for row in rows}) == len(rows) == 5
    assert all(row["user_id"] is row["service_tier"] is row["batch"] is None for row in rows)


def test_the_parts_of_the_input_add_up_in_every_row(simulator: RunningSimulator) -> None:
    week = openai(
        simulator,
        start_time=NOON - 168 * HOUR,
        end_time=NOON,
        bucket_width="1h",
        limit=168,
        group_by=["model", "project_id", "service_tier", "batch"],
    ).json()

    rows = [row for bucket in week["data"] for row in bucket["results"]]
    parts = ("input_cached_tokens", "input_cache_write_tokens", "input_uncached_tokens")
    assert rows
    assert all(row["input_tokens"] == sum(row[part] for part in parts) for row in rows)
    assert all(row[part] >= 0 for row in rows for part in parts)


def test_grouping_moves_no_token(simulator: RunningSimulator) -> None:
    window: Query = {"start_time": NOON - DAY, "end_time": NOON, "bucket_width": "1h"}

    plain = openai(simulator, **window).json()
    by_model = openai(simulator, **window, group_by=["model"]).json()

    assert total(plain, "input_tokens") == total(by_model, "input_tokens") > 0
    assert len(plain["data"][0]["results"]) == 1
    assert plain["data"][0]["results"][0]["model"] is None


def test_filters_choose_rows(simulator: RunningSimulator) -> None:
    window: Query = {"start_time": NOON - DAY, "end_time": NOON, "group_by": ["model", "batch"]}

    page = openai(simulator, **window, models=["o3-2025-04-16"], batch="false").json()

    rows = [row for bucket in page["data"] for row in bucket["results"]]
    assert {(row["model"], row["batch"]) for row in rows} == {("o3-2025-04-16", False)}


def test_an_unaligned_window_clips_the_first_bucket_to_the_minute_and_the_last_to_now(
    simulator: RunningSimulator,
) -> None:
    page = openai(simulator, start_time=NOON + 95, bucket_width="1d").json()

    spans = [(bucket["start_time"], bucket["end_time"]) for bucket in page["data"]]
    assert spans == [(NOON + 60, NOON + DAY // 2), (NOON + DAY // 2, NOW)]


def test_a_future_end_is_cut_to_now(simulator: RunningSimulator) -> None:
    page = openai(simulator, start_time=NOW - 1800, end_time=NOW + DAY, bucket_width="1h").json()

    assert [bucket["end_time"] for bucket in page["data"]] == [NOW]


def test_minute_buckets_add_up_to_their_hour(simulator: RunningSimulator) -> None:
    window: Query = {"start_time": NOON, "end_time": NOON + HOUR}

    minutes = openai(simulator, **window, bucket_width="1m").json()
    hour = openai(simulator, **window, bucket_width="1h").json()

    assert len(minutes["data"]) == 60
    assert total(minutes, "output_tokens") == total(hour, "output_tokens") > 0


def test_pages_follow_each_other_without_a_gap(simulator: RunningSimulator) -> None:
    window: Query = {
        "start_time": NOON - 10 * HOUR,
        "end_time": NOON,
        "bucket_width": "1h",
        "limit": 4,
    }

    starts, page = [], openai(simulator, **window).json()
    while True:
        starts += [bucket["start_time"] for bucket in page["data"]]
        if not page["has_more"]:
            break
        page = openai(simulator, **window, page=page["next_page"]).json()

    assert starts == list(range(NOON - 10 * HOUR, NOON, HOUR))
    assert page["next_page"] is None


def test_a_cursor_belongs_to_its_parameters(simulator: RunningSimulator) -> None:
    window: Query = {"start_time": NOON - DAY, "end_time": NOON, "bucket_width": "1h"}
    cursor = openai(simulator, **window, limit=4).json()["next_page"]

    other = openai(simulator, **window, limit=5, page=cursor)
    nonsense = openai(simulator, **window, limit=4, page="page_x")

    assert [other.status_code, nonsense.status_code] == [400, 400]
    assert other.json()["error"]["param"] == "page"


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({}, "start_time"),
        ({"start_time": "yesterday"}, "start_time"),
        ({"start_time": NOON, "end_time": NOON}, "end_time"),
        ({"start_time": NOON, "bucket_width": "2h"}, "bucket_width"),
        ({"start_time": NOON, "bucket_width": "1h", "limit": 169}, "limit"),
        ({"start_time": NOON, "limit": 0}, "limit"),
        ({"start_time": NOON, "group_by": ["colour"]}, "group_by"),
    ],
)
def test_what_openai_refuses_is_refused(
    simulator: RunningSimulator, query: dict[str, str], param: str
) -> None:
    response = openai(simulator, **query)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == param
    assert errors("openai", "ErrorResponse", response.json()) == []


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("sk-admin-simulated-0001b", 200, None),
        ("sk-proj-simulated-0001", 403, None),
        ("sk-admin-unscoped-0001", 403, None),
        ("sk-admin-revoked-0001", 401, "invalid_api_key"),
        ("nonsense", 401, "invalid_api_key"),
    ],
)
def test_a_key_is_worth_what_its_kind_is_worth(
    simulator: RunningSimulator, key: str, status: int, code: str | None
) -> None:
    response = openai(simulator, key=key, start_time=NOON)

    assert response.status_code == status
    assert response.json().get("error", {}).get("code") == code
    assert ("Missing scopes" in response.text) == (status == 403)
    assert key not in response.text


def test_two_keys_of_one_organisation_see_the_same_and_another_organisation_its_own(
    simulator: RunningSimulator,
) -> None:
    keys = ["sk-admin-simulated-0001", "sk-admin-simulated-0001b", "sk-admin-simulated-0002"]

    first, again, other = (
        openai(simulator, key=key, start_time=NOON, group_by=["project_id"]).json() for key in keys
    )

    assert first == again
    projects = [{r["project_id"] for r in page["data"][0]["results"]} for page in (first, other)]
    assert projects[0].isdisjoint(projects[1])


@pytest.mark.parametrize(
    ("shape", "present", "absent"),
    [
        ("older", "input_cached_tokens", "input_uncached_tokens"),
        ("current", "input_uncached_tokens", "input_cache_write_30m_tokens"),
        ("newer", "input_cache_write_30m_tokens", "nothing"),
    ],
)
def test_older_and_newer_shapes_can_be_chosen(
    simulator: RunningSimulator, shape: str, present: str, absent: str
) -> None:
    simulator.set_shape(openai=shape)

    row = openai(simulator, start_time=NOON).json()["data"][0]["results"][0]

    assert present in row
    assert absent not in row


def test_costs_have_the_published_shape_and_add_up_over_groupings(
    simulator: RunningSimulator,
) -> None:
    window: Query = {"start_time": NOON - DAY // 2 - 6 * DAY, "end_time": NOON - DAY // 2}

    plain = openai(simulator, "costs", **window).json()
    grouped = openai(simulator, "costs", **window, group_by=["project_id", "line_item"]).json()

    assert errors("openai", "Page_costs", plain) == errors("openai", "Page_costs", grouped) == []
    sums = [
        sum(row["amount"]["value"] for bucket in page["data"] for row in bucket["results"])
        for page in (plain, grouped)
    ]
    assert sums[0] == pytest.approx(sums[1])
    assert sums[0] > 1
    assert openai(simulator, "costs", **window, bucket_width="1h").status_code == 400
