"""How long the grids' past is kept: as long as the hours of a closed year may be asked for."""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.conf import settings

from apps.emissions.models import GridSample

_CHUNK: Final = 10_000

log = structlog.get_logger(__name__)


def prune_history(*, now: datetime) -> int:
    """Delete samples of steps more than GRID_HISTORY_DAYS ago (0: never); how many were.

    Each chunk is a transaction of its own: safe to kill, safe to repeat.
    """
    deleted = 0
    if days := settings.GRID_HISTORY_DAYS:
        old = GridSample.objects.filter(at__lt=now - timedelta(days=days)).order_by()
        while chunk := list(old.values_list("pk", flat=True)[:_CHUNK]):
            deleted += GridSample.objects.filter(pk__in=chunk).delete()[0]
    log.info("grid_history_pruned", samples=deleted)
    return deleted
