"""Unusual days over the API: found by weekday, of the workspace, its models and its projects."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from apps.workspaces.models import Workspace
from apps.workspaces.services import default_project
from tests.factories import ProjectFactory, new_key
from tests.telemetry.budgets.keeping import DAY, NOW, use

pytestmark = pytest.mark.usefixtures("at_half_past_ten")
URL = "/api/v1/telemetry/anomalies"
WEEK = timedelta(weeks=1)


def usual_weeks(workspace: Workspace, *, days: int = 0, weeks: int = 8, **more: Any) -> None:
    """A kilogram on the same weekday of each of so many weeks before the day."""
    for number in range(1, weeks + 1):
        use(workspace, 1000, NOW - days * DAY - number * WEEK, **more)


def found(client: Any, **query: str) -> list[dict[str, Any]]:
    answer = client.get(URL, query)
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()["anomalies"]
    return rows


def test_a_day_far_above_its_weekday_is_named_whole_by_project_and_by_model(
    client: Any, workspace: Workspace
) -> None:
    usual_weeks(workspace, days=2)
    use(workspace, 5000, NOW - 2 * DAY)

    rows = found(client)

    assert [(row["day"], row["scope"], row["label"]) for row in rows] == [
        ("2026-11-16", "workspace", "all usage"),
        ("2026-11-16", "project", default_project(workspace, now=NOW).name),
        ("2026-11-16", "model", "gpt-4.1"),
    ]
    assert rows[0]["co2e_grams"] == {"low": 2500, "central": 5000, "high": 10000}
    assert (rows[0]["usual_co2e_grams"], rows[0]["is_unfinished"]) == (1000, False)
    assert rows[1]["key"] == str(default_project(workspace, now=NOW).public_id)


def test_today_is_named_only_when_it_is_above_already(client: Any, workspace: Workspace) -> None:
    usual_weeks(workspace)
    use(workspace, 1999)
    assert found(client) == []

    use(workspace, 1, model="o3")
    assert [(row["scope"], row["is_unfinished"]) for row in found(client)] == [
        ("workspace", True),
        ("project", True),
    ]


def test_other_weekdays_say_nothing_about_this_one(client: Any, workspace: Workspace) -> None:
    for number in range(1, 57):
        if number % 7:
            use(workspace, 10, NOW - number * DAY)
    usual_weeks(workspace)
    use(workspace, 1000)

    assert found(client) == []


@pytest.mark.parametrize(("weeks", "named"), [(5, 0), (6, 3)])
def test_young_use_is_not_judged(client: Any, workspace: Workspace, weeks: int, named: int) -> None:
    usual_weeks(workspace, weeks=weeks)
    use(workspace, 99_999)

    assert len(found(client)) == named


def test_one_model_may_be_unusual_where_the_whole_is_not(client: Any, workspace: Workspace) -> None:
    usual_weeks(workspace, model="o3")
    for number in range(9):
        use(workspace, 90_000, NOW - number * WEEK)
    use(workspace, 3000, model="o3")

    assert [(row["scope"], row["key"]) for row in found(client)] == [("model", "o3")]


def test_test_usage_and_other_workspaces_are_left_out(
    client: Any, api: Callable[..., Any], workspace: Workspace, theirs: Workspace
) -> None:
    usual_weeks(workspace)
    use(workspace, 9999, is_test=True)
    usual_weeks(theirs)
    use(theirs, 9999)

    assert found(client) == []
    assert len(found(api(new_key(theirs)))) == 3


def test_the_span_chooses_the_days_that_are_judged(client: Any, workspace: Workspace) -> None:
    usual_weeks(workspace, days=1)
    use(workspace, 5000, NOW - DAY)

    touched = {"start_time": "2026-11-17T23:59:59Z", "end_time": "2026-11-18T00:00:00Z"}
    after = {"start_time": "2026-11-18T00:00:00Z", "end_time": "2027-01-01T00:00:00Z"}

    assert len(found(client, **touched)) == 3
    assert found(client, **after) == []


@pytest.mark.parametrize(
    "query",
    [
        {"start_time": "2026-11-18T00:00:00Z", "end_time": "2026-11-18T00:00:00Z"},
        {"start_time": "2026-01-01T00:00:00Z"},
        {"start_time": "2026-11-17T00:00:00"},
        {"limit": "5"},
    ],
)
def test_a_span_that_cannot_be_meant_is_refused(client: Any, query: dict[str, str]) -> None:
    assert client.get(URL, query).status_code == 400


def test_the_first_days_of_all_time_can_be_asked_for(client: Any) -> None:
    assert found(client, start_time="0001-01-01T00:00:00Z", end_time="0001-01-09T00:00:00Z") == []


def test_it_takes_one_query_for_any_number_of_models_and_projects(
    client: Any, workspace: Workspace
) -> None:
    for number in range(5):
        project = ProjectFactory.create(workspace=workspace)
        usual_weeks(workspace, project=project, model=f"model-{number}")
        use(workspace, 9999, project=project, model=f"model-{number}")

    with CaptureQueriesContext(database) as queries:
        rows = client.get(URL).json()["anomalies"]

    assert len(rows) == 11
    assert sum("telemetry_" in query["sql"] for query in queries) == 1
