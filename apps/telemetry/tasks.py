"""When meters are read. Each task finds its work in the database; losing one loses nothing."""

from celery import shared_task

from apps.common import clock
from apps.common.bell import ring
from apps.common.outside import RefusedError
from apps.telemetry.errors import ConnectionRevokedError
from apps.telemetry.selectors import due_connection_ids
from apps.telemetry.services import polling


@shared_task
def poll_due_connections() -> int:
    """Fan out one task per due connection. One that is queued twice finds the lock taken."""
    due = due_connection_ids(clock.now())
    for connection_id in due:
        ring(poll_connection, connection_id)
    return len(due)


@shared_task
def poll_connection(connection_id: int) -> None:
    """Read one meter. A failure stands on the connection, and so does when to ask again."""
    try:
        polling.poll(connection_id, now=clock.now(), clock=clock.now)
    except (polling.ProviderBusyError, RefusedError, ConnectionRevokedError):
        return
