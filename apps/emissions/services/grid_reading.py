"""Reading from outside at most once at a time: fresh from the shelf, or by one flight for all.

What is a little old is handed out at once while a flight renews it. Flights are threads, at most
MOST_AT_ONCE of them in a process; they touch Redis and the network, never the database.
"""

import functools
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, TypeVar

import structlog

from apps.common.http import pause
from apps.common.outside import BusyError, OutsideError
from apps.emissions.grid.errors import (
    BudgetSpentError,
    NoDataError,
    NotInPlanError,
    SandboxKeyError,
    UnusableAnswerError,
)
from apps.emissions.services import grid_shelf as shelf
from apps.emissions.services.grid_shelf import Kept, ShelfDownError, Trouble

MOST_AT_ONCE = 16
PATIENCE_S = 3.0
"""How long a reader waits for all flights together."""
_LOOK_AGAIN_S = 0.02
_FAULTS_BEFORE_REST = 5
"""Within _FAULTS_WITHIN_S: then the source is left alone for as long."""
_FAULTS_WITHIN_S = 30
_BUSY_S = 60.0
_REFUSED_S = 900.0
_OF_THE_VALUE: Mapping[type[OutsideError], float] = {
    NotInPlanError: 24 * 3600.0,
    NoDataError: 300.0,
    BudgetSpentError: 0.0,
}
"""Seconds for which one value is not asked for again, where its source is in no trouble."""

log = structlog.get_logger(__name__)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Want(Generic[Value]):
    """One thing to have: how to fetch it, and for how long it may be handed out."""

    name: str
    account: str  # of the source and its key: what rests when the source is in trouble
    fetch: Callable[[], Value]
    fresh: timedelta
    renewed_behind: timedelta
    """Up to this age it is handed out at once while a flight renews it."""
    kept: timedelta

    @property
    def trouble_name(self) -> str:
        return f"{self.name}:trouble"

    @property
    def rest_name(self) -> str:
        return f"{self.account}:rests"


@dataclass(frozen=True, slots=True)
class Found(Generic[Value]):
    """What there is now, possibly old, and why it is not newer."""

    kept: Kept[Value] | None
    trouble: Trouble | None


_DOWN = Trouble("no_cache", "The cache is down, and without it nobody outside is asked")
_LATE = Trouble("transient", "No answer came in time")


def read_all(
    wants: Mapping[str, Want[Value]], *, now: datetime, patience_s: float = PATIENCE_S
) -> dict[str, Found[Value]]:
    """By the caller's own names. Never raises for what happens outside."""
    try:
        found = _on_the_shelf(wants.values())
    except ShelfDownError:
        log.warning("grid_cache_down")
        return dict.fromkeys(wants, Found(None, _DOWN))
    answers: dict[str, Found[Value]] = {}
    waiting: dict[str, Future[Found[Value]]] = {}
    for label, want in wants.items():
        answers[label] = here = _found(want, found)
        age = None if here.kept is None else now - here.kept.fetched_at
        if (age is not None and age < want.fresh) or here.trouble is not None:
            continue
        flight = _pool(os.getpid()).submit(_fly, want, here.kept, now)
        if age is None or age >= want.renewed_behind:
            waiting[label] = flight
    wait(waiting.values(), timeout=patience_s)
    for label, flight in waiting.items():
        if flight.done():
            answers[label] = flight.result()
        else:
            answers[label] = Found(answers[label].kept, _LATE)
    return answers


@functools.lru_cache(maxsize=1)
def _pool(_process_id: int) -> ThreadPoolExecutor:
    """Of this process: threads do not survive a fork."""
    return ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="grid")


def _on_the_shelf(wants: Any) -> dict[str, Any]:
    names = {name for want in wants for name in (want.name, want.trouble_name, want.rest_name)}
    return shelf.look(names)


def _found(want: Want[Value], found: Mapping[str, Any]) -> Found[Value]:
    trouble = found.get(want.rest_name) or found.get(want.trouble_name)
    return Found(found.get(want.name), trouble)


def _fly(want: Want[Value], before: Kept[Value] | None, now: datetime) -> Found[Value]:
    """Fetch, or wait for whoever is fetching already."""
    ends = time.monotonic() + PATIENCE_S
    try:
        while not shelf.take_flight(want.name):
            here = _found(want, _on_the_shelf([want]))
            if here.kept != before or here.trouble is not None:
                return here
            if time.monotonic() > ends:
                return Found(before, _LATE)
            pause(_LOOK_AGAIN_S)
        try:
            return _fetched(want, before, now)
        finally:
            shelf.land(want.name)
    except ShelfDownError:
        return Found(before, _DOWN)


def _fetched(want: Want[Value], before: Kept[Value] | None, now: datetime) -> Found[Value]:
    here = _found(want, _on_the_shelf([want]))
    if here.kept != before or here.trouble is not None:
        return here  # somebody came back between our look and our leave
    try:
        kept = Kept(want.fetch(), now)
    except OutsideError as fault:
        return Found(before, _remembered(want, fault))
    shelf.put(want.name, kept, want.kept)
    return Found(kept, None)


def _remembered(want: Want[Value], fault: OutsideError) -> Trouble:
    """Write down what went wrong where it belongs, the one value or its whole source."""
    trouble = Trouble(_kind(fault), str(fault))
    scope, seconds = _rest(fault)
    if scope == "value" and trouble.kind == "transient":
        faults = shelf.count_up(f"{want.account}:faults", _FAULTS_WITHIN_S)
        scope = "source" if faults >= _FAULTS_BEFORE_REST else "value"
    log.warning("grid_not_read", source=want.account, value=want.name, **_told(fault))
    if scope == "source":
        log.error("grid_source_rests", source=want.account, seconds=seconds, reason=str(fault))
    name = want.rest_name if scope == "source" else want.trouble_name
    if seconds:
        shelf.put(name, trouble, timedelta(seconds=seconds))
    return trouble


def _told(fault: OutsideError) -> dict[str, Any]:
    return {"kind": fault.kind, "status": fault.status, "reason": str(fault)}


def _kind(fault: OutsideError) -> str:
    named = {
        NoDataError: "no_data",
        NotInPlanError: "not_in_plan",
        SandboxKeyError: "sandbox_key",
        BudgetSpentError: "budget_spent",
        UnusableAnswerError: "unusable_answer",
    }
    return named.get(type(fault), fault.kind)


def _rest(fault: OutsideError) -> tuple[Literal["value", "source"], float]:
    """What is left alone after this fault, and for how many seconds."""
    if fault.kind == "rate_limited" and not isinstance(fault, BudgetSpentError):
        asked = fault.retry_after if isinstance(fault, BusyError) else None
        return "source", _BUSY_S if asked is None else max(asked, 1.0)
    of_the_value = next((s for kind, s in _OF_THE_VALUE.items() if isinstance(fault, kind)), None)
    if of_the_value is not None:
        return "value", of_the_value
    if isinstance(fault, BusyError):
        return "value", _FAULTS_WITHIN_S
    return ("value", _REFUSED_S) if fault.kind == "bad_request" else ("source", _REFUSED_S)
