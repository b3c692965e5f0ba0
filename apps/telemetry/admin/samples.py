"""Samples of compute, and their hourly sums."""

from django.contrib import admin

from apps.common.admin import ReadOnlyAdmin
from apps.telemetry.models import UsageSample, UsageSampleRollup


@admin.register(UsageSample)
class UsageSampleAdmin(ReadOnlyAdmin):
    list_display = (
        "measured_at",
        "workspace",
        "provider",
        "region",
        "resource_type",
        "usage_amount",
        "usage_unit",
        "energy_kwh",
        "factor_set",
    )
    list_filter = ("resource_type", "factor_set", "is_test", "is_intensity_estimate")
    list_select_related = ("workspace",)
    search_fields = ("public_id", "external_id", "provider", "region")
    date_hierarchy = "measured_at"
    ordering = ("-measured_at", "-pk")
    show_full_result_count = False
    exclude = ("request_hash",)


@admin.register(UsageSampleRollup)
class UsageSampleRollupAdmin(ReadOnlyAdmin):
    list_display = ("hour", "workspace", "provider", "region", "resource_type", "samples")
    list_filter = ("resource_type", "is_test")
    list_select_related = ("workspace",)
    search_fields = ("provider", "region")
    date_hierarchy = "hour"
    ordering = ("-hour", "-pk")
    show_full_result_count = False
