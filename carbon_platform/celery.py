"""The Celery app, the beat's table, and the request id's way into a task.

Redis only rings the bell. A task is told ids, finds its rows in PostgreSQL and may run twice; what
is lost with the broker, the next tick finds again.
"""

import os
import time
from typing import Any

import structlog
from celery import Celery, signals
from django.conf import settings
from kombu import Exchange, Queue

from carbon_platform.logging import configure as configure_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carbon_platform.settings")

log = structlog.get_logger("carbon_platform.tasks")

SECONDS = 1.0
MINUTES = 60.0

BEAT = {
    # task                                          every
    "apps.telemetry.tasks.poll_due_connections":    60 * SECONDS,
    "apps.telemetry.tasks.reconcile_due_connections": 5 * MINUTES,
    "apps.telemetry.tasks.sweep_due_connections":   15 * MINUTES,
    "apps.telemetry.tasks.clear_raw_payloads":      24 * 60 * MINUTES,
    "apps.telemetry.tasks.prune_poll_runs":         24 * 60 * MINUTES,
    "apps.emissions.tasks.keep_grid_history":       60 * MINUTES,
    "apps.emissions.tasks.prune_grid_history":      24 * 60 * MINUTES,
    "apps.telemetry.tasks.check_budgets":           5 * MINUTES,
    "apps.telemetry.tasks.apply_sources_of_record": 5 * MINUTES,
    "apps.telemetry.tasks.deliver_alerts":          60 * SECONDS,
    "apps.billing.tasks.advance_periods":           5 * MINUTES,
    "apps.billing.tasks.close_due_periods":         5 * MINUTES,
    "apps.billing.tasks.process_waiting_events":    60 * SECONDS,
    "apps.billing.tasks.sweep_stripe":              24 * 60 * MINUTES,
    "apps.receipts.tasks.issue_due_receipts":       60 * SECONDS,
    "apps.receipts.tasks.render_due_documents":     60 * SECONDS,
}  # fmt: skip

# Reading meters is waiting for others: it has workers of threads, see docs/connections.md. A worker
# that is told of no queue takes from both.
POLL_QUEUE = "poll"
POLL_TASKS = ("poll_connection", "reconcile_connection", "sweep_connection")

app = Celery("carbon_platform")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    accept_content=["json"],
    task_serializer="json",
    task_ignore_result=True,
    timezone="UTC",
    task_queues=[
        Queue("celery", Exchange("celery"), routing_key="celery"),
        Queue(POLL_QUEUE, Exchange(POLL_QUEUE), routing_key=POLL_QUEUE),
    ],
    task_routes={f"apps.telemetry.tasks.{name}": {"queue": POLL_QUEUE} for name in POLL_TASKS},
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_soft_time_limit=9 * MINUTES,
    task_time_limit=10 * MINUTES,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=1000,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    broker_connection_retry_on_startup=True,
    task_publish_retry=False,  # a bell that does not ring is rung again by the next tick
    # Above every time limit, or Redis would hand out a task that is still being worked on.
    broker_transport_options={
        "visibility_timeout": 60 * MINUTES,
        "socket_timeout": 5.0,
        "socket_connect_timeout": 1.0,
        "max_retries": 0,  # a web request must not wait; a worker's consumer tries on by itself
    },
    # A tick that found no worker for its own interval is told again by the next one.
    beat_schedule={
        task: {"task": task, "schedule": every, "options": {"expires": every}}
        for task, every in BEAT.items()
    },
)
app.autodiscover_tasks()

_REQUEST_ID = "request_id"


@signals.setup_logging.connect
def use_our_pipeline(**_: Any) -> None:
    """Being connected at all is what keeps Celery from setting up its own logging."""
    configure_logging(settings.LOG_FORMAT, settings.LOG_LEVEL)


@signals.before_task_publish.connect
def send_request_id(headers: dict[str, Any], **_: Any) -> None:
    request_id = structlog.contextvars.get_contextvars().get(_REQUEST_ID)
    if request_id:
        headers[_REQUEST_ID] = request_id


@signals.task_prerun.connect
def begin(task: Any, task_id: str, **_: Any) -> None:
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id)
    request_id = task.request.get(_REQUEST_ID)
    if request_id:
        structlog.contextvars.bind_contextvars(request_id=request_id)
    task.request.started = time.perf_counter()


@signals.task_postrun.connect
def end(task: Any, state: str | None = None, **_: Any) -> None:
    seconds = time.perf_counter() - task.request.started
    log.info("task_ended", state=state, duration_ms=round(seconds * 1000, 1))
    structlog.contextvars.clear_contextvars()
