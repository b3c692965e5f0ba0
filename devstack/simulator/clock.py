"""The simulator's clock: the real one, or wherever a test has put it."""

import time
from datetime import UTC, datetime


class Clock:
    """Seconds since 1970. Real time plus an offset, or standing still."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._frozen_at: float | None = None

    def now(self) -> int:
        if self._frozen_at is not None:
            return int(self._frozen_at)
        return int(time.time() + self._offset)

    def set(self, now: float, *, frozen: bool) -> None:
        self._frozen_at = now if frozen else None
        self._offset = now - time.time()

    def advance(self, seconds: float) -> None:
        self._offset += seconds
        if self._frozen_at is not None:
            self._frozen_at += seconds

    def reset(self) -> None:
        self._offset, self._frozen_at = 0.0, None


def unix(moment: str | float) -> int:
    """Seconds since 1970 from a number or an RFC 3339 text; ValueError for anything else."""
    if isinstance(moment, int | float):
        return int(moment)
    parsed = datetime.fromisoformat(moment.replace("Z", "+00:00").replace("z", "+00:00"))
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day_of(seconds: int) -> str:
    return rfc3339(seconds)[:10]
