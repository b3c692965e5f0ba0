"""Where usage goes and which reports of it count, as workspaces have said it."""

from django.contrib import admin

from apps.common.admin import ReadOnlyAdmin
from apps.telemetry.models import RoutingRule, SourceOfRecord


@admin.register(RoutingRule)
class RoutingRuleAdmin(ReadOnlyAdmin):
    list_display = ("dimension", "value", "project", "connection", "workspace", "created_at")
    list_filter = ("dimension",)
    list_select_related = ("project", "connection", "workspace")
    search_fields = ("public_id", "value", "project__name", "workspace__name")


@admin.register(SourceOfRecord)
class SourceOfRecordAdmin(ReadOnlyAdmin):
    list_display = ("provider", "counted", "workspace", "declared_by", "declared_at")
    list_filter = ("provider", "counted")
    list_select_related = ("workspace",)
    search_fields = ("provider", "workspace__name")
