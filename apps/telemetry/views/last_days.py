"""The span that a page of the dashboard looks back over."""

from datetime import datetime, timedelta

from apps.telemetry.selectors.figures import Span
from apps.telemetry.selectors.parts import DAY, floor


def last_days(now: datetime, days: int) -> Span:
    """Whole UTC days up to and including today."""
    end = floor(now, DAY) + DAY
    return Span(end - timedelta(days=days), end)
