"""The invented past: the same in every process, plausible, and quickly told."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from devstack.simulator.history import DAY, HOUR, hour_events
from devstack.simulator.testing import RunningSimulator
from tests.simulator.asking import NOON, Query, anthropic, openai, openrouter

MIDNIGHT = NOON - DAY // 2


@contextmanager
def _process(*options: str) -> Iterator[RunningSimulator]:
    command = [sys.executable, "-m", "devstack.simulator", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rsplit(":", 1)[1])
        try:
            yield RunningSimulator(port)
        finally:
            process.terminate()
            process.wait(10)
    assert process.returncode == 0


def _told(simulator: RunningSimulator) -> str:
    simulator.set_clock("2026-11-18T10:30:00Z")
    window: Query = {"start_time": NOON - 7 * DAY, "bucket_width": "1h", "limit": 168}
    pages = [
        openai(simulator, **window, group_by=["model", "project_id"]).json(),
        anthropic(simulator, starting_at="2026-11-12T00:00:00Z", group_by="model").json(),
        openrouter(simulator).json(),
    ]
    return json.dumps(pages)


def test_two_processes_tell_the_same_past_and_another_seed_another_one() -> None:
    with _process() as first, _process() as second, _process("--seed", "8") as other:
        told = _told(first)

        assert _told(second) == told
        assert _told(other) != told


def test_a_process_answers_health_within_a_moment() -> None:
    with _process() as simulator:
        response = requests.get(f"{simulator.url}/healthz", timeout=10)

    assert response.json() == {"status": "ok"}


def test_a_restart_remembers_how_far_the_past_reaches(tmp_path: Path) -> None:
    state = str(tmp_path / "state.json")
    order = {"client_reference_id": "w", "deliver": False}
    with _process("--state", state, "--days", "20") as simulator:
        simulator.stripe("signup", **order)
        month_ago = int(time.time()) // DAY * DAY - 19 * DAY
        before = openai(simulator, start_time=month_ago, end_time=month_ago + DAY).json()

    with _process("--state", state, "--days", "1") as simulator:
        after = openai(simulator, start_time=month_ago, end_time=month_ago + DAY).json()

    assert before == after
    assert before["data"][0]["results"]


def _tokens(start: int, end: int) -> int:
    return sum(
        event.quantities["input_tokens"]
        for hour in range(start, end, HOUR)
        for event in hour_events(7, "openai", "0001", "completions", hour)
    )


def test_days_are_busier_than_nights_and_weekdays_than_weekends() -> None:
    tuesday, saturday = MIDNIGHT, MIDNIGHT - 3 * DAY

    assert _tokens(tuesday + 12 * HOUR, tuesday + 16 * HOUR) > 5 * _tokens(
        tuesday + 20 * HOUR, tuesday + 24 * HOUR
    )
    assert _tokens(tuesday, tuesday + DAY) > 1.5 * _tokens(saturday, saturday + DAY)


def test_between_a_fifth_and_three_fifths_of_a_chat_is_cached() -> None:
    shares: dict[str, Counter[str]] = {}
    for hour in range(MIDNIGHT, MIDNIGHT + DAY, HOUR):
        for event in hour_events(7, "openai", "0001", "completions", hour):
            counts = shares.setdefault(str(event.dims["model"]), Counter())
            counts.update(event.quantities)

    cached = {
        model: counts["input_cached_tokens"] / counts["input_tokens"]
        for model, counts in shares.items()
    }
    assert len(cached) == 4
    assert all(0.15 < share < 0.61 for share in cached.values())


def test_about_one_hour_in_a_hundred_is_revised_three_to_twenty_hours_later() -> None:
    hours = range(MIDNIGHT - 300 * DAY, MIDNIGHT, HOUR)
    revised = Counter[str]()
    for hour in hours:
        for event in hour_events(7, "openai", "0001", "completions", hour):
            moment = event.removed_from or (event.visible_from if "+" in event.id else None)
            if moment is not None:
                revised[event.id.partition("+")[2] or "removed"] += 1
                assert hour + 4 * HOUR <= moment < hour + 21 * HOUR

    assert 0.006 < revised["late"] / len(hours) < 0.014
    assert 0 < revised["lowered"] < revised["removed"] < revised["late"]


def test_one_day_in_forty_five_stands_out() -> None:
    tuesdays = [_tokens(start, start + DAY) for start in range(MIDNIGHT - 60 * DAY, MIDNIGHT, DAY)]
    usual = sorted(tuesdays)[len(tuesdays) // 2]

    assert 1 <= sum(day > 1.8 * usual for day in tuesdays) <= 2


def test_a_week_of_hours_is_answered_within_a_tenth_of_a_second(
    simulator: RunningSimulator,
) -> None:
    window: Query = {
        "start_time": NOON - 168 * HOUR,
        "end_time": NOON,
        "bucket_width": "1h",
        "limit": 168,
    }
    grouping = ["model", "project_id", "service_tier"]
    hour_events.cache_clear()

    durations = []
    for _ in range(3):
        began = time.perf_counter()
        page = openai(simulator, **window, group_by=grouping).json()
        durations.append(time.perf_counter() - began)

    assert len(page["data"]) == 168
    assert min(durations) < 0.1


@pytest.mark.parametrize("day", range(0, 40, 9))
def test_a_clock_set_back_or_forth_finds_a_past(simulator: RunningSimulator, day: int) -> None:
    simulator.set_clock(NOON - day * 7 * DAY)

    page = openai(simulator, start_time=NOON - day * 7 * DAY - 30 * DAY, limit=31).json()

    assert all(bucket["results"] for bucket in page["data"])


def test_the_past_is_told_half_a_minute_to_five_minutes_after_it_happened() -> None:
    delays = [
        event.visible_from - event.at
        for hour in range(MIDNIGHT, MIDNIGHT + DAY, HOUR)
        for event in hour_events(7, "openai", "0001", "completions", hour)
        if "+" not in event.id
    ]

    assert 30 <= min(delays) < max(delays) <= 300
