"""What a batch becomes: usages to record, points whose increase needs a state, and refusals."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from apps.telemetry.pushed import PushedUsage

Column = Literal["input_uncached", "input_cache_read", "input_cache_write", "output", "reasoning"]
"""A token column of `PushedUsage`; "reasoning" also adds to the output, which includes it."""

GENERAL_METRIC: Final = 0
OWN_METRIC: Final = 1
EVENT: Final = 2
SPAN: Final = 3
EVENT_WITH_ID: Final = 4
"""Of the signals of one tool and session only those of the highest rank count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One usage, and what decides whether it counts beside other signals of the same calls."""

    usage: PushedUsage
    tool: str  # `service.name`, or the known tool's name
    session_key: str  # "" where the sender names no session
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPoint:
    """A running total: what it adds depends on the points of its series before, see `series`."""

    series: bytes  # SHA-256 over resource, scope, metric and all attributes of the point
    start_time: datetime | None  # None: the sender does not tell when it began to count
    time: datetime
    value: int  # tokens since `start_time`
    requests: int | None = None  # calls since then, where the metric counts them
    column: Column
    template: Signal  # without tokens, named after this very point

    def signal(self, tokens: int, requests: int | None) -> Signal:
        """The usage that an increase of so many tokens is."""
        return with_tokens(self.template, self.column, tokens, requests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """A whole batch. `rejected` items were understood and cannot be counted."""

    usages: tuple[Signal, ...] = ()
    series: tuple[SeriesPoint, ...] = ()
    rejected: int = 0
    error_message: str = ""
    warnings: tuple[str, ...] = ()


def with_tokens(template: Signal, column: Column, tokens: int, requests: int | None) -> Signal:
    columns: dict[str, Any] = {column: tokens, "requests": requests}
    if column == "reasoning":
        columns["output"] = tokens
    return replace(template, usage=replace(template.usage, **columns))
