"""POST /track and /track/batch: stored and valued before the answer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.db import transaction

from apps.telemetry.check import invariant_violations
from apps.telemetry.models import LiveEventCount, TelemetryEvent
from apps.workspaces.models import Project, Workspace
from tests.factories import ProjectFactory, new_key
from tests.telemetry.metering import NOW
from tests.telemetry.tracked import BATCH, CALL, TRACK, total

G1_GRAMS = 0.188315  # worked example G1 of the methodology

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def live(api: Callable[..., Any], workspace: Workspace) -> Any:
    return api(new_key(workspace, scopes=("track",)))


def test_a_call_is_stored_with_the_value_that_is_answered(live: Any, workspace: Workspace) -> None:
    answer = live.post(TRACK, CALL)

    body = answer.json()
    event = TelemetryEvent.objects.get(workspace=workspace)
    assert answer.status_code == 202
    assert answer.headers["X-Event-Id"] == body["event_id"] == event.public_id
    assert body["queued"] is True
    assert body["is_test"] is False
    assert body["total_tokens"] == 1500
    assert body["estimated_co2_grams"] == pytest.approx(G1_GRAMS, rel=1e-5)
    assert body["methodology_version"] == "2026.11.1"
    assert body["free_events_remaining"] == 9999
    assert float(event.entries.get().co2e_grams) == pytest.approx(body["co2e_grams"]["central"])
    assert (event.customer, event.model, event.requests) == ("client-acme", "gpt-4o", 1)
    assert event.raw_payload is None
    assert total(workspace) == event.entries.get().co2e_grams


def test_cached_written_and_reasoning_tokens_are_parts_of_their_wholes(live: Any) -> None:
    parts = {"cached_tokens": 600, "cache_write_tokens": 100, "reasoning_tokens": 200}

    answer = live.post(TRACK, CALL | parts)

    event = TelemetryEvent.objects.get()
    assert answer.json()["total_tokens"] == 1500
    assert event.input_uncached_tokens == 300
    assert event.input_cache_read_tokens == 600
    assert event.input_cache_write_tokens == 100
    assert (event.output_tokens, event.reasoning_tokens) == (500, 200)


def test_where_a_call_ran_decides_its_grid(live: Any) -> None:
    place = {"provider": "aws", "region": "eu-west-1", "country": "fr"}

    answer = live.post(TRACK, CALL | place)

    assert answer.json()["grid"]["zone"] == "FR"
    assert TelemetryEvent.objects.get().dims == {"region": "eu-west-1", "country": "FR"}


def test_the_explanation_link_asks_for_the_very_same_figure(
    live: Any, api: Callable[..., Any]
) -> None:
    body = live.post(TRACK, CALL | {"cached_tokens": 400, "country": "FR"}).json()

    link = urlsplit(body["explanation_url"])
    explained = api().get(f"{link.path}?{link.query}&format=json").json()

    assert explained["results"]["co2e_grams"] == pytest.approx(body["co2e_grams"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"prompt_tokens": -1}, "prompt_tokens"),
        ({"prompt_tokens": 1.5}, "prompt_tokens"),
        ({"prompt_tokens": 10**15}, "prompt_tokens"),
        ({"prompt_tokens": "1000"}, "prompt_tokens"),
        ({"completion_tokens": None}, "completion_tokens"),
        ({"cached_tokens": 1001}, "cached_tokens"),
        ({"cached_tokens": 600, "cache_write_tokens": 401}, "cached_tokens"),
        ({"reasoning_tokens": 501}, "reasoning_tokens"),
        ({"requests": 0}, "requests"),
        ({"tenant_id": ""}, "tenant_id"),
        ({"tenant_id": "x" * 201}, "tenant_id"),
        ({"model": "a\0b"}, ""),
        ({"country": "FRA"}, "country"),
        ({"project": "nobody's"}, "project"),
        ({"timestamp": "2026-11-20T10:00:00"}, "timestamp"),
        ({"timestamp": (NOW + timedelta(hours=1)).isoformat()}, "timestamp"),
        ({"timestamp": (NOW - timedelta(days=91)).isoformat()}, "timestamp"),
    ],
)
def test_a_bad_call_is_refused_and_nothing_is_stored(
    live: Any, changes: dict[str, Any], field: str
) -> None:
    answer = live.post(TRACK, CALL | changes)

    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["code"] == "validation_error"
    assert not field or list(error["details"]["fields"]) == [field]
    assert not TelemetryEvent.objects.exists()
    assert not LiveEventCount.objects.exists()


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"text"', "\xff", '{"a": 1, "a": 2}'])
def test_a_body_that_is_no_call_is_refused(live: Any, body: str) -> None:
    answer = live.generic("POST", TRACK, body.encode("latin-1"))

    assert answer.status_code == 400
    assert not TelemetryEvent.objects.exists()


def test_a_wrong_content_type_is_a_bad_request(live: Any) -> None:
    answer = live.generic("POST", TRACK, b"{}", content_type="text/plain")

    assert answer.status_code == 400


def test_only_a_key_that_may_track_tracks(api: Callable[..., Any], workspace: Workspace) -> None:
    assert api().post(TRACK, CALL).status_code == 401
    assert api(new_key(workspace, scopes=("read",))).post(TRACK, CALL).status_code == 403
    assert not TelemetryEvent.objects.exists()


def test_members_that_nobody_knows_are_ignored_and_not_kept(live: Any) -> None:
    answer = live.post(TRACK, CALL | {"prompt": "a secret"})

    event = TelemetryEvent.objects.get()
    assert answer.status_code == 202
    assert "secret" not in f"{event.dims}{event.raw_payload}{event.flags}"


@pytest.mark.parametrize("named_by", ["name", "public_id"])
def test_a_call_goes_to_the_project_it_names(
    live: Any, workspace: Workspace, named_by: str
) -> None:
    project = ProjectFactory.create(workspace=workspace, name="Search")

    live.post(TRACK, CALL | {"project": str(getattr(project, named_by)).upper()})

    assert TelemetryEvent.objects.get().project == project


def test_another_workspaces_project_is_not_found(live: Any, theirs: Workspace) -> None:
    project = ProjectFactory.create(workspace=theirs, name="Search")

    answer = live.post(TRACK, CALL | {"project": str(project.public_id)})

    assert answer.status_code == 400
    assert not TelemetryEvent.objects.exists()


def test_without_a_project_a_call_goes_to_the_default_one(live: Any, workspace: Workspace) -> None:
    live.post(TRACK, CALL)

    assert TelemetryEvent.objects.get().project == Project.objects.get(
        workspace=workspace, is_default=True
    )


def test_a_late_call_counts_when_it_was_made(live: Any, workspace: Workspace) -> None:
    made_at = NOW - timedelta(days=3)

    live.post(TRACK, CALL | {"timestamp": made_at.isoformat()})

    hour = made_at.replace(minute=0, second=0, microsecond=0)
    assert total(workspace, hour=hour) > 0


def test_a_batch_is_stored_in_order_and_summed(live: Any, workspace: Workspace) -> None:
    calls = [CALL | {"prompt_tokens": 100 * number} for number in range(1, 4)]

    body = live.post(BATCH, {"events": calls}).json()

    stored = {
        event.public_id: event.input_uncached_tokens for event in TelemetryEvent.objects.all()
    }
    assert [stored[row["event_id"]] for row in body["results"]] == [100, 200, 300]
    assert body["accepted"] == 3
    assert sum(row["estimated_co2_grams"] for row in body["results"]) == pytest.approx(
        body["total"]["co2e_grams"]["central"]
    )
    assert float(total(workspace)) == pytest.approx(body["total"]["co2e_grams"]["central"])


def test_a_bad_call_in_a_batch_is_named_and_nothing_is_stored(live: Any) -> None:
    answer = live.post(BATCH, {"events": [CALL, CALL | {"cached_tokens": 2000}]})

    assert answer.status_code == 400
    assert list(answer.json()["error"]["details"]["fields"]) == ["events.1.cached_tokens"]
    assert not TelemetryEvent.objects.exists()


def test_partly_good_batches_are_stored_where_that_is_asked_for(live: Any) -> None:
    events = [CALL, {"model": "gpt-4o"}, 7, CALL | {"project": "none"}, CALL]

    body = live.post(f"{BATCH}?partial=true", {"events": events}).json()

    assert [("error" in row, "event_id" in row) for row in body["results"]] == [
        (False, True),
        (True, False),
        (True, False),
        (True, False),
        (False, True),
    ]
    assert body["accepted"] == TelemetryEvent.objects.count() == 2


@pytest.mark.parametrize("events", [[], [CALL] * 1001, None, {}])
def test_a_batch_holds_one_to_a_thousand_calls(live: Any, events: Any) -> None:
    answer = live.post(BATCH, {"events": events})

    assert answer.status_code == 400
    assert not TelemetryEvent.objects.exists()


@pytest.mark.parametrize("calls", [1, 50])
def test_a_batch_takes_the_same_queries_whatever_its_size(
    live: Any, django_assert_num_queries: Any, calls: int
) -> None:
    live.post(TRACK, CALL)  # the default project is there

    with django_assert_num_queries(15), transaction.atomic():
        live.post(BATCH, {"events": [CALL] * calls})


def test_a_call_whose_provider_nobody_named_is_reported_as_such(
    live: Any, api: Callable[..., Any], workspace: Workspace
) -> None:
    live.post(TRACK, CALL | {"timestamp": (NOW - timedelta(hours=1)).isoformat()})

    (group,) = api(new_key(workspace)).get("/api/v1/telemetry/summary").json()["by_provider"]

    assert (group["key"], group["label"]) == ("", "not named")


def test_the_ledger_holds_together_afterwards(live: Any) -> None:
    live.post(
        BATCH, {"events": [CALL | {"model": model} for model in ("o3", "?", "mistral-large-2407")]}
    )

    assert invariant_violations() == []
