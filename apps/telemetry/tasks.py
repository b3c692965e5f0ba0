"""Reading meters, telling people. Each task finds its work in the database; none is missed."""

from contextlib import suppress

from celery import Task, shared_task

from apps.common import clock
from apps.common.bell import ring
from apps.common.outside import RefusedError
from apps.telemetry.errors import ConnectionRevokedError
from apps.telemetry.selectors import Visited, due_connection_ids
from apps.telemetry.selectors.budgets import due_delivery_ids
from apps.telemetry.selectors.source_of_record import waiting_workspace_ids
from apps.telemetry.services import (
    alert_delivery,
    budget_alerts,
    polling,
    reconciling,
    recounting,
    retention,
)

EXPECTED = (
    polling.ProviderBusyError,
    polling.PacedError,
    RefusedError,
    ConnectionRevokedError,
)
"""A failure stands on the connection or in its journal, and so does when to ask again."""


@shared_task
def poll_due_connections() -> int:
    """Fan out one task per due connection. One that is queued twice finds it locked, or done."""
    return _ring_for_due("next_poll_at", poll_connection)


@shared_task
def poll_connection(connection_id: int) -> None:
    """Read one meter, if it is due."""
    with suppress(*EXPECTED):
        polling.poll(connection_id, now=clock.now(), clock=clock.now, only_due=True)


@shared_task
def reconcile_due_connections() -> int:
    """Fan out one task per connection whose last days are to be read again."""
    return _ring_for_due("next_reconcile_at", reconcile_connection)


@shared_task
def reconcile_connection(connection_id: int) -> None:
    """Read the last days of one meter again, and what the provider says of them."""
    with suppress(*EXPECTED):
        reconciling.reconcile(connection_id, now=clock.now(), clock=clock.now)


@shared_task
def sweep_due_connections() -> int:
    """Fan out one task per connection whose last weeks are to be read again."""
    return _ring_for_due("next_sweep_at", sweep_connection)


@shared_task
def sweep_connection(connection_id: int) -> None:
    """Read the last weeks of one meter again."""
    with suppress(*EXPECTED):
        reconciling.sweep(connection_id, now=clock.now(), clock=clock.now)


def _ring_for_due(column: Visited, task: Task) -> int:
    due = due_connection_ids(clock.now(), column)
    for connection_id in due:
        ring(task, connection_id)
    return len(due)


@shared_task
def check_budgets() -> int:
    """Note the thresholds that were crossed, and ring for those who are to be told."""
    noted = budget_alerts.check_budgets(now=clock.now())
    deliver_alerts()
    return noted


@shared_task
def deliver_alerts() -> int:
    """Fan out one task per due delivery. One that is queued twice finds it claimed."""
    due = due_delivery_ids(clock.now())
    for delivery_id in due:
        ring(deliver_alert, delivery_id)
    return len(due)


@shared_task
def deliver_alert(delivery_id: int) -> None:
    """Tell one recipient. A failure stands on the delivery, and so does when to try again."""
    alert_delivery.deliver(delivery_id, now=clock.now(), clock=clock.now)


@shared_task
def apply_sources_of_record() -> int:
    """Fan out one task per workspace whose stored events do not follow its declarations yet."""
    waiting = waiting_workspace_ids()
    for workspace_id in waiting:
        ring(apply_source_of_record, workspace_id)
    return len(waiting)


@shared_task
def apply_source_of_record(workspace_id: int) -> None:
    """Turn stored events over. Killed anywhere, the next tick takes it up again."""
    recounting.recount(workspace_id, clock=clock.now)


@shared_task
def clear_raw_payloads() -> int:
    """Forget the providers' raw rows that are older than the settings keep them."""
    return retention.clear_raw_payloads(now=clock.now())


@shared_task
def prune_poll_runs() -> int:
    """Forget old polls, but of each source the last."""
    return retention.prune_poll_runs(now=clock.now())
