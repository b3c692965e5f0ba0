"""Revisions a test can script: what is reported depends on the clock and on nothing else."""

from typing import Any

from devstack.simulator.testing import RunningSimulator
from tests.simulator.asking import NOON, Query, anthropic, openai, openrouter

COUNTS = {
    "input_tokens": 1000,
    "input_cached_tokens": 400,
    "input_cache_write_tokens": 0,
    "output_tokens": 50,
    "num_model_requests": 3,
}
EVENT = {
    "provider": "openai",
    "time": "2026-11-17T12:20:00Z",
    "dims": {"model": "gpt-4.1-2025-04-14", "project_id": "proj_a"},
    "quantities": COUNTS,
}


def _hour(simulator: RunningSimulator) -> list[dict[str, Any]]:
    window: Query = {"start_time": NOON, "end_time": NOON + 3600, "bucket_width": "1h"}
    page = openai(simulator, **window, group_by=["model", "project_id"]).json()
    rows: list[dict[str, Any]] = page["data"][0]["results"]
    return rows


def test_without_a_past_only_what_was_added_is_reported(silent: RunningSimulator) -> None:
    assert _hour(silent) == []

    silent.add_event(**EVENT)

    [row] = _hour(silent)
    assert {name: row[name] for name in COUNTS} == COUNTS
    assert row["input_uncached_tokens"] == 600


def test_a_late_event_appears_when_its_time_has_come(silent: RunningSimulator) -> None:
    silent.add_event(**EVENT, visible_from="2026-11-18T12:00:00Z")

    assert _hour(silent) == []
    silent.set_clock("2026-11-18T11:59:59Z")
    assert _hour(silent) == []
    silent.advance_clock(1)
    assert [row["output_tokens"] for row in _hour(silent)] == [50]


def test_a_count_is_lowered_and_the_reading_before_can_be_repeated(
    silent: RunningSimulator,
) -> None:
    event = silent.add_event(**EVENT)
    silent.revise_event(id=event["id"], quantities={"output_tokens": 20}, at="2026-11-19T00:00:00Z")

    before = _hour(silent)
    silent.set_clock("2026-11-19T00:00:00Z")
    after = _hour(silent)
    silent.set_clock("2026-11-18T23:00:00Z")

    assert [before[0]["output_tokens"], after[0]["output_tokens"]] == [50, 20]
    assert after[0]["input_tokens"] == 1000
    assert _hour(silent) == before


def test_a_revision_can_itself_be_revised(silent: RunningSimulator) -> None:
    event = silent.add_event(**EVENT)
    silent.revise_event(id=event["id"], quantities={"output_tokens": 20})
    silent.revise_event(id=event["id"], quantities={"output_tokens": 30})

    assert [row["output_tokens"] for row in _hour(silent)] == [30]


def test_a_row_disappears(silent: RunningSimulator) -> None:
    stays = silent.add_event(**{**EVENT, "dims": {"model": "o3", "project_id": "proj_a"}})
    goes = silent.add_event(**EVENT)

    silent.remove_events(id=goes["id"], at="2026-11-18T11:00:00Z")

    assert len(_hour(silent)) == 2
    silent.set_clock("2026-11-18T11:00:00Z")
    assert [row["model"] for row in _hour(silent)] == [stays["dims"]["model"]]


def test_a_row_moves_from_no_model_to_a_name(silent: RunningSimulator) -> None:
    event = silent.add_event(**{**EVENT, "dims": {"model": None, "project_id": "proj_a"}})
    assert [row["model"] for row in _hour(silent)] == [None]

    silent.revise_event(id=event["id"], dims={"model": "o3-2025-04-16"})

    assert [row["model"] for row in _hour(silent)] == ["o3-2025-04-16"]


def test_a_bucket_of_the_invented_past_becomes_empty(simulator: RunningSimulator) -> None:
    assert _hour(simulator) != []

    simulator.remove_events(
        provider="openai", start=NOON, end=NOON + 3600, at="2026-12-17T12:00:00Z"
    )

    assert _hour(simulator) != []
    simulator.set_clock("2026-12-17T12:00:00Z")
    assert _hour(simulator) == []
    after = openai(simulator, start_time=NOON + 3600, end_time=NOON + 7200, bucket_width="1h")
    assert after.json()["data"][0]["results"] != []


def test_an_event_of_the_invented_past_is_revised_by_its_id(simulator: RunningSimulator) -> None:
    span: Query = {"provider": "anthropic", "start": NOON, "end": NOON + 3600}
    event = simulator.events(**span)[0]
    window: Query = {
        "starting_at": "2026-11-17T12:00:00Z",
        "ending_at": "2026-11-17T13:00:00Z",
        "bucket_width": "1h",
    }
    before = anthropic(simulator, **window).json()["data"][0]["results"][0]

    revised = {"output_tokens": event["quantities"]["output_tokens"] - 7}
    simulator.revise_event(id=event["id"], quantities=revised)

    after = anthropic(simulator, **window).json()["data"][0]["results"][0]
    assert after == {**before, "output_tokens": before["output_tokens"] - 7}


def test_a_running_hour_grows_with_the_clock(simulator: RunningSimulator) -> None:
    window: Query = {"start_time": NOON, "bucket_width": "1h", "limit": 1}
    counts = []
    for clock in ("12:10", "12:30", "12:59", "13:20"):
        simulator.set_clock(f"2026-11-17T{clock}:00Z")
        rows = openai(simulator, **window).json()["data"][0]["results"]
        counts.append(sum(row["input_tokens"] for row in rows))

    assert counts == sorted(counts)
    assert len(set(counts)) >= 3


def test_other_providers_and_organisations_are_told_apart(silent: RunningSimulator) -> None:
    silent.add_event(**EVENT, organisation="0002")
    silent.add_event(
        provider="openrouter",
        time="2026-11-17T12:20:00Z",
        dims={"model": "m", "model_permaslug": "m", "endpoint_id": "e", "provider_name": "P"},
        quantities={"requests": 1, "prompt_tokens": 5, "completion_tokens": 6, "cached_tokens": 9},
    )

    assert _hour(silent) == []
    other = openai(silent, key="sk-admin-simulated-0002", start_time=NOON)
    assert other.json()["data"][0]["results"][0]["input_tokens"] == 1000
    [row] = openrouter(silent).json()["data"]
    assert (row["date"], row["prompt_tokens"], row["cached_tokens"]) == ("2026-11-17", 5, 9)


def test_an_event_may_be_added_with_its_end(silent: RunningSimulator) -> None:
    silent.add_event(**EVENT, removed_from="2026-11-18T12:00:00Z")

    assert len(_hour(silent)) == 1
    silent.set_clock("2026-11-18T12:00:00Z")
    assert _hour(silent) == []
