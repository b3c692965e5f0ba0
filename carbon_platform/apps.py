"""Loads what registers itself: the system checks, and how credentials show in the document."""

from importlib import import_module

from django.apps import AppConfig


class CarbonPlatformConfig(AppConfig):
    name = "carbon_platform"

    def ready(self) -> None:
        import_module("carbon_platform.checks")
        import_module("apps.workspaces.openapi")
