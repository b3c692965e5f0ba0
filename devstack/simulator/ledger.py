"""What the providers know: the invented past, plus what a test adds, revises and removes."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from devstack.simulator.clock import unix
from devstack.simulator.events import Dimension, UsageEvent
from devstack.simulator.history import DAY, HOUR, hour_events
from devstack.simulator.profiles import ENDPOINTS


@dataclass(frozen=True, slots=True)
class Selection:
    """Every event of an endpoint in `[start, end)` whose dimensions are as stated."""

    provider: str
    organisation: str
    endpoint: str
    start: int
    end: int
    dims: Mapping[str, Dimension]

    def holds(self, event: UsageEvent) -> bool:
        return (
            (event.provider, event.organisation, event.endpoint)
            == (self.provider, self.organisation, self.endpoint)
            and self.start <= event.at < self.end
            and all(event.dims.get(name) == value for name, value in self.dims.items())
        )


@dataclass(frozen=True, slots=True)
class Removal:
    selection: Selection
    at: int


class Ledger:
    """Events and their history. Every method is safe to call from several threads."""

    def __init__(self, *, seed: int, begins_at: int) -> None:
        self.seed = seed
        self.begins_at = begins_at
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._scripted: list[UsageEvent] = []
        self._removed: dict[str, int] = {}  # event id -> when it stops being reported
        self._removals: list[Removal] = []
        self._names: dict[str, str] = {}  # the id a test knows -> the id of the latest revision
        self._count = 0

    def reset(self) -> None:
        with self._lock:
            self._forget()

    def begin_no_later_than(self, moment: int) -> None:
        self.begins_at = min(self.begins_at, moment // DAY * DAY)

    def visible(
        self, provider: str, organisation: str, endpoint: str, start: int, end: int, *, now: int
    ) -> list[UsageEvent]:
        """What the provider reports at `now` for `[start, end)`."""
        with self._lock:
            scripted, removed = list(self._scripted), dict(self._removed)
            removals = [r for r in self._removals if r.at <= now]
        selection = Selection(provider, organisation, endpoint, start, end, {})
        found = [event for event in self._told(selection, now) if event.is_visible(now)]
        found += [e for e in scripted if selection.holds(e) and e.is_visible(now)]
        return [
            event
            for event in found
            if removed.get(event.id, now + 1) > now
            and not any(_removes(removal, event) for removal in removals)
        ]

    def _told(self, selection: Selection, now: int) -> Iterator[UsageEvent]:
        first = max(selection.start, self.begins_at) // HOUR * HOUR
        for hour in range(first, min(selection.end, now + 1), HOUR):
            told = hour_events(
                self.seed, selection.provider, selection.organisation, selection.endpoint, hour
            )
            if hour >= selection.start and hour + HOUR <= selection.end:
                yield from told
            else:
                yield from (e for e in told if selection.start <= e.at < selection.end)

    def add(self, item: Mapping[str, Any]) -> UsageEvent:
        """Add an event; `visible_from` is its own time unless stated (a late event)."""
        at = unix(item["time"])
        removed_from = item.get("removed_from")
        provider, endpoint = item["provider"], item.get("endpoint")
        with self._lock:
            self._count += 1
            event = UsageEvent(
                id=str(item.get("id") or f"scripted-{self._count}"),
                provider=provider,
                organisation=str(item.get("organisation", "0001")),
                endpoint=endpoint or ENDPOINTS[provider][0],
                at=at,
                dims=dict(item.get("dims", {})),
                quantities={name: int(n) for name, n in item["quantities"].items()},
                visible_from=unix(item.get("visible_from", at)),
                removed_from=None if removed_from is None else unix(removed_from),
            )
            self._scripted.append(event)
            return event

    def revise(self, item: Mapping[str, Any], *, now: int) -> UsageEvent:
        """From `at` on, report an event with other counts or dimensions."""
        at = unix(item.get("at", now))
        event = self.event(str(item["id"]))
        with self._lock:
            self._count += 1
            self._removed[event.id] = at
            revised = event._replace(
                id=f"{item['id']}#{self._count}",
                dims={**event.dims, **item.get("dims", {})},
                quantities={**event.quantities, **item.get("quantities", {})},
                visible_from=at,
                removed_from=None,
            )
            self._scripted.append(revised)
            self._names[str(item["id"])] = revised.id
            return revised

    def remove(self, item: Mapping[str, Any], *, now: int) -> None:
        """From `at` on, report an event, or everything in a span, no longer."""
        at = unix(item.get("at", now))
        if "id" in item:
            event = self.event(str(item["id"]))
            with self._lock:
                self._removed[event.id] = at
            return
        with self._lock:
            self._removals.append(Removal(selection_of(item), at))

    def event(self, event_id: str) -> UsageEvent:
        """The latest revision of an event; LookupError when there is none."""
        with self._lock:
            latest = self._names.get(event_id, event_id)
            scripted = [event for event in self._scripted if event.id == latest]
        if scripted:
            return scripted[-1]
        provider, organisation, endpoint, hour, _ = latest.split("/")
        told = hour_events(self.seed, provider, organisation, endpoint, int(hour))
        return next(event for event in told if event.id == latest)


def _removes(removal: Removal, event: UsageEvent) -> bool:
    """What was already reported goes; what arrives after the removal is new."""
    return removal.selection.holds(event) and event.visible_from <= removal.at


def selection_of(item: Mapping[str, Any]) -> Selection:
    """A span as the control API names it: provider, start, end, and perhaps more."""
    return Selection(
        provider=item["provider"],
        organisation=str(item.get("organisation", "0001")),
        endpoint=item.get("endpoint") or ENDPOINTS[item["provider"]][0],
        start=unix(item["start"]),
        end=unix(item["end"]),
        dims=dict(item.get("dims", {})),
    )
