"""The shapes of a report: a span, sums with bounds, groups, points of a series."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from apps.telemetry.models import TOKENS

Step = Literal["hour", "day", "week", "month"]
Split = Literal["model", "project", "provider", "connection", "region", "token_kind"]
CONFIDENCE_ORDER: Final = ("measured", "benchmarked", "estimated")


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open time range, UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Bounds:
    """A sum of ranges: lows to lows and highs to highs, since the errors are common to all."""

    low: Decimal
    central: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a set of entries. `requests` and `cost_usd` are None where nobody tells them."""

    sums: Mapping[str, Decimal | None] = field(default_factory=dict)

    def count(self, name: str) -> int:
        return int(self.sums.get(name) or 0)

    @property
    def requests(self) -> int | None:
        number = self.sums.get("requests")
        return None if number is None else int(number)

    @property
    def cost_usd(self) -> Decimal | None:
        return self.sums.get("cost_usd")

    def bounds(self, name: str) -> Bounds:
        low, central, high = (
            self.sums.get(f"{name}{bound}") or Decimal() for bound in ("_low", "", "_high")
        )
        return Bounds(low, central, high)

    @property
    def input_tokens(self) -> int:
        return sum(self.count(name) for name in TOKENS[:3])

    @property
    def tokens(self) -> int:
        return sum(self.count(name) for name in TOKENS)


@dataclass(frozen=True, slots=True)
class Group:
    """One line of a report: its key, how to call it, its sums and how sure they are."""

    key: str | None
    label: str
    totals: Totals
    confidence: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """The span before, of the same length. Only the central values, to be compared with."""

    span: Span
    totals: Totals


@dataclass(frozen=True, slots=True)
class Point:
    """The sums of one step of a series, for one value of what it is split by.

    Split by the kind of token there are only tokens: energy is not told apart by it.
    """

    start: datetime
    key: str | None
    label: str
    tokens: int
    totals: Totals | None
