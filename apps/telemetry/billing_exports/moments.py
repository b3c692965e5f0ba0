"""Times as bills write them, all UTC."""

import functools
from datetime import UTC, datetime
from typing import Final, NamedTuple

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_REMEMBERED: Final = 65_536  # a year of hours, several times over


class UnreadableMomentError(Exception):
    """No time, or none of our calendar."""


class Moment(NamedTuple):
    """A time, and the one way to write it that identities are made of."""

    at: datetime
    text: str


@functools.lru_cache(maxsize=_REMEMBERED)
def read_moment(text: str) -> Moment:
    """A time of ISO 8601 or as BigQuery writes it; one without an offset is UTC."""
    try:
        read = datetime.fromisoformat(text.removesuffix(" UTC").strip())
        moment = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnreadableMomentError("unreadable time") from None
    if moment < EARLIEST:
        raise UnreadableMomentError("unreadable time")
    return Moment(moment, moment.isoformat())
