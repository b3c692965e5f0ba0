"""Ringing for a worker. Nobody's answer depends on it: a tick finds the row that is due anyway."""

from typing import Any

import structlog
from celery import Task
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)


def ring(task: Task, *ids: str | int) -> None:
    """Ask a worker to look now; when Redis is down, say so in the log and carry on."""
    arguments: list[Any] = list(ids)
    try:
        task.apply_async(args=arguments)
    except (OperationalError, OSError) as fault:
        log.warning("bell_not_rung", task=task.name, ids=arguments, reason=type(fault).__name__)
