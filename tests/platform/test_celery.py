"""The background: its table, its caution, and the request id that follows a task."""

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from celery.contrib.testing.worker import start_worker

from carbon_platform.celery import BEAT, app

LogLines = Callable[[], list[dict[str, Any]]]
_seen: list[dict[str, Any]] = []


@app.task(name="tests.look")
def look() -> None:
    _seen.append(structlog.contextvars.get_contextvars())


@pytest.fixture
def worker() -> Iterator[None]:
    with start_worker(app, perform_ping_check=False, pool="solo", shutdown_timeout=20):
        yield


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("worker")
def test_the_request_id_follows_a_task_and_does_not_stay(
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    _seen.clear()
    structlog.contextvars.bind_contextvars(request_id="r-42")
    first = look.delay()
    structlog.contextvars.clear_contextvars()
    look.delay()

    eventually(lambda: len(_seen) == 2)
    assert _seen[0] == {"task": "tests.look", "task_id": first.id, "request_id": "r-42"}
    assert "request_id" not in _seen[1]


def test_tasks_speak_json_and_are_never_lost_nor_left_running() -> None:
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == "json"
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1
    assert not app.conf.get("result_backend")
    limits = (app.conf.task_soft_time_limit, app.conf.task_time_limit)
    assert limits[0] < limits[1] < app.conf.broker_transport_options["visibility_timeout"]


def test_every_tick_of_the_table_is_scheduled_and_lapses() -> None:
    assert app.conf.beat_schedule.keys() == BEAT.keys()
    for entry in app.conf.beat_schedule.values():
        assert entry["options"]["expires"] == entry["schedule"]


@pytest.mark.parametrize("task", sorted(BEAT))
def test_the_table_names_tasks_that_exist(task: str) -> None:
    module, _, name = task.rpartition(".")

    assert getattr(importlib.import_module(module), name).name == task
