"""The structlog pipeline: everything this process logs becomes one JSON line on standard output.

Records of the standard library (Django, gunicorn, Celery) take the same way, so they carry the
request id and lose their secrets too. `LOG_FORMAT=console` is for a developer's terminal.
"""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from carbon_platform.redaction import redact

QUIETER = {
    "psycopg.pool": logging.ERROR,  # it repeats every failed attempt; the caller reports the last
    "celery.app.trace": logging.WARNING,  # our own line says that a task ended
    "celery.worker.strategy": logging.WARNING,
    "celery.beat": logging.WARNING,
    "botocore": logging.WARNING,
    "urllib3": logging.WARNING,  # below that it tells addresses, and an address may hold a token
    "fontTools": logging.WARNING,
    "weasyprint": logging.ERROR,
}
HANDLERS_OF_THEIR_OWN = ("gunicorn.error", "gunicorn.access")


def configure(log_format: str, level: str = "INFO") -> None:
    """Set up structlog and the root logger. Safe to repeat."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = _Handler()
    handler.setFormatter(formatter(log_format))
    handler.addFilter(_is_news)
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name, quiet in QUIETER.items():
        logging.getLogger(name).setLevel(quiet)
    for name in HANDLERS_OF_THEIR_OWN:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def formatter(log_format: str) -> logging.Formatter:
    is_console = log_format == "console"
    ending = [_one_line, _console()] if is_console else [structlog.processors.JSONRenderer()]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact,
            *ending,
        ],
    )


class _Handler(logging.StreamHandler):
    """Writes to the standard output of the moment, which a test or a supervisor may replace."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stdout


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def _is_news(record: logging.LogRecord) -> bool:
    """Not the framework's line for a refused request: the access line already tells it."""
    return record.name != "django.request" or bool(record.exc_info)


def _one_line(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A line break in somebody's text must not look like a line of ours."""
    return {
        name: value.replace("\r", "\\r").replace("\n", "\\n")
        if isinstance(value, str) and name != "exception"
        else value
        for name, value in event.items()
    }


def _console() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors=sys.stdout.isatty(),
        pad_event_to=0,
        exception_formatter=structlog.dev.plain_traceback,
    )
