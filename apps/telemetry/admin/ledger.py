"""Events, the entries that value them, and the hourly sums."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.common import clock
from apps.common.admin import ReadOnlyAdmin
from apps.telemetry.admin.shown import as_json, as_table
from apps.telemetry.models import CarbonEntry, Rollup, TelemetryEvent
from apps.telemetry.services.retention import has_expired_payload


@admin.register(TelemetryEvent)
class TelemetryEventAdmin(ReadOnlyAdmin):
    list_display = (
        "used_at",
        "workspace",
        "provider",
        "model",
        "input_uncached_tokens",
        "input_cache_read_tokens",
        "output_tokens",
        "requests",
        "is_counted",
        "is_withdrawn",
    )
    list_filter = (
        "provider",
        "source",
        "is_counted",
        "is_withdrawn",
        "is_provisional",
        "is_test",
        "is_byok",
    )
    list_select_related = ("workspace",)
    search_fields = ("model",)
    date_hierarchy = "used_at"
    ordering = ("-used_at", "-pk")
    show_full_result_count = False  # the table is the largest of all
    exclude = ("idempotency_hash", "raw_payload", "dims", "developer")
    readonly_fields = ("public_id", "dimensions", "raw", "ledger")

    @admin.display(description="Grouped by")
    def dimensions(self, event: TelemetryEvent) -> SafeString:
        return as_json(event.dims)

    @admin.display(description="As the provider sent it")
    def raw(self, event: TelemetryEvent) -> SafeString:
        if has_expired_payload(event, now=clock.now()):
            return format_html("{}", "Forgotten: it was older than RAW_PAYLOAD_DAYS.")
        return as_json(event.raw_payload)

    @admin.display(description="Entries")
    def ledger(self, event: TelemetryEvent) -> SafeString:
        entries = CarbonEntry.objects.filter(event=event).order_by("sequence")
        return as_table(
            ("#", "Recorded", "Reason", "Output tokens", "kWh", "g CO2e", "Factors"),
            [
                (
                    entry.sequence,
                    f"{entry.recorded_at:%Y-%m-%d %H:%M:%S}",
                    entry.reason,
                    entry.output_tokens,
                    format(entry.energy_kwh, "f"),
                    format(entry.co2e_grams, "f"),
                    entry.calculation.get("factor_version", ""),
                )
                for entry in entries
            ],
        )


@admin.register(CarbonEntry)
class CarbonEntryAdmin(ReadOnlyAdmin):
    list_display = (
        "recorded_at",
        "workspace",
        "used_at",
        "reason",
        "provider",
        "model",
        "energy_kwh",
        "co2e_grams",
    )
    list_filter = ("reason", "provider", "is_test")
    list_select_related = ("workspace",)
    search_fields = ("model",)
    date_hierarchy = "used_at"
    ordering = ("-pk",)
    show_full_result_count = False
    exclude = ("calculation",)
    readonly_fields = ("the_calculation",)

    @admin.display(description="Calculation after this entry")
    def the_calculation(self, entry: CarbonEntry) -> SafeString:
        """Totals as a table, the rest as it is stored."""
        totals = {
            name: value
            for name, value in entry.calculation.items()
            if isinstance(value, dict) and value.keys() >= {"low", "central", "high"}
        }
        basis = {name: value for name, value in entry.calculation.items() if name not in totals}
        rows = [(name, one["low"], one["central"], one["high"]) for name, one in totals.items()]
        table = as_table(("Total", "Low", "Central", "High"), rows)
        return format_html("{}{}", table, as_json(basis))


@admin.register(Rollup)
class RollupAdmin(ReadOnlyAdmin):
    list_display = ("hour", "workspace", "project", "provider", "model", "entries", "co2e_grams")
    list_filter = ("provider", "is_test")
    list_select_related = ("workspace", "project")
    search_fields = ("model",)
    date_hierarchy = "hour"
    ordering = ("-hour", "-pk")
    show_full_result_count = False
