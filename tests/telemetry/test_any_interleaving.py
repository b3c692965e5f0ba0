"""Whatever happens on the way, the ledger ends where one reading at the very end would begin.

A provider's usage grows, is revised and disappears; between that the meter is polled, reconciled,
answered badly and killed in the middle of a statement. What then stands, after one last visit, is
what a connection finds that was never there before.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection as database
from django.db.models import Sum
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from apps.telemetry.connectors import connector
from apps.telemetry.connectors.base import Account
from apps.telemetry.models import DayRollup, ProviderConnection, Rollup, SyncCursor
from apps.telemetry.services import polling, reconciling
from apps.workspaces.models import Workspace
from devstack.simulator.testing import RunningSimulator
from tests.telemetry.metering import HOUR, NOW, START, assert_sound, connected

pytestmark = pytest.mark.django_db
MODELS = ("gpt-4.1", "o3", None)
FAULTS = (
    "truncated_json",
    "has_more_without_next_page",
    "repeated_cursor",
    "reversed_buckets",
    "unknown_fields",
    "text_counts",
    "null_model",
    "unknown_kind",
)
Sums = dict[tuple[datetime, str | None], dict[str, Decimal | None]]

amounts = st.integers(min_value=0, max_value=5_000_000)
places = st.integers(min_value=0, max_value=1_000_000)
steps = st.one_of(
    st.tuples(st.just("use"), places, st.sampled_from(MODELS), amounts, amounts),
    st.tuples(st.just("revise"), places, amounts),
    st.tuples(st.just("rename"), places, st.sampled_from(MODELS)),
    st.tuples(st.just("remove"), places),
    st.tuples(st.just("wait"), st.integers(min_value=1, max_value=40)),
    st.tuples(st.just("poll"), st.none() | st.integers(min_value=1, max_value=45)),
    st.tuples(st.just("reconcile"), st.none() | st.integers(min_value=1, max_value=45)),
    st.tuples(st.just("fault"), st.sampled_from(FAULTS)),
)


class KilledError(BaseException):
    """The process is gone: nothing below may catch it."""


@contextmanager
def killed_at(statement: int | None) -> Iterator[None]:
    """The process ends at its so-manieth statement; None: it lives."""
    left = statement

    def count(execute: Callable[..., Any], *asked: Any) -> Any:
        nonlocal left
        if left is not None:
            left -= 1
            if left < 0:
                event("killed")
                raise KilledError
        return execute(*asked)

    with suppress(KilledError), database.execute_wrapper(count):
        yield


class Story:
    """One account at the provider and the connection that reads it, step by step."""

    def __init__(self, meters: RunningSimulator, connection: ProviderConnection) -> None:
        self.meters, self.connection = meters, connection
        self.now, self.used = NOW, list[str]()

    def go(self, name: str, *arguments: Any) -> None:
        getattr(self, name)(*arguments)

    def use(self, place: int, model: str | None, read: int, written: int) -> None:
        """In any hour since the start; perhaps one that was read long ago."""
        hours = (self.now - START) // HOUR
        counts = {"input_tokens": read, "output_tokens": written, "num_model_requests": 1}
        at = START + place % hours * HOUR + timedelta(minutes=20)
        added = self.meters.add_event(
            provider="openai",
            time=_text(at),
            visible_from=_text(self.now),
            dims={"model": model, "project_id": "proj_1"},
            quantities=counts,
        )
        self.used.append(added["id"])

    def revise(self, place: int, written: int) -> None:
        if self.used:
            self.meters.revise_event(
                id=self.used[place % len(self.used)], quantities={"output_tokens": written}
            )

    def rename(self, place: int, model: str | None) -> None:
        if self.used:
            self.meters.revise_event(id=self.used[place % len(self.used)], dims={"model": model})

    def remove(self, place: int) -> None:
        if self.used:
            self.meters.remove_events(id=self.used.pop(place % len(self.used)))

    def wait(self, hours: int) -> None:
        self.now += hours * HOUR
        self.meters.set_clock(_text(self.now))

    def fault(self, kind: str) -> None:
        """The next answer is a bad one; the one after it is not."""
        self.meters.clear_faults()
        self.meters.add_fault("openai", kind, on_calls=[1])

    def poll(self, killed: int | None) -> None:
        with killed_at(killed), suppress(polling.ProviderBusyError):
            polling.poll(self.connection.pk, now=self.now, clock=self.clock)

    def reconcile(self, killed: int | None) -> None:
        with killed_at(killed), suppress(polling.ProviderBusyError):
            runs = reconciling.reconcile(self.connection.pk, now=self.now, clock=self.clock)
            event("reconciled" if runs else "not due")

    def clock(self) -> datetime:
        return self.now + timedelta(seconds=2)

    def last_visit(self) -> None:
        self.meters.clear_faults()
        self.wait(2)
        reconciling.read_again(
            self.connection.pk, START, begun_at=self.now, now=self.now, clock=self.clock
        )


@settings(
    max_examples=int(os.environ.get("INTERLEAVINGS", "12")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(told=st.lists(steps, min_size=3, max_size=25))
def test_any_way_ends_where_reading_once_at_the_end_begins(
    meters: RunningSimulator, workspace: Workspace, told: list[tuple[Any, ...]]
) -> None:
    meters.reset()
    meters.set_clock(_text(NOW))
    cache.clear()
    story = Story(meters, _connection(workspace))
    for step in told:
        story.go(*step)
    story.last_visit()

    once = Story(meters, _connection(workspace))
    once.now = story.now
    once.last_visit()

    assert _sums(Rollup, story.connection) == _sums(Rollup, once.connection)
    assert _sums(DayRollup, story.connection) == _sums(DayRollup, once.connection)
    assert_sound()


def _connection(workspace: Workspace) -> ProviderConnection:
    """As if the weeks before the story, in which nothing was used, had been read already."""
    name = f"account {ProviderConnection.objects.count()}"
    connection = connected(workspace, account=Account(name, name))
    SyncCursor.objects.bulk_create(
        SyncCursor(
            workspace=workspace,
            connection=connection,
            source=source,
            complete_until=START,
            read_at=START,
        )
        for source in connector("openai", "").group_by
    )
    return connection


def _sums(kind: type[Rollup | DayRollup], connection: ProviderConnection) -> Sums:
    """By step and model what stands; what adds up to nothing is as if it had never been."""
    step = "hour" if kind is Rollup else "day"
    found = kind._default_manager.filter(connection=connection).values(step, "model")
    columns = ("input_uncached_tokens", "output_tokens", "requests", "co2e_grams", "water_litres")
    sums = found.annotate(**{f"sum_{name}": Sum(name) for name in columns}).order_by()
    rows = {
        (row[step], row["model"]): {name: row[f"sum_{name}"] for name in columns} for row in sums
    }
    return {key: row for key, row in rows.items() if any(row.values())}


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
