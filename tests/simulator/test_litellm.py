"""A LiteLLM proxy's spend logs and days as the simulator gives them."""

from typing import Any

import pytest

from devstack.simulator.testing import RunningSimulator
from tests.simulator.asking import litellm

NOON = {"start_date": "2026-11-17 12:00:00", "end_date": "2026-11-17 13:00:00"}
DAY = {"start_date": "2026-11-17", "end_date": "2026-11-17"}


def test_every_request_of_an_hour_is_a_row_and_the_oldest_comes_first_if_asked(
    simulator: RunningSimulator,
) -> None:
    answer = litellm(simulator, **NOON, sort_order="asc", page_size=100).json()

    times = [row["startTime"] for row in answer["data"]]
    assert times == sorted(times)
    assert answer["total"] == len(answer["data"]) > 10
    assert len({row["request_id"] for row in answer["data"]}) == answer["total"]
    assert {row["cache_hit"] for row in answer["data"]} == {"True", "False"}
    assert {row["spend"] for row in answer["data"] if row["cache_hit"] == "True"} == {0}


def test_pages_hold_every_row_once(simulator: RunningSimulator) -> None:
    whole = litellm(simulator, **NOON, page_size=100).json()["data"]
    pages = [litellm(simulator, **NOON, page=page, page_size=7).json() for page in range(1, 10)]

    assert [row for page in pages for row in page["data"]] == whole
    assert pages[0]["total_pages"] == -(-len(whole) // 7)


def test_requests_add_up_to_their_day(simulator: RunningSimulator) -> None:
    answer = litellm(simulator, "user/daily/activity", **DAY, page_size=1000).json()
    (day,) = answer["results"]
    rows = []
    for page in range(1, 12):
        span = {"start_date": "2026-11-17 00:00:00", "end_date": "2026-11-17 23:59:59"}
        rows += litellm(simulator, **span, page=page, page_size=100).json()["data"]

    assert day["metrics"]["prompt_tokens"] == sum(row["prompt_tokens"] for row in rows) > 0
    assert day["metrics"]["spend"] == pytest.approx(sum(row["spend"] for row in rows))
    assert day["metrics"]["api_requests"] == len(rows)


def test_a_day_may_lie_on_several_pages(simulator: RunningSimulator) -> None:
    whole = litellm(simulator, "user/daily/activity", **DAY, page_size=1000).json()
    parts, page = [], 1
    while page:
        part = litellm(simulator, "user/daily/activity", **DAY, page=page, page_size=20).json()
        parts += part["results"]
        page = page + 1 if part["metadata"]["has_more"] else 0

    assert len(parts) > 1
    spent = sum(part["metrics"]["completion_tokens"] for part in parts)
    assert spent == whole["results"][0]["metrics"]["completion_tokens"]


@pytest.mark.parametrize(
    ("key", "status"), [("sk-litellm-user-0001", 401), ("sk-litellm-revoked-0001", 401), ("", 401)]
)
def test_only_an_admins_key_opens_the_logs(
    simulator: RunningSimulator, key: str, status: int
) -> None:
    response = litellm(simulator, key=key, **NOON)

    assert response.status_code == status
    assert response.json()["error"]["code"] == str(status)


def test_a_users_key_does_not_open_everybodys_days(simulator: RunningSimulator) -> None:
    response = litellm(simulator, "user/daily/activity", key="sk-litellm-user-0001", **DAY)

    assert response.status_code == 403


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"start_date": "2026-11-17T12:00:00Z"}, 400),
        ({"end_date": ""}, 400),
        ({"page_size": 101}, 422),
        ({"page_size": "many"}, 422),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused(
    simulator: RunningSimulator, wrong: dict[str, Any], status: int
) -> None:
    assert litellm(simulator, **{**NOON, **wrong}).status_code == status
