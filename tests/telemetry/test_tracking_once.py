"""Tracking once for each idempotency key, and no more than the plan includes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection

from apps.telemetry.models import CarbonEntry, LiveEventCount, TelemetryEvent
from apps.workspaces.models import Workspace
from tests.factories import new_key
from tests.telemetry.metering import NOW
from tests.telemetry.tracked import BATCH, CALL, TRACK, total

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def live(api: Callable[..., Any], workspace: Workspace) -> Any:
    return api(new_key(workspace, scopes=("track",)))


def test_a_key_repeated_with_the_same_body_is_stored_once(live: Any, workspace: Workspace) -> None:
    first = live.post(TRACK, CALL, headers={"Idempotency-Key": "order-1"})
    again = live.post(TRACK, CALL, headers={"Idempotency-Key": "order-1"})

    assert again.status_code == 202
    assert again.json() == first.json()
    assert TelemetryEvent.objects.count() == CarbonEntry.objects.count() == 1
    assert LiveEventCount.objects.get(workspace=workspace).events == 1


@pytest.mark.parametrize(
    "changes",
    [{"prompt_tokens": 999}, {"model": "o3"}, {"tenant_id": "other"}, {"country": "FR"}],
)
def test_a_key_repeated_with_another_body_is_refused(live: Any, changes: dict[str, Any]) -> None:
    live.post(TRACK, CALL, headers={"Idempotency-Key": "order-1"})

    again = live.post(TRACK, CALL | changes, headers={"Idempotency-Key": "order-1"})

    assert again.status_code == 409
    assert again.json()["error"]["code"] == "idempotency_key_reused"
    assert TelemetryEvent.objects.count() == 1


@pytest.mark.parametrize("calls", [1, 3])
def test_a_key_of_a_batch_belongs_to_that_batch(live: Any, calls: int) -> None:
    live.post(BATCH, {"events": [CALL, CALL]}, headers={"Idempotency-Key": "batch-1"})

    again = live.post(BATCH, {"events": [CALL] * calls}, headers={"Idempotency-Key": "batch-1"})

    assert again.status_code == 409
    assert TelemetryEvent.objects.count() == 2


def test_one_workspaces_keys_are_not_anothers(
    live: Any, api: Callable[..., Any], theirs: Workspace
) -> None:
    live.post(TRACK, CALL, headers={"Idempotency-Key": "order-1"})

    other = api(new_key(theirs)).post(TRACK, CALL, headers={"Idempotency-Key": "order-1"})

    assert other.status_code == 202
    assert TelemetryEvent.objects.count() == 2


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
def test_a_key_that_is_none_is_refused(live: Any, key: str) -> None:
    answer = live.post(TRACK, CALL, headers={"Idempotency-Key": key})

    assert answer.status_code == 400
    assert not TelemetryEvent.objects.exists()


def test_test_events_are_never_counted_billed_or_reported(
    api: Callable[..., Any], workspace: Workspace
) -> None:
    key = new_key(workspace, mode="test")

    answer = api(key).post(TRACK, CALL)

    summary = api(key).get("/api/v1/telemetry/summary").json()
    assert answer.json()["is_test"] is True
    assert "free_events_remaining" not in answer.json()
    assert total(workspace, is_test=False) == 0
    assert total(workspace, is_test=True) > 0
    assert summary["total"]["output_tokens"] == 0
    assert not LiveEventCount.objects.exists()


def test_live_events_beyond_the_plan_are_refused_with_the_place_to_pay(
    live: Any, workspace: Workspace
) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(live_events_per_month=2)

    left = [live.post(TRACK, CALL).json()["free_events_remaining"] for _ in range(2)]
    refused = live.post(TRACK, CALL)

    error = refused.json()["error"]
    assert left == [1, 0]
    assert refused.status_code == 402
    assert error["code"] == "payment_required"
    assert error["billing_url"].endswith("/dashboard/billing/")
    assert TelemetryEvent.objects.count() == 2
    assert LiveEventCount.objects.get().events == 2


def test_a_batch_that_does_not_fit_the_plan_is_refused_whole(
    live: Any, workspace: Workspace
) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(live_events_per_month=2)

    refused = live.post(BATCH, {"events": [CALL] * 3})
    fitting = live.post(BATCH, {"events": [CALL] * 2})

    assert refused.status_code == 402
    assert (fitting.status_code, fitting.json()["free_events_remaining"]) == (202, 0)
    assert TelemetryEvent.objects.count() == 2


def test_a_repeated_request_passes_though_the_plan_is_used_up(
    live: Any, workspace: Workspace
) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(live_events_per_month=1)
    live.post(TRACK, CALL, headers={"Idempotency-Key": "last"})

    again = live.post(TRACK, CALL, headers={"Idempotency-Key": "last"})

    assert again.status_code == 202
    assert again.json()["free_events_remaining"] == 0


def test_without_a_limit_nothing_is_left_to_tell(live: Any, workspace: Workspace) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(live_events_per_month=None)

    answer = live.post(TRACK, CALL)

    assert "free_events_remaining" not in answer.json()


def test_a_new_month_has_its_own_count(live: Any, workspace: Workspace) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(live_events_per_month=1)
    live.post(TRACK, CALL)

    with time_machine.travel(NOW + timedelta(days=31), tick=False):
        answer = live.post(TRACK, CALL)

    assert answer.json()["free_events_remaining"] == 0


@pytest.fixture
def at_once(
    transactional_db: None,  # noqa: ARG001 - threads have connections of their own
    live: Any,
) -> Callable[..., list[int]]:
    """Statuses of eight requests sent at the same time."""

    def send(**headers: str) -> list[int]:
        def one(_: int) -> int:
            try:
                return int(live.post(TRACK, CALL, headers=headers).status_code)
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            return sorted(pool.map(one, range(8)))

    return send


def test_one_key_sent_at_the_same_time_is_stored_once(at_once: Callable[..., list[int]]) -> None:
    statuses = at_once(**{"Idempotency-Key": "order-1"})

    assert statuses == [202] * 8
    assert TelemetryEvent.objects.count() == LiveEventCount.objects.get().events == 1


def test_calls_at_the_same_time_never_exceed_the_plan(
    at_once: Callable[..., list[int]], workspace: Workspace
) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(live_events_per_month=3)

    statuses = at_once()

    assert statuses == [202] * 3 + [402] * 5
    assert TelemetryEvent.objects.count() == LiveEventCount.objects.get().events == 3
