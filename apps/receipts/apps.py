"""The receipts app: what can be proved."""

from django.apps import AppConfig


class ReceiptsConfig(AppConfig):
    name = "apps.receipts"
