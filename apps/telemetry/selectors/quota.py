"""How much of its live events a workspace has used."""

from datetime import datetime

from apps.telemetry.models import LiveEventCount
from apps.workspaces.models import Workspace


def live_events_of_month(workspace: Workspace, *, now: datetime) -> int:
    """Live events pushed in the calendar month of `now` (UTC)."""
    month = now.date().replace(day=1)
    counted = LiveEventCount.objects.filter(workspace=workspace, month=month)
    return counted.values_list("events", flat=True).first() or 0
