"""Billing exports that were imported."""

from django.contrib import admin
from django.utils.safestring import SafeString

from apps.common.admin import ReadOnlyAdmin
from apps.telemetry.admin.shown import as_json
from apps.telemetry.models import UsageImport


@admin.register(UsageImport)
class UsageImportAdmin(ReadOnlyAdmin):
    list_display = (
        "started_at",
        "workspace",
        "file_name",
        "format",
        "lines_done",
        "samples_stored",
        "samples_known",
        "samples_changed",
        "lines_not_understood",
        "finished_at",
    )
    list_filter = ("format", "rules")
    list_select_related = ("workspace",)
    search_fields = ("public_id", "file_name", "workspace__name")
    date_hierarchy = "started_at"
    ordering = ("-started_at", "-pk")
    exclude = ("sha256", "tally")
    readonly_fields = ("what_became_of_the_lines",)

    @admin.display(description="What became of the lines")
    def what_became_of_the_lines(self, row: UsageImport) -> SafeString:
        return as_json(row.tally)
