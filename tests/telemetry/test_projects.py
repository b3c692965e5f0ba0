"""Projects and their usage over the API: what one cost the air, and when one may be archived."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection as database

from apps.common.errors import ConflictError
from apps.telemetry.models import ProviderConnection, RoutingRule, TelemetryEvent
from apps.telemetry.services import connections, routing
from apps.workspaces.models import AuditEvent, Project, Workspace
from apps.workspaces.selectors import project_of
from apps.workspaces.services import default_project
from tests.factories import ProjectFactory, new_key
from tests.telemetry.metering import NOW, bucket, connected, row, take
from tests.telemetry.otlp.sending import CHAT, span, traces
from tests.telemetry.tracked import CALL, TRACK
from tests.telemetry.using import A_DAY, SUMMARY

URL = "/api/v1/projects"
RULES = "/api/v1/routing-rules"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_half_past_ten")]


@pytest.fixture
def client(api: Callable[..., Any], workspace: Workspace) -> Any:
    return api(new_key(workspace))


def path(project: Project, more: str = "") -> str:
    return f"{URL}/{project.public_id}{more}"


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def rule(project: Project, value: str = "client-acme") -> dict[str, Any]:
    return {"dimension": "customer", "value": value, "project_id": str(project.public_id)}


def test_analytics_are_the_sums_of_one_project(
    client: Any, workspace: Workspace, search: Project
) -> None:
    mine = connected(workspace, project_id=search.public_id)
    take(mine, bucket(0, row(uncached=100, output=10)), bucket(2, row("o3", 20, 30)))
    take(connected(workspace, "anthropic"), bucket(1, row("claude-sonnet-4-5", 7, 7)))

    answer = client.get(path(search, "/analytics"), A_DAY).json()

    assert answer["project"] == {"id": str(search.public_id), "name": "Search"}
    assert (answer["total"]["input_tokens"], answer["total"]["output_tokens"]) == (120, 40)
    assert {group["key"] for group in answer["by_model"]} == {"gpt-4.1", "o3"}
    assert [group["key"] for group in answer["by_provider"]] == ["openai"]
    (day,) = answer["by_day"]
    assert (day["start_time"], day["totals"]) == ("2026-11-18T00:00:00Z", answer["total"])
    whole = client.get(SUMMARY, A_DAY | {"project_id": str(search.public_id)}).json()
    assert whole["total"] == answer["total"]


def test_analytics_of_nothing_are_zero(client: Any, search: Project) -> None:
    answer = client.get(path(search, "/analytics"), A_DAY).json()

    assert answer["total"]["co2e_grams"] == {"low": 0, "central": 0, "high": 0}
    assert (answer["by_model"], answer["by_day"]) == ([], [])


@pytest.mark.parametrize(
    "query",
    [
        {"start_time": "2026-11-18T00:00:00"},
        {"start_time": "2026-11-18T00:00:00Z", "end_time": "2026-11-18T00:00:00Z"},
        {"start_time": "2020-01-01T00:00:00Z", "end_time": "2026-01-01T00:00:00Z"},
        {"project": "other"},
    ],
    ids=str,
)
def test_analytics_of_no_span_are_refused(
    client: Any, search: Project, query: dict[str, str]
) -> None:
    assert code(client.get(path(search, "/analytics"), query)) == (400, "validation_error")


def test_analytics_ask_as_often_however_much_was_used(
    client: Any, workspace: Workspace, search: Project, django_assert_num_queries: Any
) -> None:
    mine = connected(workspace, project_id=search.public_id)
    take(mine, bucket(0, row()))

    def queries() -> int:
        with django_assert_num_queries(20, exact=False) as captured:
            client.get(path(search, "/analytics"), A_DAY)
        return len(captured)

    queries()
    few = queries()
    take(mine, *(bucket(hour, *(row(f"m{n}") for n in range(9))) for hour in range(3)))
    assert queries() == few


def test_an_archived_project_keeps_its_history_and_takes_no_new_usage(
    client: Any, search: Project
) -> None:
    default = {"project": str(search.public_id)}
    client.post(TRACK, CALL | default)

    assert client.delete(path(search)).status_code == 204
    assert client.delete(path(search)).status_code == 204

    assert code(client.post(TRACK, CALL | default)) == (400, "validation_error")
    told = traces(span(CHAT), resource={"service.name": "bot", "project.name": "Search"})
    assert client.post("/otlp/v1/traces", told).status_code == 200
    assert TelemetryEvent.objects.get(source="otlp.span").project.name == "Default"
    assert TelemetryEvent.objects.filter(project=search).count() == 1
    assert code(client.post(RULES, rule(search))) == (409, "project_archived")
    assert AuditEvent.objects.filter(action="project_archived").count() == 1


def test_archived_projects_are_listed_when_they_are_asked_for(client: Any, search: Project) -> None:
    client.delete(path(search))

    assert client.get(URL).json()["results"] == []
    (listed,) = client.get(URL, {"include_archived": "true"}).json()["results"]
    assert listed == client.get(path(search)).json()
    assert listed["archived_at"] is not None
    assert code(client.get(URL, {"include_archived": "perhaps"})) == (400, "validation_error")


def test_a_restored_project_takes_usage_again(client: Any, search: Project) -> None:
    client.delete(path(search))
    assert code(client.patch(path(search), {"is_default": True})) == (409, "project_archived")

    restored = client.patch(path(search), {"is_archived": False, "is_default": True}).json()

    assert (restored["archived_at"], restored["is_default"]) == (None, True)
    assert client.post(TRACK, CALL).status_code == 202
    assert TelemetryEvent.objects.get().project == search
    assert AuditEvent.objects.filter(action="project_restored").count() == 1


def test_the_default_project_is_not_archived(client: Any, workspace: Workspace) -> None:
    default = default_project(workspace, now=NOW)

    assert code(client.delete(path(default))) == (409, "project_is_default")
    default.refresh_from_db()
    assert default.archived_at is None


def test_a_project_that_is_used_is_not_archived_and_says_by_what(
    client: Any, workspace: Workspace, search: Project
) -> None:
    connection = connected(workspace, project_id=search.public_id)
    rule_id = client.post(RULES, rule(search)).json()["id"]

    refused = client.delete(path(search))

    assert code(refused) == (409, "project_in_use")
    assert refused.json()["error"]["details"] == {
        "connection_ids": [connection.public_id],
        "routing_rule_ids": [rule_id],
    }
    client.delete(f"{RULES}/{rule_id}")
    assert code(client.delete(path(search))) == (409, "project_in_use")
    connections.revoke(connection, actor="tests", now=NOW)
    assert client.delete(path(search)).status_code == 204


@pytest.mark.parametrize("scope", ["read", "track"])
def test_a_key_without_the_scope_archives_nothing(
    api: Callable[..., Any], workspace: Workspace, search: Project, scope: str
) -> None:
    caller = api(new_key(workspace, scopes=[scope]))

    assert code(caller.delete(path(search))) == (403, "permission_denied")
    search.refresh_from_db()
    assert search.archived_at is None


@pytest.mark.django_db(transaction=True)
def test_a_project_is_never_archived_and_pointed_at_by_two_at_once(
    workspace: Workspace, connection: ProviderConnection
) -> None:
    def archive(project: Project) -> None:
        routing.archive_project(project, actor="tests", now=NOW)

    def point(project: Project) -> None:
        routing.create_rule(
            workspace,
            connection_id=connection.public_id,
            dimension="model",
            value=project.name,
            project_id=project.public_id,
            actor="tests",
            now=NOW,
        )

    def attempt(deed: Callable[[Project], None], project: Project) -> bool:
        try:
            deed(project)
        except ConflictError:
            return False
        finally:
            database.close()
        return True

    for project in ProjectFactory.create_batch(6, workspace=workspace):
        with ThreadPoolExecutor(2) as threads:
            done = list(threads.map(attempt, (archive, point), (project, project)))

        assert sorted(done) == [False, True]
        is_archived = project_of(workspace, str(project.public_id)).archived_at is not None
        assert is_archived != RoutingRule.objects.filter(project=project).exists()
