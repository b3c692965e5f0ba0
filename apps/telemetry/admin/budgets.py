"""Budgets, the alerts of their months, and who was told."""

from django.contrib import admin
from django.utils.safestring import SafeString

from apps.common.admin import ReadOnlyAdmin
from apps.telemetry.admin.shown import as_table
from apps.telemetry.models import AlertDelivery, Budget, BudgetAlert


@admin.register(Budget)
class BudgetAdmin(ReadOnlyAdmin):
    list_display = ("name", "workspace", "project", "monthly_amount", "unit", "archived_at")
    list_filter = ("unit",)
    list_select_related = ("workspace", "project")
    search_fields = ("public_id", "name", "workspace__name")
    readonly_fields = ("public_id",)


@admin.register(BudgetAlert)
class BudgetAlertAdmin(ReadOnlyAdmin):
    list_display = ("crossed_at", "workspace", "budget", "month", "threshold", "used_amount")
    list_filter = ("threshold",)
    list_select_related = ("workspace", "budget")
    search_fields = ("public_id", "budget__name", "workspace__name")
    date_hierarchy = "month"
    ordering = ("-crossed_at", "-pk")
    readonly_fields = ("public_id", "told")

    @admin.display(description="Who was told")
    def told(self, alert: BudgetAlert) -> SafeString:
        return as_table(
            ("Channel", "Target", "State", "Attempts", "Last error"),
            [
                (one.channel, one.target, one.state, one.attempts, one.last_error)
                for one in AlertDelivery.objects.filter(alert=alert).order_by("pk")
            ],
        )


@admin.register(AlertDelivery)
class AlertDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("alert", "workspace", "channel", "state", "attempts", "next_attempt_at")
    list_filter = ("channel",)
    list_select_related = ("alert__budget", "workspace")
    search_fields = ("public_id", "target", "workspace__name")
    ordering = ("-pk",)
    readonly_fields = ("public_id",)
