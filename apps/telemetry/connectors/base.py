"""What a connector is, and the frozen values it hands to the ledger.

A connector reads one provider's meter and puts its rows into one form. Paging is `paging.read`;
storing, cursors and schedules are the pipeline's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Protocol

from apps.common.outside import BusyError
from apps.common.secrets import Secret

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def floor(moment: datetime, width: timedelta) -> datetime:
    """The bucket boundary at or before a moment, in UTC."""
    return _EPOCH + (moment - _EPOCH) // width * width


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time to be read."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise ValueError(f"an empty window: {self.start} to {self.end}")

    def is_aligned(self, width: timedelta) -> bool:
        return floor(self.start, width) == self.start and floor(self.end, width) == self.end

    def starts(self, width: timedelta) -> Iterator[datetime]:
        """The start of each bucket, ascending."""
        start = self.start
        while start < self.end:
            yield start
            start += width

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """One row of a bucket in the form all providers share.

    The three input parts never overlap, and `output` already includes `reasoning`.
    """

    dims: Mapping[str, str | None]  # what was grouped by and nothing else; null stays null
    model: str | None
    input_uncached: int
    input_cache_read: int = 0
    input_cache_write: int = 0
    output: int = 0
    reasoning: int | None = None
    requests: int | None = None
    cost_usd: Decimal | None = None  # as the provider reports it, where it does
    byok: bool = False  # paid with the customer's own key at the upstream provider
    cache_read_known: bool = True  # False: the source did not say, so 0 is for arithmetic only
    flags: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def input_total(self) -> int:
        return self.input_uncached + self.input_cache_read + self.input_cache_write


@dataclass(frozen=True, slots=True)
class BucketReading:
    """All rows of one source in one bucket, as read once: the unit that replaces or is replaced."""

    source: str
    bucket_start: datetime
    bucket_end: datetime
    is_provisional: bool  # clipped by the provider, or still running when it was read
    rows: tuple[UsageRow, ...] = ()
    quarantined: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    buckets: tuple[BucketReading, ...]
    next_cursor: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """A completely read window: each of its buckets that is over, ascending, once."""

    window: Window
    buckets: tuple[BucketReading, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DayTotal:
    """What a provider itself says of one day as a whole, asked in another way than for the rows.

    Null is what its answer does not tell, never zero.
    """

    source: str  # the source whose rows it adds up, or the provider's cost report
    day: date
    input_tokens: int | None  # cached and cache-writing tokens included
    output_tokens: int | None
    requests: int | None
    cost_usd: Decimal | None  # negative where credits outweigh the costs


@dataclass(frozen=True, slots=True)
class Account:
    """Whose meter the key reads. `ref` is None where the provider does not tell."""

    ref: str | None
    name: str


class Connector(Protocol):
    provider: ClassVar[str]
    label: ClassVar[str]
    default_base_url: ClassVar[str]  # empty: not offered before the operator gives one
    base_url_setting: ClassVar[str]
    requests_per_minute: ClassVar[int]  # what one account may be asked at most
    not_measured: ClassVar[tuple[str, ...]]  # what is used there and read by nobody, and why

    def __init__(self, base_url: str) -> None: ...

    @property
    def bucket_width(self) -> timedelta: ...

    @property
    def history(self) -> timedelta:
        """How far back the provider is asked at most."""

    @property
    def lookback(self) -> timedelta:
        """How far before its cursor each poll reads again, because buckets are revised."""

    @property
    def group_by(self) -> Mapping[str, tuple[str, ...]]:
        """The grouped dimensions of each source: its keys are the sources, in reading order."""

    @property
    def lists_empty_buckets(self) -> bool:
        """Whether the provider names buckets in which nothing was used."""

    def validate(self, key: Secret, now: datetime) -> Account:
        """One cheap look with the key, within ten seconds: whose it is, or why it will not do."""

    def window(self, complete_until: datetime | None, now: datetime) -> Window | None:
        """What the next regular poll reads, aligned; None when no bucket is over yet."""

    def poll(
        self, key: Secret, source: str, window: Window, cursor: str | None, now: datetime
    ) -> Page:
        """One page of the answer for a window."""

    def totals(self, key: Secret, window: Window, now: datetime) -> tuple[DayTotal, ...]:
        """Each whole UTC day of the window that is over, by source: all pages read, or an error.

        Empty where a provider has no other way of asking than for the rows.
        """


def next_window(
    complete_until: datetime | None,
    end: datetime,
    *,
    oldest: datetime,
    lookback: timedelta,
    width: timedelta,
) -> Window | None:
    """From the look-back before the cursor, or from the oldest served bucket, to `end`."""
    start = oldest
    if complete_until is not None:
        start = max(oldest, floor(complete_until, width) - lookback)
    return Window(start, end) if start < end else None


def malformed(message: str) -> BusyError:
    """An answer that cannot be trusted as a whole: nothing of it may be stored."""
    return BusyError("malformed_response", message)
