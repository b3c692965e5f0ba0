"""Loads what registers itself: the system checks."""

from importlib import import_module

from django.apps import AppConfig


class CarbonPlatformConfig(AppConfig):
    name = "carbon_platform"

    def ready(self) -> None:
        import_module("carbon_platform.checks")
