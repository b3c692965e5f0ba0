"""What telemetry reads: connections, and the sums behind every report."""

from apps.telemetry.selectors.connections import (
    Visited,
    connection_of,
    connections,
    due_connection_ids,
    last_poll_at,
    latest_polls,
)
from apps.telemetry.selectors.figures import (
    CONFIDENCE_ORDER,
    Bounds,
    Group,
    Point,
    Span,
    Split,
    Step,
    Totals,
)
from apps.telemetry.selectors.reports import Summary, summary, timeseries

__all__ = [
    "CONFIDENCE_ORDER",
    "Bounds",
    "Group",
    "Point",
    "Span",
    "Split",
    "Step",
    "Summary",
    "Totals",
    "Visited",
    "connection_of",
    "connections",
    "due_connection_ids",
    "last_poll_at",
    "latest_polls",
    "summary",
    "timeseries",
]
