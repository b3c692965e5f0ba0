"""Routing rules: stated over the API, asked when usage is first stored, and never afterwards."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.telemetry.models import ProviderConnection, RoutingRule, TelemetryEvent
from apps.workspaces.models import AuditEvent, Project, Workspace
from apps.workspaces.services import default_project
from tests.factories import MembershipFactory, ProjectFactory, UserFactory, new_key
from tests.telemetry.metering import NOW, assert_sound, bucket, connected, row, take
from tests.telemetry.otlp.sending import CHAT, span, traces
from tests.telemetry.tracked import BATCH, CALL, TRACK

URL = "/api/v1/routing-rules"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_half_past_ten")]


@pytest.fixture
def client(api: Callable[..., Any], workspace: Workspace) -> Any:
    return api(new_key(workspace))


@pytest.fixture
def chat(workspace: Workspace) -> Project:
    return ProjectFactory.create(workspace=workspace, name="Chat")


def asked(project: Project, **changes: Any) -> dict[str, Any]:
    usual = {"dimension": "customer", "value": "acme", "project_id": str(project.public_id)}
    return usual | changes


def stated(client: Any, project: Project, **changes: Any) -> dict[str, Any]:
    answer = client.post(URL, asked(project, **changes))
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def of(project_id: str | None, model: str = "gpt-4.1", tier: str | None = None) -> Any:
    """A row as OpenAI groups it."""
    dims = {"model": model, "project_id": project_id, "service_tier": tier}
    return row(model, dims=dims)


def projects_of_events() -> list[str]:
    events = TelemetryEvent.objects.order_by("used_at", "pk")
    return list(events.values_list("project__name", flat=True))


def test_a_rule_is_answered_listed_written_down_and_ended(
    client: Any, connection: ProviderConnection, search: Project
) -> None:
    rule = stated(
        client,
        search,
        connection_id=connection.public_id,
        dimension="project_id",
        value="proj_1",
    )

    assert set(rule) == {"id", "connection_id", "dimension", "value", "project_id", "created_at"}
    assert rule["connection_id"] == connection.public_id
    assert client.get(URL).json()["results"] == [rule]
    event = AuditEvent.objects.get(action="routing_rule_created")
    assert event.object_ref == rule["id"]
    assert event.details == {
        "connection_id": connection.public_id,
        "dimension": "project_id",
        "value": "proj_1",
        "project_id": str(search.public_id),
    }
    assert client.delete(f"{URL}/{rule['id']}").status_code == 204
    assert client.get(URL).json()["results"] == []
    assert AuditEvent.objects.get(action="routing_rule_deleted").details == event.details
    assert code(client.delete(f"{URL}/{rule['id']}")) == (404, "routing_rule_not_found")


def test_metered_usage_follows_the_first_rule_in_the_order_of_its_grouping(
    client: Any, connection: ProviderConnection, search: Project, chat: Project
) -> None:
    mine = {"connection_id": connection.public_id}
    stated(client, search, dimension="project_id", value="proj_1", **mine)
    stated(client, chat, dimension="model", value="o3", **mine)

    take(
        connection,
        bucket(0, of("proj_1")),
        bucket(1, of("proj_1", "o3")),  # the model is grouped by before the project
        bucket(2, of("proj_2", tier="batch"), of(None)),
    )

    assert projects_of_events() == ["Search", "Chat", "Default", "Default"]
    assert_sound()


def test_another_connections_rules_and_those_of_pushed_usage_are_not_asked(
    client: Any, workspace: Workspace, connection: ProviderConnection, search: Project
) -> None:
    other = connected(workspace, "anthropic")
    stated(client, search, connection_id=other.public_id, dimension="model", value="gpt-4.1")
    stated(client, search, dimension="customer", value="gpt-4.1")

    take(connection, bucket(0, of("proj_1")))

    assert projects_of_events() == ["Default"]


def test_an_event_keeps_its_project_whatever_is_ruled_and_revised_later(
    client: Any, connection: ProviderConnection, search: Project
) -> None:
    take(connection, bucket(0, of("proj_1")))
    stated(client, search, connection_id=connection.public_id, dimension="model", value="gpt-4.1")

    dims = {"model": "gpt-4.1", "project_id": "proj_1", "service_tier": None}
    take(connection, bucket(0, row(uncached=7000, dims=dims)), bucket(1, of("proj_1")))

    assert projects_of_events() == ["Default", "Search"]
    assert TelemetryEvent.objects.get(project=search).input_uncached_tokens == 1000
    assert TelemetryEvent.objects.exclude(project=search).get().input_uncached_tokens == 7000
    assert_sound()


def test_a_reading_asks_for_the_rules_once(
    client: Any, connection: ProviderConnection, search: Project, django_assert_num_queries: Any
) -> None:
    for model in ("a", "b", "c"):
        stated(client, search, connection_id=connection.public_id, dimension="model", value=model)
    take(connection, bucket(0, of("proj_1")))

    def queries(*rows: Any, hour: int) -> int:
        with django_assert_num_queries(30, exact=False) as captured:
            take(connection, bucket(hour, *rows))
        return len(captured)

    one = queries(of("proj_1", "a"), hour=1)
    assert queries(*(of(f"proj_{n}", "b") for n in range(50)), hour=2) == one
    assert TelemetryEvent.objects.filter(project=search).count() == 51


def test_tracked_calls_follow_the_label_of_their_session_then_of_their_customer(
    client: Any, search: Project, chat: Project
) -> None:
    stated(client, search, value="client-acme")
    stated(client, chat, dimension="session_id", value="s-1")

    calls = [CALL, CALL | {"session_id": "s-1"}, CALL | {"tenant_id": "somebody"}]
    assert client.post(BATCH, {"events": calls}).status_code == 202
    assert client.post(TRACK, CALL | {"session_id": "s-2", "project": "Chat"}).status_code == 202

    placed = TelemetryEvent.objects.values_list("customer", "session_id", "project__name")
    assert set(placed) == {
        ("client-acme", None, "Search"),
        ("client-acme", "s-1", "Chat"),
        ("somebody", None, "Default"),
        ("client-acme", "s-2", "Search"),
    }


def test_spans_follow_the_label_of_their_session(client: Any, chat: Project) -> None:
    stated(client, chat, dimension="session_id", value="talk-9")

    told = CHAT | {"gen_ai.conversation.id": "talk-9"}
    assert client.post("/otlp/v1/traces", traces(span(told))).status_code == 200

    assert projects_of_events() == ["Chat"]
    assert_sound()


def test_a_request_repeated_after_a_rule_was_made_is_the_same_request(
    client: Any, search: Project
) -> None:
    key = {"Idempotency-Key": "order-1"}
    first = client.post(TRACK, CALL, headers=key).json()
    stated(client, search, value="client-acme")

    again = client.post(TRACK, CALL, headers=key)
    other = client.post(TRACK, CALL | {"prompt_tokens": 7}, headers=key)

    assert (again.status_code, again.json()["event_id"]) == (202, first["event_id"])
    assert code(other) == (409, "idempotency_key_reused")
    assert projects_of_events() == ["Default"]


@pytest.mark.parametrize(
    "changes",
    [
        {"dimension": "model"},
        {"dimension": ""},
        {"dimension": "developer"},
        {"value": ""},
        {"value": "x" * 201},
        {"value": "a\0b"},
        {"value": None},
        {"project_id": "Search"},
        {"connection_id": "x" * 41},
        {"colour": "red"},
    ],
    ids=str,
)
def test_what_is_no_rule_is_refused(client: Any, search: Project, changes: dict[str, Any]) -> None:
    assert code(client.post(URL, asked(search, **changes))) == (400, "validation_error")
    assert RoutingRule.objects.count() == 0


@pytest.mark.parametrize(
    ("provider", "grouped"),
    [("openai", "project_id"), ("anthropic", "workspace_id"), ("openrouter", "endpoint_id")],
)
def test_a_connection_is_ruled_by_what_its_provider_groups_by(
    client: Any, workspace: Workspace, search: Project, provider: str, grouped: str
) -> None:
    mine = {"connection_id": connected(workspace, provider).public_id}

    refused = client.post(URL, asked(search, **mine))

    assert code(refused) == (400, "validation_error")
    (said,) = refused.json()["error"]["details"]["fields"]["dimension"]
    assert grouped in said
    assert "customer" not in said
    assert stated(client, search, dimension=grouped, **mine)["dimension"] == grouped


def test_a_value_has_one_rule(
    client: Any, connection: ProviderConnection, search: Project, chat: Project
) -> None:
    stated(client, search)
    assert code(client.post(URL, asked(chat))) == (409, "routing_rule_exists")

    mine = {"connection_id": connection.public_id, "dimension": "model"}
    stated(client, search, **mine)
    assert code(client.post(URL, asked(chat, **mine))) == (409, "routing_rule_exists")
    assert RoutingRule.objects.filter(project=chat).count() == 0


def test_another_workspaces_connection_project_and_rule_are_not_there(
    client: Any, api: Callable[..., Any], theirs: Workspace, search: Project
) -> None:
    other = api(new_key(theirs))
    project = default_project(theirs, now=NOW)
    rule = stated(other, project)
    connection = connected(theirs)

    named = asked(search, connection_id=connection.public_id, dimension="model")
    assert code(client.post(URL, named)) == (404, "connection_not_found")
    assert code(client.post(URL, asked(project))) == (404, "project_not_found")
    assert code(client.delete(f"{URL}/{rule['id']}")) == (404, "routing_rule_not_found")
    assert client.get(URL).json()["results"] == []
    assert other.get(URL).json()["results"] == [rule]


@pytest.mark.parametrize(("role", "status"), [("member", 201), ("auditor", 403)])
def test_an_auditor_reads_only(
    api: Callable[..., Any], workspace: Workspace, search: Project, role: str, status: int
) -> None:
    person = UserFactory.create()
    MembershipFactory.create(workspace=workspace, user=person, role=role)
    caller = api()
    caller.force_login(person)

    assert caller.get(URL).status_code == 200
    assert caller.post(URL, asked(search)).status_code == status


def test_the_list_costs_the_same_however_long_it_is(
    client: Any, connection: ProviderConnection, search: Project, django_assert_num_queries: Any
) -> None:
    for number in range(12):
        mine = {"connection_id": connection.public_id} if number % 2 else {}
        dimension = "model" if number % 2 else "customer"
        stated(client, search, dimension=dimension, value=f"value {number}", **mine)

    with django_assert_num_queries(4):
        assert len(client.get(URL).json()["results"]) == 12
