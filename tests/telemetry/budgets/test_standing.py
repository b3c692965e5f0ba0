"""How a month stands: what counts, the forecast, and lists in few queries."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from apps.telemetry.services.budget_alerts import check_budgets
from apps.workspaces.models import Workspace
from tests.factories import ProjectFactory
from tests.telemetry.budgets.keeping import DAY, NOW, URL, compute, kept, use

pytestmark = pytest.mark.usefixtures("at_half_past_ten")


def test_a_workspace_budget_counts_compute_and_a_projects_does_not(
    client: Any, workspace: Workspace
) -> None:
    ours, other = ProjectFactory.create_batch(2, workspace=workspace)
    whole = kept(client, thresholds=[100])
    of_project = kept(client, name="Project", thresholds=[10], project_id=str(ours.public_id))
    use(workspace, 60, project=ours)
    use(workspace, 50, project=other)
    use(workspace, 9999, is_test=True, model="o3")
    compute(workspace, 900)
    compute(workspace, 9999, NOW - timedelta(hours=1), is_test=True)

    check_budgets(now=NOW)

    shown = {one["id"]: one for one in client.get(URL).json()["results"]}
    assert shown[whole["id"]]["used"] == {"low": 505, "central": 1010, "high": 2020}
    assert shown[whole["id"]]["percent"] == {"low": 50.5, "central": 101, "high": 202}
    assert shown[of_project["id"]]["used"]["central"] == 60
    assert shown[of_project["id"]]["counts"] == ["llm"]
    assert [len(one["alerts"]) for one in shown.values()] == [0, 1]


def test_energy_is_counted_in_kilowatt_hours(client: Any, workspace: Workspace) -> None:
    body = kept(client, unit="energy_kwh", monthly_amount=2.5, thresholds=[80])
    use(workspace, 9999, kwh="1.5")
    compute(workspace, 9999, kwh=0)
    use(workspace, 0, NOW - DAY, kwh="0.5")

    assert check_budgets(now=NOW) == 1
    assert client.get(f"{URL}/{body['id']}").json()["used"]["central"] == 2


def test_the_forecast_is_the_mean_of_finished_days_and_never_less_than_what_is_used(
    client: Any, workspace: Workspace
) -> None:
    use(workspace, 170, NOW - 3 * DAY)
    use(workspace, 5)
    body = kept(client)

    assert body["forecast"] == {"low": 150, "central": 300, "high": 600}

    use(workspace, 1000, model="o3")
    assert client.get(f"{URL}/{body['id']}").json()["forecast"]["central"] == 1175


@pytest.mark.parametrize(("day", "is_known"), [(3, False), (4, True)])
def test_there_is_no_forecast_in_the_first_three_days(
    client: Any, workspace: Workspace, day: int, *, is_known: bool
) -> None:
    use(workspace, 100, datetime(2026, 11, 1, tzinfo=UTC))

    with time_machine.travel(datetime(2026, 11, day, 23, 59, tzinfo=UTC), tick=False):
        assert (kept(client)["forecast"] is not None) is is_known


@pytest.mark.parametrize("number", [1, 20])
def test_the_list_takes_the_same_queries_for_any_number(
    client: Any, workspace: Workspace, number: int
) -> None:
    for index in range(number):
        kept(client, name=f"{index}")
    use(workspace, 900)
    check_budgets(now=NOW)

    with CaptureQueriesContext(database) as queries:
        found = client.get(URL).json()["results"]

    assert [len(one["alerts"]) for one in found] == [2] * number
    assert sum("telemetry_" in query["sql"] for query in queries) == 7


def test_alerts_are_paged_latest_first_in_the_same_queries(
    client: Any, workspace: Workspace
) -> None:
    body = kept(client, thresholds=list(range(5, 105, 5)))
    use(workspace, 1000)
    check_budgets(now=NOW)

    with CaptureQueriesContext(database) as queries:
        page = client.get(f"{URL}/{body['id']}/alerts", {"limit": 15}).json()
    asked = sum("telemetry_" in query["sql"] for query in queries)

    assert (len(page["results"]), asked) == (15, 3)
    assert len(client.get(page["next"]).json()["results"]) == 5
