"""Declaring while usage arrives: no event is stored under a word that nobody will apply to it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction

from apps.emissions.selectors import current_factors
from apps.telemetry.models import ProviderConnection, SourceOfRecord, TelemetryEvent
from apps.telemetry.otlp.signals import SPAN, Mapped, Signal
from apps.telemetry.services import recounting, source_of_record
from apps.telemetry.services.signals import record_signals
from apps.telemetry.services.tracking import TrackedCall, track
from apps.workspaces.models import Workspace
from apps.workspaces.services import default_project
from tests.holding import is_somebody_waiting
from tests.telemetry.metering import NOW, assert_sound, bucket, row, take
from tests.telemetry.recorded_once import assert_counted_once
from tests.telemetry.reports_of_use import pushed
from tests.telemetry.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def alone(deed: Callable[..., Any], *given: Any, **more: Any) -> Any:
    try:
        return deed(*given, **more)
    finally:
        database.close()


def declare(workspace: Workspace, counted: str) -> None:
    source_of_record.declare(workspace, "openai", counted, actor="tests", now=NOW)


def declare_and_follow(workspace: Workspace, counted: str) -> None:
    declare(workspace, counted)
    recounting.recount(workspace.pk, clock=lambda: NOW)


def send(workspace: Workspace, name: str) -> None:
    project_id = default_project(workspace, now=NOW).pk
    calls = [TrackedCall(pushed(name), project_id)]
    track(workspace, calls, idempotency_key=None, is_test=False, now=NOW)


def export(workspace: Workspace, name: str) -> None:
    signal = Signal(usage=pushed(name, "otlp.span"), tool="bot", session_key=name, rank=SPAN)
    record_signals(workspace, Mapped(usages=(signal,)), is_test=False, now=NOW)


def read(workspace: Workspace, name: str) -> None:  # noqa: ARG001 - like the other ways
    take(ProviderConnection.objects.get(), bucket(0, row()))


@pytest.mark.parametrize(
    ("store", "other"), [(send, "connection"), (export, "connection"), (read, "pushed")]
)
def test_what_is_stored_while_somebody_declares_is_found_afterwards(
    workspace: Workspace,
    connection: ProviderConnection,  # noqa: ARG001 - it is read
    threads: ThreadPoolExecutor,
    store: Callable[[Workspace, str], None],
    other: str,
) -> None:
    is_stored, may_commit = Event(), Event()

    def slowly() -> None:
        with transaction.atomic():
            store(workspace, "one")
            is_stored.set()
            may_commit.wait(20)

    storing = threads.submit(alone, slowly)
    is_stored.wait(20)
    declaring = threads.submit(alone, declare_and_follow, workspace, other)
    until(lambda: declaring.done() or is_somebody_waiting())
    may_commit.set()
    storing.result()
    declaring.result()

    assert TelemetryEvent.objects.get().is_counted is False
    assert_sound()


def test_two_who_declare_the_opposite_leave_one_word_that_everything_follows(
    workspace: Workspace, connection: ProviderConnection, threads: ThreadPoolExecutor
) -> None:
    take(connection, bucket(0, *(row(f"m{n}") for n in range(7))))
    for number in range(7):
        send(workspace, f"call {number}")

    for _ in range(3):
        done = [
            threads.submit(alone, declare, workspace, counted)
            for counted in ("connection", "pushed") * 2
        ]
        done += [
            threads.submit(alone, recounting.recount, workspace.pk, clock=lambda: NOW, chunk=3)
            for _ in range(3)
        ]
        for one in done:
            one.result()
    recounting.recount(workspace.pk, clock=lambda: NOW)

    kept = SourceOfRecord.objects.get().counted
    counted = TelemetryEvent.objects.filter(is_counted=True)
    assert {one.connection_id is None for one in counted} == {kept == "pushed"}
    assert_counted_once()
    assert_sound()


def test_usage_from_all_sides_while_it_is_declared_and_applied_is_counted_once(
    workspace: Workspace, connection: ProviderConnection, threads: ThreadPoolExecutor
) -> None:
    current_factors()
    default_project(workspace, now=NOW)

    def use(number: int) -> None:
        send(workspace, f"call {number}")
        export(workspace, f"span {number % 3}")
        take(connection, bucket(number % 3, row(uncached=number)))

    def turn(number: int) -> None:
        declare(workspace, ("connection", "pushed")[number % 2])
        recounting.recount(workspace.pk, clock=lambda: NOW, chunk=2)

    done = [threads.submit(alone, use, number) for number in range(12)]
    done += [threads.submit(alone, turn, number) for number in range(6)]
    for one in done:
        one.result()
    recounting.recount(workspace.pk, clock=lambda: NOW)

    assert_counted_once()
    assert_sound()
