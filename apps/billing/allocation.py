"""Which grams of which credit batch cover which period: a pure planner in whole grams.

All batches lie side by side in one space of grams. A registry retires whole tonnes, so the last
tonne of an order is rarely used up; its remainder is already retired and is handed out before any
new tonne is ordered. New grams are taken from the batches in the order given: oldest vintage first.
"""

import itertools
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

GRAMS_PER_TONNE = 1_000_000
Key: TypeAlias = int | str


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch's grams `[start, end)`: allocated below `next_free`, ordered below `ordered_until`.

    Tonnes are counted from `start`.
    """

    key: Key
    start: int
    end: int
    next_free: int
    ordered_until: int

    def __post_init__(self) -> None:
        whole = (self.end - self.start) % GRAMS_PER_TONNE == 0
        ordered_whole = (self.ordered_until - self.start) % GRAMS_PER_TONNE == 0
        if not whole or not ordered_whole:
            raise ValueError(f"batch {self.key} is not counted in whole tonnes")
        if not self.start <= min(self.next_free, self.ordered_until):
            raise ValueError(f"batch {self.key} is used before it begins")
        if not max(self.next_free, self.ordered_until) <= self.end:
            raise ValueError(f"batch {self.key} is used beyond its end")


@dataclass(frozen=True, slots=True)
class Demand:
    """What a period wants covered, rounded up to whole grams."""

    period_key: Key
    grams: int


@dataclass(frozen=True, slots=True)
class Line:
    """Grams `[gram_start, gram_end)` of one batch, given to one period."""

    period_key: Key
    batch_key: Key
    gram_start: int
    gram_end: int

    @property
    def grams(self) -> int:
        return self.gram_end - self.gram_start


@dataclass(frozen=True, slots=True)
class Order:
    """Whole tonnes of one batch that the registry must retire for this plan."""

    batch_key: Key
    gram_start: int
    gram_end: int

    @property
    def tonnes(self) -> int:
        return (self.gram_end - self.gram_start) // GRAMS_PER_TONNE


@dataclass(frozen=True, slots=True)
class Plan:
    """Lines and orders, and the demands for which too little was left: those got nothing."""

    lines: tuple[Line, ...]
    orders: tuple[Order, ...]
    short: tuple[Demand, ...]


@dataclass(slots=True)
class _Span:
    batch_key: Key
    start: int
    end: int


def plan(batches: Sequence[Batch], demands: Iterable[Demand]) -> Plan:
    """Cover each demand in turn, wholly or not at all.

    A demand that does not fit is skipped and reported as short; the later ones are still tried.
    No line crosses from tonnes that were ordered before into new ones. The same input always
    gives the same plan, and a plan applied is not planned again.
    """
    demands = tuple(demands)
    _refuse_doubles([batch.key for batch in batches], "batch")
    _refuse_doubles([demand.period_key for demand in demands], "period")
    _refuse_overlap(batches)

    free = _free_spans(batches)
    left = sum(span.end - span.start for span in free)
    lines: list[Line] = []
    short: list[Demand] = []
    for demand in demands:
        if demand.grams < 0:
            raise ValueError(f"period {demand.period_key} wants {demand.grams} grams")
        if demand.grams > left:
            short.append(demand)
            continue
        left -= demand.grams
        lines += _take(free, demand)
    return Plan(tuple(lines), _orders(batches, lines), tuple(short))


def _free_spans(batches: Sequence[Batch]) -> deque[_Span]:
    """First what is ordered already and still free, then what must be ordered."""
    remainders = [
        _Span(batch.key, batch.next_free, batch.ordered_until)
        for batch in batches
        if batch.next_free < batch.ordered_until
    ]
    fresh = [
        _Span(batch.key, max(batch.next_free, batch.ordered_until), batch.end)
        for batch in batches
        if max(batch.next_free, batch.ordered_until) < batch.end
    ]
    return deque(remainders + fresh)


def _take(free: deque[_Span], demand: Demand) -> list[Line]:
    lines = []
    wanted = demand.grams
    while wanted:
        span = free[0]
        end = min(span.start + wanted, span.end)
        lines.append(Line(demand.period_key, span.batch_key, span.start, end))
        wanted -= end - span.start
        span.start = end
        if span.start == span.end:
            free.popleft()
    return lines


def _orders(batches: Sequence[Batch], lines: Sequence[Line]) -> tuple[Order, ...]:
    """Whole tonnes up to the last gram allocated, beyond what was ordered before."""
    used_until = {batch.key: batch.next_free for batch in batches}
    for line in lines:
        used_until[line.batch_key] = max(used_until[line.batch_key], line.gram_end)
    orders = []
    for batch in batches:
        tonnes = -((batch.start - used_until[batch.key]) // GRAMS_PER_TONNE)
        until = batch.start + tonnes * GRAMS_PER_TONNE
        if until > batch.ordered_until:
            orders.append(Order(batch.key, batch.ordered_until, until))
    return tuple(orders)


def _refuse_doubles(keys: Sequence[Key], what: str) -> None:
    if len(set(keys)) != len(keys):
        raise ValueError(f"a {what} is named twice")


def _refuse_overlap(batches: Sequence[Batch]) -> None:
    in_space = sorted(batches, key=lambda batch: batch.start)
    for before, after in itertools.pairwise(in_space):
        if before.end > after.start:
            raise ValueError(f"batches {before.key} and {after.key} share grams")
