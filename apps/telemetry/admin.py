"""The operator's view of telemetry: connections and their polls, events, the ledger, rollups."""

import json
from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.common import clock
from apps.common.admin import ReadOnlyAdmin
from apps.common.bell import ring
from apps.common.errors import DomainError
from apps.telemetry.models import (
    CarbonEntry,
    FactorOverride,
    PollRun,
    ProviderConnection,
    Rollup,
    TelemetryEvent,
    Workload,
)
from apps.telemetry.services import connections, overrides
from apps.telemetry.tasks import poll_connection
from apps.workspaces.callers import actor_of_user

POLLS_SHOWN = 20
Act = Callable[[Any], object]


class OperatedAdmin(ReadOnlyAdmin):
    """Actions for operators who may change such rows; each goes through a service."""

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"telemetry.change_{self.opts.model_name}")

    def _each(self, request: HttpRequest, chosen: QuerySet[Any], act: Act) -> None:
        for row in chosen:
            try:
                act(row)
            except DomainError as refusal:
                self.message_user(request, f"{row}: {refusal.message}", messages.WARNING)
            else:
                self.message_user(request, f"{row}: done.", messages.SUCCESS)


class ReadOnlyInline(admin.TabularInline):
    """Rows shown with the object they belong to."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class WorkloadInline(ReadOnlyInline):
    model = Workload
    fields = readonly_fields = ("project", "is_active", "created_at")


@admin.register(ProviderConnection)
class ProviderConnectionAdmin(OperatedAdmin):
    list_display = (
        "name",
        "provider",
        "workspace",
        "status",
        "failure_kind",
        "last_succeeded_at",
        "next_poll_at",
    )
    list_filter = ("status", "provider", "is_simulated")
    list_select_related = ("workspace",)
    search_fields = ("name", "public_id", "account_name", "workspace__name")
    actions = ("poll_now", "try_again", "revoke")
    fields = (
        "public_id",
        "workspace",
        "provider",
        "name",
        "status",
        "account_name",
        "is_simulated",
        "key_hint",
        "failure_kind",
        "failure_message",
        "failed_at",
        "consecutive_failures",
        "last_polled_at",
        "last_succeeded_at",
        "next_poll_at",
        "created_at",
        "updated_at",
        "latest_polls",
    )
    readonly_fields = fields
    inlines = (WorkloadInline,)

    @admin.display(description="Latest polls")
    def latest_polls(self, connection: ProviderConnection) -> SafeString:
        polls = PollRun.objects.filter(connection=connection).order_by("-started_at", "-pk")
        return _table(
            ("Started", "Source", "Window", "Outcome", "Rows", "Changed", "Withdrawn", "Message"),
            [
                (
                    f"{run.started_at:%Y-%m-%d %H:%M:%S}",
                    run.source,
                    f"{run.window_start:%Y-%m-%d %H:%M} to {run.window_end:%Y-%m-%d %H:%M}",
                    run.outcome,
                    run.rows_read,
                    run.rows_changed,
                    run.rows_withdrawn,
                    "; ".join(filter(None, (run.message, *map(str, run.warnings)))),
                )
                for run in polls[:POLLS_SHOWN]
            ],
        )

    @admin.action(description="Poll now", permissions=["operate"])
    def poll_now(self, request: HttpRequest, chosen: QuerySet[ProviderConnection]) -> None:
        active = chosen.filter(status=ProviderConnection.Status.ACTIVE)
        for connection in active:
            ring(poll_connection, connection.pk)
        self.message_user(request, f"{len(active)} connection(s) will be polled.")

    @admin.action(description="Try again after an error", permissions=["operate"])
    def try_again(self, request: HttpRequest, chosen: QuerySet[ProviderConnection]) -> None:
        actor, now = actor_of_user(cast(User, request.user)), clock.now()
        self._each(request, chosen, lambda one: connections.retry(one, actor=actor, now=now))

    @admin.action(description="Revoke: destroy the key, keep the history", permissions=["operate"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ProviderConnection]) -> None:
        actor, now = actor_of_user(cast(User, request.user)), clock.now()
        self._each(request, chosen, lambda one: connections.revoke(one, actor=actor, now=now))


@admin.register(Workload)
class WorkloadAdmin(ReadOnlyAdmin):
    list_display = ("connection", "project", "workspace", "is_active", "created_at")
    list_filter = ("is_active",)
    list_select_related = ("connection", "project", "workspace")


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
        "is_withdrawn",
    )
    list_filter = ("provider", "source", "is_withdrawn", "is_provisional", "is_test", "is_byok")
    list_select_related = ("workspace",)
    search_fields = ("model",)
    date_hierarchy = "used_at"
    ordering = ("-used_at", "-pk")
    show_full_result_count = False  # the table is the largest of all
    exclude = ("idempotency_hash", "raw_payload", "dims")
    readonly_fields = ("public_id", "dimensions", "raw", "ledger")

    @admin.display(description="Grouped by")
    def dimensions(self, event: TelemetryEvent) -> SafeString:
        return _json(event.dims)

    @admin.display(description="As the provider sent it")
    def raw(self, event: TelemetryEvent) -> SafeString:
        return _json(event.raw_payload)

    @admin.display(description="Entries")
    def ledger(self, event: TelemetryEvent) -> SafeString:
        entries = CarbonEntry.objects.filter(event=event).order_by("sequence")
        return _table(
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
        table = _table(("Total", "Low", "Central", "High"), rows)
        return format_html("{}{}", table, _json(basis))


@admin.register(Rollup)
class RollupAdmin(ReadOnlyAdmin):
    list_display = ("hour", "workspace", "project", "provider", "model", "entries", "co2e_grams")
    list_filter = ("provider", "is_test")
    list_select_related = ("workspace", "project")
    search_fields = ("model",)
    date_hierarchy = "hour"
    ordering = ("-hour", "-pk")
    show_full_result_count = False


@admin.register(FactorOverride)
class FactorOverrideAdmin(OperatedAdmin):
    list_display = ("kind", "provider", "workspace", "value", "place", "starts_at", "ends_at")
    list_filter = ("kind", "provider")
    list_select_related = ("workspace",)
    search_fields = ("public_id", "evidence", "workspace__name")
    actions = ("end_now",)

    @admin.display(description="Operator, region, country")
    def place(self, override: FactorOverride) -> str:
        return ", ".join(filter(None, (override.operator, override.region, override.country)))

    @admin.action(description="End now", permissions=["operate"])
    def end_now(self, request: HttpRequest, chosen: QuerySet[FactorOverride]) -> None:
        actor, now = actor_of_user(cast(User, request.user)), clock.now()
        self._each(
            request,
            chosen,
            lambda one: overrides.end_override(one.workspace, one.public_id, actor=actor, now=now),
        )


@admin.register(PollRun)
class PollRunAdmin(ReadOnlyAdmin):
    list_display = (
        "started_at",
        "connection",
        "source",
        "outcome",
        "rows_read",
        "rows_changed",
        "rows_withdrawn",
        "failure_kind",
    )
    list_filter = ("outcome", "source", "failure_kind")
    list_select_related = ("connection",)
    date_hierarchy = "started_at"
    ordering = ("-started_at", "-pk")


def _json(value: Any) -> SafeString:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    return format_html("<pre>{}</pre>", text)


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> SafeString:
    cells = format_html_join("", "<th>{}</th>", ((name,) for name in head))
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows),
    )
    return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", cells, body)
