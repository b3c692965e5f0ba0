"""The operator's view of factor sets: read the tables, publish a version."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.common import clock
from apps.common.admin import ReadOnlyAdmin
from apps.common.errors import DomainError
from apps.emissions import services
from apps.emissions.models import FactorSet, GridSample
from apps.emissions.selectors import current_document

_SHOWN_CHANGES = 100  # of a table
_TABLES: dict[str, tuple[str, ...]] = {
    "models": (
        "pattern",
        "provider",
        "operator",
        "tier",
        "active_b_low",
        "active_b_high",
        "total_b_low",
        "total_b_high",
        "joules_per_output_token",
        "year",
        "confidence",
        "valid_from",
        "valid_until",
        "source_url",
        "note",
    ),
    "operators": (
        "operator",
        "kind",
        "pue",
        "wue_litres_per_kwh",
        "default_country",
        "year",
        "confidence",
        "valid_from",
        "valid_until",
        "source_url",
        "note",
    ),
    "operator_aliases": ("alias", "operator", "source_url"),
    "grid": (
        "iso2",
        "country",
        "gco2e_per_kwh",
        "water_litres_per_kwh",
        "year",
        "confidence",
        "valid_from",
        "valid_until",
        "source_url",
    ),
    "embodied": (
        "component",
        "value",
        "unit",
        "low",
        "high",
        "boundary",
        "year",
        "confidence",
        "valid_from",
        "valid_until",
        "source_url",
        "note",
    ),
    "coefficients": (
        "name",
        "value",
        "unit",
        "low",
        "high",
        "meaning",
        "year",
        "confidence",
        "valid_from",
        "valid_until",
        "source",
    ),
    "sources": ("name", "source", "licence", "attribution", "sha256"),
}


@admin.register(FactorSet)
class FactorSetAdmin(ReadOnlyAdmin):
    list_display = ("version", "status", "is_current", "rows", "digest", "published_at")
    list_filter = ("status", "is_current")
    search_fields = ("version", "notes")
    actions = ("publish",)
    fields = (
        "version",
        "status",
        "is_current",
        "effective_from",
        "sha256",
        "notes",
        "created_at",
        "published_at",
        "changes",
        "models",
        "operators",
        "operator_aliases",
        "grid",
        "embodied",
        "coefficients",
        "sources",
    )
    readonly_fields = fields

    @admin.display(description="Rows")
    def rows(self, factor_set: FactorSet) -> int:
        return sum(len(factor_set.document[table]) for table in _TABLES if table != "sources")

    @admin.display(description="SHA-256")
    def digest(self, factor_set: FactorSet) -> str:
        return factor_set.sha256[:12]

    @admin.display(description="Changes against the current set")
    def changes(self, factor_set: FactorSet) -> str:
        return "This is the current set." if factor_set.is_current else _html_changes(factor_set)

    @admin.display(description="Models, in order of priority")
    def models(self, factor_set: FactorSet) -> SafeString:
        return _html_table("models", factor_set.document["models"])

    @admin.display
    def operators(self, factor_set: FactorSet) -> SafeString:
        return _html_table("operators", factor_set.document["operators"])

    @admin.display(description="Other names of operators")
    def operator_aliases(self, factor_set: FactorSet) -> SafeString:
        return _html_table("operator_aliases", factor_set.document["operator_aliases"])

    @admin.display(description="Manufacture of hardware")
    def embodied(self, factor_set: FactorSet) -> SafeString:
        return _html_table("embodied", factor_set.document["embodied"])

    @admin.display(description="Grid intensity by country")
    def grid(self, factor_set: FactorSet) -> SafeString:
        return _html_table("grid", factor_set.document["grid"])

    @admin.display
    def coefficients(self, factor_set: FactorSet) -> SafeString:
        named = factor_set.document["coefficients"].items()
        return _html_table("coefficients", [{"name": name, **note} for name, note in named])

    @admin.display
    def sources(self, factor_set: FactorSet) -> SafeString:
        return _html_table("sources", factor_set.document["sources"])

    @admin.action(description="Publish, and make current", permissions=["publish"])
    def publish(
        self, request: HttpRequest, factor_sets: QuerySet[FactorSet]
    ) -> TemplateResponse | None:
        """Asked once without a word, it shows what would change; then it does it."""
        if len(chosen := list(factor_sets)) != 1:
            self.message_user(request, "Choose one factor set.", messages.WARNING)
            return None
        if request.POST.get("confirmed") != chosen[0].sha256:
            return self._confirmation(request, chosen[0])
        try:
            published = services.publish_factor_set(chosen[0].pk, now=clock.now())
        except DomainError as refusal:
            self.message_user(request, refusal.message, messages.WARNING)
        else:
            self.message_user(request, f"{published.version} is current.", messages.SUCCESS)
        return None

    def _confirmation(self, request: HttpRequest, factor_set: FactorSet) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Publish {factor_set.version}, and make it current?",
            "factor_set": factor_set,
            "changes": self.changes(factor_set),
            "checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/emissions/publish.html", context)

    def has_publish_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("emissions.publish_factorset")


@admin.register(GridSample)
class GridSampleAdmin(ReadOnlyAdmin):
    list_display = (
        "zone",
        "at",
        "gco2e_per_kwh",
        "emission_factor_type",
        "source",
        "is_estimated",
        "read_at",
    )
    list_filter = ("source", "emission_factor_type", "is_estimated")
    search_fields = ("=zone",)
    date_hierarchy = "at"
    ordering = ("-at", "zone")
    show_full_result_count = False  # an hour of every zone for years


def _html_changes(factor_set: FactorSet) -> SafeString:
    """Field by field; before the first publication only how much there is."""
    current = current_document()
    changes = services.catalogue_changes(current, factor_set.document)
    most = _SHOWN_CHANGES if current else 0
    return format_html_join(
        "",
        "<p>{}</p><ul>{}</ul>",
        (
            (
                change.summary,
                format_html_join("", "<li>{}</li>", ((line,) for line in change.lines(most))),
            )
            for change in changes
        ),
    )


def _html_table(table: str, rows: list[Mapping[str, Any]]) -> SafeString:
    columns = _TABLES[table]
    head = format_html_join("", "<th>{}</th>", ((name.replace("_", " "),) for name in columns))
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        (
            (format_html_join("", "<td>{}</td>", ((_cell(row.get(name)),) for name in columns)),)
            for row in rows
        ),
    )
    return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", head, body)


def _cell(value: object) -> str:
    return "" if value is None else str(value)
