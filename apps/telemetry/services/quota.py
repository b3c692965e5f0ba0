"""How many live events a workspace may push in a month, and how many are left."""

from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import connection as database

from apps.telemetry.errors import QuotaExceededError
from apps.workspaces.models import Workspace

BILLING_PAGE: Final = "/dashboard/billing/"
COUNT: Final = """
INSERT INTO telemetry_liveeventcount AS counted (workspace_id, month, events) VALUES (%s, %s, %s)
ON CONFLICT (workspace_id, month) DO UPDATE SET events = counted.events + excluded.events
RETURNING events
"""


def count_live_events(workspace: Workspace, number: int, *, now: datetime) -> int | None:
    """Count new live events; answer how many are left this month, None where nothing limits them.

    Raises QuotaExceededError when they would be too many, and then the caller's transaction takes
    the events back with the count. Call it last: the row stays locked until the transaction ends.
    """
    limit = workspace.live_events_per_month
    with database.cursor() as cursor:
        cursor.execute(COUNT, [workspace.pk, now.date().replace(day=1), number])
        events = int(cursor.fetchone()[0])
    if limit is None:
        return None
    if number and events > limit:
        raise QuotaExceededError(
            f"The plan includes {limit:,} live events a month and these would be more.",
            limit=limit,
            used=events - number,
            billing_url=f"{settings.PUBLIC_URL}{BILLING_PAGE}",
        )
    return max(limit - events, 0)
