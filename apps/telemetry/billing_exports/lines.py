"""One line of a bill, the same whichever provider and format it came from."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

Batch = Mapping[str, Sequence[str]]
"""Column name to the texts of some lines; what a file does not say is an empty text."""


class Metered(NamedTuple):
    """What was used, apart from how much, by whom and when: few of them, so they are shared."""

    provider: str
    """`aws`, `azure` or `gcp`; another name as the export has it."""
    service: str
    category: str
    """The kind of service in FOCUS; empty in CUR, which has none."""
    usage_type: str
    unit: str
    instance_type: str
    """As the bill names it; empty where it does not."""
    line_kind: str
    """USAGE, or what the line is in place of it, in words for the report."""


class BilledLine(NamedTuple):
    """A line that could be read. `identity` stays the same in a later export of the same use."""

    number: int
    """1 is the first after the header."""
    account: str
    metered: Metered
    region: str
    start: datetime
    end: datetime | None
    amount: Decimal
    resource_id: str
    identity: bytes


class Unused(NamedTuple):
    """A line that is no use of anything: a tax, a credit, a fee. Its kind is in `metered`."""

    number: int
    metered: Metered


class Unreadable(NamedTuple):
    """A line with a time or an amount that is none."""

    number: int
    metered: Metered
    reason: str


Line = BilledLine | Unused | Unreadable
USAGE: Final = "usage"
UNKNOWN_KIND: Final = "unknown kind of line: "
"""Begins a line_kind that nobody has met; it may well be a use."""
NO_AMOUNT: Final = "lines without an amount"
