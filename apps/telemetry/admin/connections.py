"""Connections, where their usage goes, and how reading them went."""

from typing import Any, Final, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from apps.common import clock
from apps.common.admin import ReadOnlyAdmin
from apps.common.bell import ring
from apps.common.secret_stores import store_of
from apps.telemetry.admin.operated import OperatedAdmin
from apps.telemetry.admin.shown import as_table
from apps.telemetry.models import PollRun, ProviderConnection, Workload
from apps.telemetry.services import connections, operating
from apps.telemetry.services.advice import advice
from apps.telemetry.tasks import poll_connection
from apps.workspaces.callers import actor_of_user

POLLS_SHOWN: Final = 20


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
    actions = ("poll_now", "pause", "try_again", "try_key", "revoke")
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
        "what_to_do",
        "failed_at",
        "consecutive_failures",
        "last_polled_at",
        "last_succeeded_at",
        "next_poll_at",
        "next_reconcile_at",
        "next_sweep_at",
        "key_store",
        "created_at",
        "updated_at",
        "latest_polls",
    )
    readonly_fields = fields
    inlines = (WorkloadInline,)

    @admin.display(description="What to do")
    def what_to_do(self, connection: ProviderConnection) -> str:
        return advice(connection.failure_kind)

    @admin.display(description="Where its key lies")
    def key_store(self, connection: ProviderConnection) -> str:
        sealed = connection.sealed_key
        return "nowhere: it is destroyed" if sealed is None else store_of(sealed)

    @admin.display(description="Latest polls")
    def latest_polls(self, connection: ProviderConnection) -> SafeString:
        polls = PollRun.objects.filter(connection=connection).order_by("-started_at", "-pk")
        return as_table(
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
        actor, now = actor_of_user(cast(User, request.user)), clock.now()

        def ask(one: ProviderConnection) -> None:
            operating.ask_for_poll(one, actor=actor, now=now)
            ring(poll_connection, one.pk)

        self.each(request, chosen, ask)

    @admin.action(description="Pause", permissions=["operate"])
    def pause(self, request: HttpRequest, chosen: QuerySet[ProviderConnection]) -> None:
        actor, now = actor_of_user(cast(User, request.user)), clock.now()
        self.each(request, chosen, lambda one: operating.pause(one, actor=actor, now=now))

    @admin.action(description="Try the key at the provider", permissions=["operate"])
    def try_key(self, request: HttpRequest, chosen: QuerySet[ProviderConnection]) -> None:
        actor, now = actor_of_user(cast(User, request.user)), clock.now()
        self.each(request, chosen, lambda one: operating.try_key(one, actor=actor, now=now))

    @admin.action(description="Try again after an error, or resume", permissions=["operate"])
    def try_again(self, request: HttpRequest, chosen: QuerySet[ProviderConnection]) -> None:
        actor, now = actor_of_user(cast(User, request.user)), clock.now()
        self.each(request, chosen, lambda one: operating.resume(one, actor=actor, now=now))

    @admin.action(description="Revoke: destroy the key, keep the history", permissions=["operate"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ProviderConnection]) -> None:
        actor, now = actor_of_user(cast(User, request.user)), clock.now()
        self.each(request, chosen, lambda one: connections.revoke(one, actor=actor, now=now))


@admin.register(Workload)
class WorkloadAdmin(ReadOnlyAdmin):
    list_display = ("connection", "project", "workspace", "is_active", "created_at")
    list_filter = ("is_active",)
    list_select_related = ("connection", "project", "workspace")


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
