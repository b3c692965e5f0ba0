"""GET /session/{developer_id}/today: one developer's day, found by a hash and by nothing else."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from apps.telemetry.models import TelemetryEvent
from apps.workspaces.models import Workspace
from tests.factories import new_key

TODAY = "/api/v1/session/{}/today"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CALL = {
    "tenant_id": "own",
    "model": "claude-sonnet-4-5",
    "prompt_tokens": 900,
    "completion_tokens": 100,
    "developer_id": "ada@example.com",
    "session_id": "one",
}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def live(api: Callable[..., Any], workspace: Workspace) -> Any:
    return api(new_key(workspace))


def track(client: Any, **changes: Any) -> float:
    answer = client.post("/api/v1/track", CALL | changes)
    assert answer.status_code == 202
    return float(answer.json()["estimated_co2_grams"])


def test_a_day_is_summed_by_session(live: Any) -> None:
    grams = [
        track(live),
        track(live, timestamp=(NOON - timedelta(hours=2)).isoformat()),
        track(live, session_id="two", model="gpt-4o-mini"),
    ]

    body = live.get(TODAY.format("ada@example.com")).json()

    assert body["developer_id"] == "ada@example.com"
    assert body["today_prompts"] == 3
    assert body["today_tokens"] == 3000
    assert body["today_co2_grams"] == pytest.approx(sum(grams))
    assert body["top_model"] == "claude-sonnet-4-5"
    assert "LED lamp" in body["equivalent"]
    first, second = body["sessions"]
    assert (first["session_id"], second["session_id"]) == ("one", "two")
    assert first["total_prompt_tokens"] == 1800
    assert first["total_completion_tokens"] == 200
    assert first["total_co2_grams"] == pytest.approx(grams[0] + grams[1])
    assert first["started_at"] == "2026-11-20T10:00:00Z"
    assert first["last_activity"] == "2026-11-20T12:00:00Z"
    assert second["model"] == "gpt-4o-mini"
    assert first["id"] != second["id"]


def test_a_developer_nobody_knows_has_used_nothing(live: Any) -> None:
    body = live.get(TODAY.format("nobody")).json()

    assert body == {
        "developer_id": "nobody",
        "today_co2_grams": 0.0,
        "today_prompts": 0,
        "today_tokens": 0,
        "top_model": None,
        "sessions": [],
        "equivalent": "nothing yet today",
    }


@pytest.mark.parametrize("hours", [-13, 12])
def test_only_the_current_utc_day_counts(live: Any, hours: int) -> None:
    track(live)

    with time_machine.travel(NOON + timedelta(hours=hours), tick=False):
        body = live.get(TODAY.format("ada@example.com")).json()

    assert body["today_tokens"] == 0


def test_no_name_of_a_developer_is_stored(live: Any) -> None:
    track(live)

    event: dict[str, Any] = dict(TelemetryEvent.objects.values().get())
    kept = bytes(event.pop("developer") or b"")
    assert len(kept) == 32
    assert b"ada" not in kept
    assert "ada" not in str(event)


def test_two_workspaces_never_see_each_other(
    live: Any, api: Callable[..., Any], theirs: Workspace
) -> None:
    track(live)

    body = api(new_key(theirs)).get(TODAY.format("ada@example.com")).json()

    assert body["today_tokens"] == 0


def test_a_test_key_sees_test_events_and_a_live_key_the_others(
    live: Any, api: Callable[..., Any], workspace: Workspace
) -> None:
    tests = api(new_key(workspace, mode="test"))
    track(live)
    track(tests, prompt_tokens=0)

    assert tests.get(TODAY.format("ada@example.com")).json()["today_tokens"] == 100
    assert live.get(TODAY.format("ada@example.com")).json()["today_tokens"] == 1000


@pytest.mark.parametrize("developer", ["a/b", "ü ñ", "%", "x" * 200])
def test_an_id_may_hold_any_character(live: Any, developer: str) -> None:
    track(live, developer_id=developer)

    body = live.get(TODAY.format(developer.replace("%", "%25").replace("/", "%2F"))).json()

    assert (body["developer_id"], body["today_tokens"]) == (developer, 1000)


def test_usage_without_a_session_stands_in_a_row_of_its_own(live: Any) -> None:
    track(live, session_id=None)

    (row,) = live.get(TODAY.format("ada@example.com")).json()["sessions"]

    assert row["session_id"] == ""


def test_it_needs_a_key_that_may_read(api: Callable[..., Any], workspace: Workspace) -> None:
    assert api().get(TODAY.format("ada")).status_code == 401
    assert api(new_key(workspace, scopes=("track",))).get(TODAY.format("ada")).status_code == 403
