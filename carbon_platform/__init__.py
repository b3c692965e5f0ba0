"""The composition root. `celery -A carbon_platform` looks for the app here."""

from carbon_platform.celery import app as celery_app

__all__ = ["celery_app"]
