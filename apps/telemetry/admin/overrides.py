"""What workspaces know better than the catalogue."""

from typing import cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.common import clock
from apps.telemetry.admin.operated import OperatedAdmin
from apps.telemetry.models import FactorOverride
from apps.telemetry.services import overrides
from apps.workspaces.callers import actor_of_user


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
        self.each(
            request,
            chosen,
            lambda one: overrides.end_override(one.workspace, one.public_id, actor=actor, now=now),
        )
