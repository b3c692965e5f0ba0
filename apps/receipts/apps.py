from django.apps import AppConfig


class ReceiptsConfig(AppConfig):
    name = "apps.receipts"
    default_auto_field = "django.db.models.BigAutoField"
