"""Ringing for a worker. Nobody's answer depends on it: a tick finds the row that is due anyway."""

import structlog
from celery import Task
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)


def ring(task: Task, *ids: str | int) -> None:
    """Ask a worker to look now; when Redis is down, say so in the log and carry on."""
    try:
        task.apply_async(args=ids)
    except (OperationalError, OSError) as fault:
        log.warning("bell_not_rung", task=task.name, ids=ids, reason=type(fault).__name__)
