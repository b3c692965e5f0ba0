"""What is answered about the hours and events behind a total."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from apps.telemetry.api.figure_shapes import Named, QuantityBounds, UsageTotals


class RollupLinks(Struct, frozen=True, kw_only=True):
    """The events of the hour that agree in all of the row's dimensions."""

    events: str


class RollupRow(Struct, frozen=True, kw_only=True):
    """The sums of one hour, for one value of every dimension; `entries` lines of the ledger."""

    hour: datetime
    project: Named
    connection: Named | None
    provider: str
    model: str | None
    region: str | None
    is_test: bool
    entries: int
    totals: UsageTotals
    links: RollupLinks


class RollupPage(Struct, frozen=True, kw_only=True):
    """A page of hours, the latest first."""

    next: str | None
    previous: str | None
    results: list[RollupRow]


class EventLinks(Struct, frozen=True, kw_only=True):
    """The event itself, and the hourly sum it is in."""

    event: str
    rollup: str


class EventRow(Struct, frozen=True, kw_only=True):
    """One metered fact, as last known, with its value."""

    id: str
    used_at: datetime
    used_until: datetime
    source: str
    provider: str
    model: str | None
    region: str | None
    project: Named
    connection: Named | None
    input_uncached_tokens: int
    input_cache_read_tokens: int
    input_cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int | None
    requests: int | None
    cost_usd: float | None
    is_counted: bool
    is_withdrawn: bool
    is_provisional: bool
    is_test: bool
    customer: str | None
    session_id: str | None
    observed_at: datetime
    energy_kwh: QuantityBounds | None
    co2e_grams: QuantityBounds | None
    links: EventLinks


class EventPage(Struct, frozen=True, kw_only=True):
    """A page of events, the latest used first."""

    next: str | None
    previous: str | None
    results: list[EventRow]


class EntryLine(Struct, frozen=True, kw_only=True):
    """One line of the ledger: the differences it made, as decimal strings; null is unknown."""

    sequence: int
    reason: str
    recorded_at: datetime
    factor_version: str
    differences: dict[str, str | None]


class BucketReadingLine(Struct, frozen=True, kw_only=True):
    """The last reading of the provider's bucket that holds the event."""

    starts_at: datetime
    ends_at: datetime
    rows: int
    digest: str
    is_provisional: bool
    read_at: datetime


class PollRunLine(Struct, frozen=True, kw_only=True):
    """The reading of the meter that last changed the event."""

    window_start: datetime
    window_end: datetime
    started_at: datetime
    finished_at: datetime
    outcome: str
    rows_read: int
    rows_changed: int
    rows_withdrawn: int


class EventDetail(EventRow, frozen=True, kw_only=True):
    """An event with all it came from and all that was made of it.

    The entries sum to `calculation`. `raw_payload` is what the sender reported, where it is kept;
    `is_raw_payload_expired` tells one that was forgotten for its age from one that never was there.
    """

    dims: dict[str, Any]
    flags: list[Any]
    calculation: dict[str, Any] | None
    entries: list[EntryLine]
    raw_payload: Any
    is_raw_payload_expired: bool
    bucket: BucketReadingLine | None
    poll_run: PollRunLine | None
