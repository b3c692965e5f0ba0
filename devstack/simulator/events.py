"""A usage event: one fact that providers aggregate, and when they get to know it."""

from collections.abc import Mapping
from typing import NamedTuple

Dimension = str | bool | None


class UsageEvent(NamedTuple):
    """Counts of some calls. Reported while `visible_from <= now < removed_from`."""

    id: str
    provider: str
    organisation: str
    endpoint: str
    at: int
    dims: Mapping[str, Dimension]
    quantities: Mapping[str, int]
    visible_from: int
    removed_from: int | None = None

    def is_visible(self, now: int) -> bool:
        if self.at > now or self.visible_from > now:
            return False
        return self.removed_from is None or now < self.removed_from
