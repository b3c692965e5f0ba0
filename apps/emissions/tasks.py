"""When the grids' past is read. Losing a tick loses nothing: the next one reads the same day."""

from celery import shared_task

from apps.common import clock
from apps.emissions import cloud
from apps.emissions.services import grid_history, grid_retention


@shared_task
def keep_grid_history() -> int:
    """Of every grid zone that a cloud's region draws from."""
    zones = {region.zone for region in cloud.catalogue().regions}
    return grid_history.keep_history(zones, now=clock.now())


@shared_task
def prune_grid_history() -> int:
    """Forget what is older than the settings keep it."""
    return grid_retention.prune_history(now=clock.now())
