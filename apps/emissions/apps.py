"""The emissions app: what a unit of use costs the air."""

from django.apps import AppConfig


class EmissionsConfig(AppConfig):
    name = "apps.emissions"
    default_auto_field = "django.db.models.BigAutoField"
