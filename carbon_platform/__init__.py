"""The composition root. Celery's command line looks for the app here: `celery -A carbon_platform`."""

from carbon_platform.celery import app as celery_app

__all__ = ["celery_app"]
