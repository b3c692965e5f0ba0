"""When meters are read. Each task finds its work in the database; losing one loses nothing."""

from celery import Task, shared_task

from apps.common import clock
from apps.common.outside import RefusedError
from apps.telemetry.selectors import due_connection_ids
from apps.telemetry.services import polling


@shared_task
def poll_due_connections() -> int:
    """Fan out one task per due connection. One that is queued twice finds the lock taken."""
    due = due_connection_ids(clock.now())
    for connection_id in due:
        poll_connection.delay(connection_id)
    return len(due)


@shared_task(bind=True, max_retries=3)
def poll_connection(self: Task, connection_id: int) -> None:
    """Read one meter. A busy provider is asked again; a refusal stands on the connection."""
    try:
        polling.poll(connection_id, now=clock.now(), clock=clock.now)
    except polling.ProviderBusyError as busy:
        backoff = 30 * 2**self.request.retries
        raise self.retry(countdown=max(backoff, busy.retry_after or 0), exc=busy) from busy
    except RefusedError:
        return  # recorded on the connection, where a person reads it
