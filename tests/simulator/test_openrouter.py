"""OpenRouter's activity, analytics and key facts as the simulator gives them."""

import pytest
import requests

from devstack.simulator.testing import RunningSimulator
from tests.simulator.asking import OPENROUTER_KEY, openrouter
from tests.simulator.schemas import errors


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("activity", "ActivityResponse"),
        ("key", "KeyResponse"),
        ("credits", "CreditsResponse"),
        ("models", "ModelsListResponse"),
        ("analytics/meta", "AnalyticsMetaResponse"),
    ],
)
def test_every_answer_has_the_published_shape(
    simulator: RunningSimulator, path: str, shape: str
) -> None:
    response = openrouter(simulator, path)

    assert response.status_code == 200
    assert errors("openrouter", shape, response.json()) == []


def test_activity_covers_the_last_thirty_completed_days(simulator: RunningSimulator) -> None:
    rows = openrouter(simulator).json()["data"]

    days = list(dict.fromkeys(row["date"] for row in rows))
    assert days[0] == "2026-11-17"
    assert days[-1] == "2026-10-19"
    assert len(days) == 30


def test_one_day_can_be_asked_for_but_no_running_and_no_forgotten_one(
    simulator: RunningSimulator,
) -> None:
    day = openrouter(simulator, date="2026-11-10").json()["data"]

    assert {row["date"] for row in day} == {"2026-11-10"}
    for date in ("2026-11-18", "2026-10-18", "soon"):
        response = openrouter(simulator, date=date)
        assert response.status_code == 400
        assert errors("openrouter", "BadRequestResponse", response.json()) == []


def test_workspaces_appear_only_when_asked_for_and_own_keys_are_marked(
    simulator: RunningSimulator,
) -> None:
    plain = openrouter(simulator, date="2026-11-10").json()["data"]
    grouped = openrouter(simulator, date="2026-11-10", group_by="workspace").json()["data"]

    assert all("workspace_id" not in row for row in plain)
    assert len({row["workspace_id"] for row in grouped}) == 2
    own = [row for row in plain if row["byok_usage_inference"] > 0]
    assert [(row["provider_name"], row["usage"]) for row in own] == [("Anthropic", 0)]


def test_the_older_shape_knows_no_cached_tokens(simulator: RunningSimulator) -> None:
    simulator.set_shape(openrouter="older")

    assert "cached_tokens" not in openrouter(simulator).json()["data"][0]


@pytest.mark.parametrize(
    ("key", "status", "flag"),
    [
        (OPENROUTER_KEY, 200, True),
        ("sk-or-v1-simulated-inference-0001", 200, False),
        ("sk-or-v1-simulated-expired-0001", 401, None),
    ],
)
def test_only_asking_tells_a_management_key_from_another(
    simulator: RunningSimulator, *, key: str, status: int, flag: bool | None
) -> None:
    response = openrouter(simulator, "key", key=key)

    assert response.status_code == status
    assert response.json().get("data", {}).get("is_management_key") is flag


def test_reports_want_a_management_key(simulator: RunningSimulator) -> None:
    response = openrouter(simulator, key="sk-or-v1-simulated-inference-0001")

    assert response.status_code == 403
    assert errors("openrouter", "ForbiddenResponse", response.json()) == []


def _query(simulator: RunningSimulator, **more: object) -> requests.Response:
    body = {
        "metrics": ["request_count", "tokens_prompt", "tokens_completion"],
        "dimensions": ["model", "provider"],
        "granularity": "hour",
        "time_range": {"start": "2026-11-17T00:00:00Z", "end": "2026-11-18T00:00:00Z"},
        **more,
    }
    return requests.post(
        f"{simulator.url}/openrouter/api/v1/analytics/query",
        json=body,
        headers={"Authorization": f"Bearer {OPENROUTER_KEY}"},
        timeout=10,
    )


def test_hours_of_analytics_add_up_to_the_day_of_activity(simulator: RunningSimulator) -> None:
    answer = _query(simulator).json()
    day = openrouter(simulator, date="2026-11-17").json()["data"]

    assert errors("openrouter", "AnalyticsQueryResponse", answer) == []
    rows = answer["data"]["data"]
    assert rows[0]["date__hour"] > rows[-1]["date__hour"]
    counted = sum(int(row["tokens_prompt"]) for row in rows)
    assert counted == sum(row["prompt_tokens"] for row in day) > 0


def test_a_cut_answer_says_that_it_is_cut(simulator: RunningSimulator) -> None:
    whole, cut = _query(simulator).json()["data"], _query(simulator, limit=5).json()["data"]

    assert whole["metadata"]["truncated"] is False
    assert cut["metadata"]["truncated"] is True
    assert len(cut["data"]) == 5


@pytest.mark.parametrize(
    "wrong",
    [{"metrics": ["joy"]}, {"granularity": "week"}, {"time_range": {}}, {"limit": 10_001}],
)
def test_a_query_that_cannot_be_answered_is_refused(
    simulator: RunningSimulator, wrong: dict[str, object]
) -> None:
    assert _query(simulator, **wrong).status_code == 400
