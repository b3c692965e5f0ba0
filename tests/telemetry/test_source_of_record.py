"""Sources of record over the API: what is declared counts, before and after; nothing is lost."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.telemetry import tasks
from apps.telemetry.models import CarbonEntry, ProviderConnection, SourceOfRecord, TelemetryEvent
from apps.telemetry.services import recounting
from apps.workspaces.models import AuditEvent, Workspace
from tests.factories import MembershipFactory, UserFactory, new_key
from tests.telemetry.metering import (
    NOW,
    START,
    assert_sound,
    bucket,
    connected,
    contents,
    row,
    take,
)
from tests.telemetry.otlp.sending import CHAT, span, traces
from tests.telemetry.recorded_once import assert_counted_once
from tests.telemetry.tracked import CALL, TRACK
from tests.telemetry.using import SUMMARY

URL = "/api/v1/sources-of-record"
OPENAI = f"{URL}/openai"
PUSHED = CALL | {"provider": "openai", "timestamp": f"{START:%Y-%m-%dT%H:%M:%SZ}"}
SPAN = {"start_time": "2026-11-18T00:00:00Z", "end_time": "2026-11-19T00:00:00Z"}

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_half_past_ten")]


@pytest.fixture
def client(api: Callable[..., Any], workspace: Workspace) -> Any:
    return api(new_key(workspace))


def declare(client: Any, counted: str, url: str = OPENAI) -> dict[str, Any]:
    answer = client.put(url, {"counted": counted})
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def follow(workspace: Workspace) -> None:
    """What the worker does when the bell rings."""
    tasks.apply_source_of_record(workspace.pk)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def counted() -> dict[str, bool]:
    """By source."""
    return dict(TelemetryEvent.objects.values_list("source", "is_counted"))


def both(client: Any, connection: ProviderConnection) -> None:
    """One use of OpenAI that its meter tells and one that is pushed."""
    take(connection, bucket(0, row(uncached=1000, output=500)))
    assert client.post(TRACK, PUSHED).status_code == 202


def test_what_was_pushed_before_and_after_does_not_count_where_the_meter_does(
    client: Any, workspace: Workspace, connection: ProviderConnection
) -> None:
    both(client, connection)

    declare(client, "connection")
    follow(workspace)
    answer = client.post(TRACK, PUSHED).json()
    client.post("/otlp/v1/traces", traces(span(CHAT)))
    take(connection, bucket(0, row()), bucket(1, row(uncached=70, output=7)))

    assert counted() == {"openai.completions": True, "track": False, "otlp.span": False}
    assert TelemetryEvent.objects.count() == 5  # all of them are kept
    assert (answer["total_tokens"], answer["estimated_co2_grams"]) == (1500, 0)
    total = client.get(SUMMARY, SPAN).json()["total"]
    assert (total["input_tokens"], total["output_tokens"]) == (1070, 507)
    assert_counted_once()
    assert_sound()


def test_what_the_meter_reports_revises_and_withdraws_does_not_count_where_pushed_does(
    client: Any, workspace: Workspace, connection: ProviderConnection
) -> None:
    both(client, connection)
    take(connection, bucket(0, row()), bucket(1, row("o3")), bucket(2, row("o4-mini")))

    declare(client, "pushed")
    follow(workspace)
    take(connection, bucket(0, row(uncached=9)), bucket(2, row("o4-mini")), bucket(1))

    assert counted() == {"openai.completions": False, "track": True}
    assert TelemetryEvent.objects.filter(is_withdrawn=True).count() == 1
    total = client.get(SUMMARY, SPAN).json()["total"]
    assert (total["input_tokens"], total["output_tokens"]) == (1000, 500)
    assert_counted_once()
    assert_sound()


def test_to_withdraw_it_counts_everything_again_as_it_was(
    client: Any, workspace: Workspace, connection: ProviderConnection
) -> None:
    both(client, connection)
    before = client.get(SUMMARY, SPAN).json()
    for counted_now in ("connection", "pushed"):
        declare(client, counted_now)
        follow(workspace)

    assert client.delete(OPENAI).status_code == 204
    follow(workspace)

    after = client.get(SUMMARY, SPAN).json()
    assert (after["total"], after["by_model"]) == (before["total"], before["by_model"])
    reasons = CarbonEntry.objects.filter(event__source="track").order_by("sequence")
    assert list(reasons.values_list("reason", flat=True)) == [
        *("measured", "superseded", "revised"),
    ]
    assert_counted_once()
    assert_sound()


def test_only_entries_are_added_and_to_repeat_it_adds_none(
    client: Any, workspace: Workspace, connection: ProviderConnection
) -> None:
    both(client, connection)
    first = list(CarbonEntry.objects.order_by("pk").values())

    declare(client, "connection")
    follow(workspace)
    entries = list(CarbonEntry.objects.order_by("pk").values())
    once = contents()
    declare(client, "connection")
    follow(workspace)
    tasks.apply_sources_of_record()

    assert entries[: len(first)] == first
    assert len(entries) == len(first) + 1
    assert entries[-1]["calculation"]["is_counted"] is False
    assert contents() == once
    assert AuditEvent.objects.filter(action="source_of_record_declared").count() == 1


def test_events_of_other_providers_and_workspaces_are_left_alone(
    client: Any,
    api: Callable[..., Any],
    workspace: Workspace,
    theirs: Workspace,
    connection: ProviderConnection,
) -> None:
    other = api(new_key(theirs))
    both(client, connection)
    both(other, connected(theirs))
    client.post(TRACK, PUSHED | {"provider": "anthropic"})
    client.post(TRACK, CALL)  # names no provider

    declare(client, "connection")
    follow(workspace)

    events = TelemetryEvent.objects.filter(is_counted=False)
    assert [(one.workspace, one.provider) for one in events] == [(workspace, "openai")]
    assert code(other.delete(OPENAI)) == (404, "source_of_record_not_found")
    assert other.get(URL).json()["results"] == []


def byok(name: str | None, model: str, **more: Any) -> Any:
    raw = {"model": model} | ({"provider_name": name} if name else {})
    return row(model, byok=True, dims={"model": model, "endpoint_id": name}, raw=raw, **more)


def test_a_routers_row_on_ones_own_key_yields_to_the_meter_of_that_account(
    client: Any, workspace: Workspace
) -> None:
    router = connected(workspace, "openrouter")
    rows = (
        byok("OpenAI", "openai/gpt-4.1"),
        byok(None, "openai/o3"),
        byok("Azure", "openai/gpt-4o"),  # an account at Azure
        byok("Anthropic", "anthropic/claude-sonnet-4.5"),
        row("openai/gpt-5", dims={"model": "openai/gpt-5"}, raw={"provider_name": "OpenAI"}),
    )
    take(router, bucket(0, *rows))

    declare(client, "connection")
    follow(workspace)
    take(router, bucket(0, *rows), bucket(1, *rows))

    not_counted = TelemetryEvent.objects.filter(is_counted=False)
    assert sorted(str(one.model) for one in not_counted) == [
        *("openai/gpt-4.1", "openai/gpt-4.1", "openai/o3", "openai/o3"),
    ]
    assert_counted_once()
    assert_sound()


def test_a_better_signal_counts_only_if_pushed_usage_does(
    client: Any, workspace: Workspace
) -> None:
    client.post("/otlp/v1/traces", traces(span(CHAT)))
    declare(client, "connection")
    follow(workspace)
    revised = CHAT | {"gen_ai.usage.output_tokens": 999}
    client.post("/otlp/v1/traces", traces(span(revised)))
    assert counted() == {"otlp.span": False}

    client.delete(OPENAI)
    follow(workspace)

    event = TelemetryEvent.objects.get()
    assert (event.is_counted, event.output_tokens) == (True, 999)
    assert_counted_once()
    assert_sound()


def test_the_list_says_what_is_declared_and_what_is_missing(
    client: Any, workspace: Workspace, connection: ProviderConnection
) -> None:
    take(connection, bucket(0, row(uncached=1000, output=500, input_cache_read=7)))
    assert client.get(URL).json() == {"results": [], "undeclared": [], "is_applied": True}

    client.post(TRACK, PUSHED)
    missing = {"provider": "openai", "pushed_tokens": 1500, "metered_tokens": 1507}
    assert client.get(URL).json()["undeclared"] == [missing]

    body = declare(client, "connection")
    assert set(body) == {"provider", "counted", "declared_by", "declared_at"}
    waiting = client.get(URL).json()
    assert waiting == {"results": [body], "undeclared": [], "is_applied": False}
    follow(workspace)
    assert client.get(URL).json()["is_applied"] is True


def test_test_events_are_no_double_counting(
    api: Callable[..., Any], client: Any, workspace: Workspace, connection: ProviderConnection
) -> None:
    take(connection, bucket(0, row()))
    assert api(new_key(workspace, mode="test")).post(TRACK, PUSHED).status_code == 202

    assert client.get(URL).json()["undeclared"] == []


def test_the_list_costs_the_same_however_much_was_used(
    client: Any, connection: ProviderConnection, django_assert_num_queries: Any
) -> None:
    both(client, connection)
    take(connection, *(bucket(hour, *(row(f"m{n}") for n in range(9))) for hour in range(3)))

    with django_assert_num_queries(6):
        client.get(URL)


def test_what_is_declared_and_withdrawn_is_written_down(client: Any, workspace: Workspace) -> None:
    declare(client, "connection")
    declare(client, "pushed")
    client.delete(OPENAI)
    follow(workspace)

    trail = AuditEvent.objects.filter(action__startswith="source_of_record").order_by("pk")
    assert [(one.action, one.object_ref, one.details) for one in trail] == [
        ("source_of_record_declared", "openai", {"from": None, "to": "connection"}),
        ("source_of_record_declared", "openai", {"from": "connection", "to": "pushed"}),
        ("source_of_record_withdrawn", "openai", {"from": "pushed"}),
        ("source_of_record_applied", "", {}),
    ]


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (OPENAI, {}),
        (OPENAI, {"counted": "both"}),
        (OPENAI, {"counted": None}),
        (OPENAI, {"counted": "pushed", "provider": "openai"}),
        (OPENAI, ["pushed"]),
        (f"{URL}/OpenAI", {"counted": "pushed"}),
        (f"{URL}/nobody", {"counted": "pushed"}),
        (f"{URL}/{'x' * 300}", {"counted": "pushed"}),
    ],
    ids=str,
)
def test_what_is_no_declaration_is_refused(client: Any, url: str, body: Any) -> None:
    assert code(client.put(url, body)) == (400, "validation_error")
    assert SourceOfRecord.objects.count() == 0


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("admin", 200), ("member", 403), ("auditor", 403)]
)
def test_members_and_auditors_read_only(
    api: Callable[..., Any], workspace: Workspace, role: str, status: int
) -> None:
    person = UserFactory.create()
    MembershipFactory.create(workspace=workspace, user=person, role=role)
    caller = api()
    caller.force_login(person)

    assert caller.get(URL).status_code == 200
    assert caller.put(OPENAI, {"counted": "pushed"}).status_code == status
    assert caller.delete(OPENAI).status_code == (204 if status == 200 else 403)


def test_a_run_that_was_killed_is_finished_by_the_next_tick(
    client: Any, workspace: Workspace, connection: ProviderConnection
) -> None:
    take(connection, bucket(0, *(row(f"m{n}") for n in range(5))))
    declare(client, "pushed")
    moments = iter([NOW, NOW])

    with pytest.raises(StopIteration):  # two chunks, and then the end
        recounting.recount(workspace.pk, clock=lambda: next(moments), chunk=2)

    assert TelemetryEvent.objects.filter(is_counted=False).count() == 4
    assert_sound()
    assert client.get(URL).json()["is_applied"] is False
    assert tasks.apply_sources_of_record() == 1
    follow(workspace)
    assert TelemetryEvent.objects.filter(is_counted=True).count() == 0
    assert tasks.apply_sources_of_record() == 0
    assert_counted_once()
    assert_sound()


def test_a_declaration_made_while_another_is_applied_is_applied_as_well(
    client: Any, workspace: Workspace, connection: ProviderConnection
) -> None:
    take(connection, bucket(0, *(row(f"m{n}") for n in range(5))))
    client.post(TRACK, PUSHED)
    declare(client, "pushed")
    asked = []

    def clock() -> Any:
        asked.append(NOW)
        if len(asked) == 3:
            declare(client, "connection")
        return NOW

    recounting.recount(workspace.pk, clock=clock, chunk=2)

    assert counted() == {"openai.completions": True, "track": False}
    assert client.get(URL).json()["is_applied"] is True
    assert_counted_once()
    assert_sound()
