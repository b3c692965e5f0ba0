"""The only reader of the wall clock. Doors ask it and pass `now` inwards."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, UTC."""
    return datetime.now(UTC)
