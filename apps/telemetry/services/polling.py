"""The hourly visit to a meter: from a little before the cursor to the last full bucket."""

from datetime import datetime

from apps.telemetry.models import PollRun, SyncCursor
from apps.telemetry.services import outcomes
from apps.telemetry.services.metering import Clock, ProviderBusyError, Visit, read_source, visit
from apps.telemetry.services.outcomes import POLLING
from apps.telemetry.services.pacing import PacedError

__all__ = ["PacedError", "ProviderBusyError", "poll"]


def poll(
    connection_id: int, *, now: datetime, clock: Clock, only_due: bool = False
) -> list[PollRun]:
    """Read every source of the connection up to its newest full bucket and record it.

    One at a time per connection: whoever finds it locked leaves it to the other and answers [], and
    so does, `only_due`, who finds that another was quicker. Safe to repeat and to kill: a reading
    is recorded whole or not at all. `clock` dates the end of each attempt. Raises
    ProviderBusyError, PacedError or RefusedError when a report could not be read, and
    ConnectionRevokedError when the connection was revoked meanwhile.
    """
    with visit(connection_id, POLLING, now=now, clock=clock, only_due=only_due) as opened:
        if opened is None:
            return []
        ends = dict(
            SyncCursor.objects.filter(connection=opened.connection).values_list(
                "source", "complete_until"
            )
        )
        runs = [
            run
            for source in opened.meter.group_by
            if (run := _poll_source(opened, source, ends.get(source)))
        ]
        outcomes.all_read(opened.connection, now=now)
        return runs


def _poll_source(opened: Visit, source: str, complete_until: datetime | None) -> PollRun | None:
    window = opened.meter.window(complete_until, opened.now)
    return None if window is None else read_source(opened, source, window)
