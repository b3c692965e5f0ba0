"""What the commands that read meters share: waiting for our own limit, and a line for each run."""

from datetime import datetime
from typing import Final

from apps.common import clock
from apps.common.errors import DomainError
from apps.common.http import pause
from apps.common.outside import OutsideError
from apps.telemetry.models import PollRun, ProviderConnection
from apps.telemetry.services import polling, reconciling

READING_FAILURES: Final = (DomainError, OutsideError, polling.ProviderBusyError)


def read_since(connection: ProviderConnection, since: datetime) -> list[PollRun]:
    """Everything since a moment again; where our own limit says wait, a command can wait."""
    begun_at = now = clock.now()
    while True:
        try:
            return reconciling.read_again(
                connection.pk, since, begun_at=begun_at, now=now, clock=clock.now
            )
        except polling.PacedError as paced:
            pause(paced.seconds)
            now = clock.now()


def line_of(connection: ProviderConnection, run: PollRun) -> str:
    """One line about one run."""
    window = f"{run.window_start:%Y-%m-%d %H:%M} to {run.window_end:%Y-%m-%d %H:%M}"
    begun = f"{connection.public_id}  {run.source}  {window}"
    if run.message:
        return f"{begun}  not read: {run.message}"
    seconds = (run.finished_at - run.started_at).total_seconds()
    return (
        f"{begun}  {run.rows_read} rows, {run.rows_changed} changed, "
        f"{run.rows_withdrawn} withdrawn  {seconds:.1f} s"
    )
