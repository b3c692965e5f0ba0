"""The billing app: what is owed, and what is retired for it."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "apps.billing"
