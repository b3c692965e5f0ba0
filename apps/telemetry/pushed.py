"""One usage that somebody pushed: a tracked call, a span, a log event, a point of a metric."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

Source = Literal["track", "otlp.event", "otlp.span", "otlp.metric"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedUsage:
    """What a sender reports, in the form that polled rows have too.

    The three input parts never overlap, and `output` already includes `reasoning`. `name` is what
    makes two reports the same report, unique within the workspace and the source: never a count.
    """

    source: Source
    name: str
    provider: str
    model: str | None
    used_at: datetime
    used_until: datetime
    input_uncached: int = 0
    input_cache_read: int = 0
    input_cache_write: int = 0
    output: int = 0
    reasoning: int | None = None
    requests: int | None = 1
    cost_usd: Decimal | None = None  # where the sender knows it
    region: str | None = None
    country: str | None = None
    is_batch: bool = False
    customer: str | None = None  # the label of the caller's own customer
    session_id: str | None = None
    developer_id: str | None = None  # stored as a keyed hash only
    project_name: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)  # allow-listed attributes, for reading
    flags: tuple[str, ...] = ()
