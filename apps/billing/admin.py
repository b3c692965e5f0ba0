"""The operator's view of billing: everything can be read; three actions call services."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, URLField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from apps.billing.errors import CreditFileError
from apps.billing.forms import ConfirmRetirementForm, LoadCreditsForm
from apps.billing.models import (
    BillingPeriod,
    CreditAllocation,
    CreditBatch,
    RetirementOrder,
    Settlement,
    StripeEvent,
    Subscription,
)
from apps.billing.services import closing, retirements
from apps.billing.services import credits as stock
from apps.common import clock
from apps.common.admin import ReadOnlyAdmin
from apps.common.errors import DomainError

_URLS: dict[Any, dict[str, Any]] = {URLField: {"assume_scheme": "https"}}


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    list_display = ("workspace", "plan", "status", "current_period_end", "ended_at", "updated_at")
    list_filter = ("status", "plan")
    list_select_related = ("workspace",)
    search_fields = ("workspace__name", "stripe_customer_id", "stripe_subscription_id")


@admin.register(BillingPeriod)
class BillingPeriodAdmin(ReadOnlyAdmin):
    list_display = (
        "public_id",
        "workspace",
        "starts_at",
        "ends_at",
        "status",
        "plan",
        "co2e_grams",
        "retired_grams",
        "closes_at",
        "problem",
    )
    list_filter = ("status", "plan", ("problem", admin.EmptyFieldListFilter))
    list_select_related = ("workspace",)
    search_fields = ("public_id", "workspace__name", "workspace__slug")
    date_hierarchy = "starts_at"
    actions = ("close_now",)

    @admin.action(description="Close now, without waiting for late usage", permissions=["close"])
    def close_now(self, request: HttpRequest, periods: QuerySet[BillingPeriod]) -> None:
        for period in periods.order_by("starts_at"):
            try:
                after = closing.close_by_hand(
                    period, now=clock.now(), registry_url=settings.REGISTRY_URL, is_early=True
                )
            except DomainError as refusal:
                self.message_user(
                    request, f"{period.public_id}: {refusal.message}", messages.WARNING
                )
                continue
            is_closed = after.status == BillingPeriod.Status.CLOSED
            level = messages.SUCCESS if is_closed else messages.WARNING
            waiting = after.problem or "settled; its retirement is not confirmed yet"
            self.message_user(
                request, f"{after.public_id}: {'closed' if is_closed else waiting}", level
            )

    def has_close_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.close_billingperiod")


@admin.register(CreditBatch)
class CreditBatchAdmin(ReadOnlyAdmin):
    formfield_overrides = _URLS
    list_display = (
        "public_id",
        "registry",
        "project_ref",
        "project_name",
        "vintage_start",
        "tonnes",
        "serial_range",
        "is_serial_parsed",
        "is_demonstration",
    )
    list_filter = ("registry", "mitigation", "is_demonstration", "is_serial_parsed")
    search_fields = ("public_id", "project_ref", "project_name", "serial_range")

    def get_urls(self) -> list[URLPattern]:
        load = self.admin_site.admin_view(self.load)
        return [path("load/", load, name="billing_creditbatch_load"), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may_load = _may_load(request)
        return super().changelist_view(request, {**(extra_context or {}), "may_load": may_load})

    def load(self, request: HttpRequest) -> HttpResponse:
        """A file of credits, all or nothing."""
        if not _may_load(request):
            raise PermissionDenied
        form = LoadCreditsForm(request.POST or None, request.FILES or None)
        faults: list[dict[str, Any]] = []
        back = reverse("admin:billing_creditbatch_changelist")
        if form.is_valid():
            is_dry_run = form.cleaned_data["is_dry_run"]
            try:
                loaded = stock.load(
                    form.cleaned_data["file"].read(stock.MOST_BYTES + 1),
                    now=clock.now(),
                    is_dry_run=is_dry_run,
                )
            except CreditFileError as refusal:
                form.add_error("file", refusal.message)
                faults = refusal.details.get("faults", [])
            else:
                verb = "would be loaded" if is_dry_run else "loaded"
                self.message_user(
                    request, f"{loaded.batches} batches, {loaded.tonnes} t {verb}", messages.SUCCESS
                )
                return HttpResponseRedirect(back)
        return _form_page(self, request, form, "Load credits", back_url=back, faults=faults)


@admin.register(RetirementOrder)
class RetirementOrderAdmin(ReadOnlyAdmin):
    formfield_overrides = _URLS
    list_display = (
        "public_id",
        "batch",
        "tonnes",
        "status",
        "requested_at",
        "retirement_id",
        "retired_on",
        "problem",
    )
    list_filter = ("status", ("problem", admin.EmptyFieldListFilter))
    list_select_related = ("batch",)
    search_fields = ("public_id", "retirement_id", "batch__project_ref")

    @admin.display(description="Tonnes")
    def tonnes(self, order: RetirementOrder) -> int:
        return retirements.retirement_request(order).tonnes

    def get_urls(self) -> list[URLPattern]:
        confirm = self.admin_site.admin_view(self.confirm)
        return [
            path("<int:order_id>/confirm/", confirm, name="billing_retirementorder_confirm"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        extra = {**(extra_context or {}), "may_confirm": _may_confirm(request)}
        return super().change_view(request, object_id, form_url, extra)

    def confirm(self, request: HttpRequest, order_id: int) -> HttpResponse:
        """Record what the registry's account shows."""
        if not _may_confirm(request):
            raise PermissionDenied
        order = get_object_or_404(RetirementOrder.objects.select_related("batch"), pk=order_id)
        form = ConfirmRetirementForm(request.POST or None)
        back = reverse("admin:billing_retirementorder_changelist")
        if form.is_valid():
            try:
                retirements.confirm_by_hand(order, **form.cleaned_data, now=clock.now())
            except DomainError as refusal:
                form.add_error(None, refusal.message)
            else:
                self.message_user(request, f"{order.public_id} is confirmed", messages.SUCCESS)
                return HttpResponseRedirect(back)
        asked = retirements.retirement_request(order)
        facts = (
            f"{asked.tonnes} t of {order.batch.project_name} ({order.batch.project_ref})",
            f"Serials {asked.serial_first} to {asked.serial_last} of {asked.serial_range}",
            f"For: {asked.beneficiary}",
        )
        return _form_page(self, request, form, "Confirm a retirement", back_url=back, facts=facts)


@admin.register(CreditAllocation)
class CreditAllocationAdmin(ReadOnlyAdmin):
    list_display = ("id", "workspace", "period", "batch", "order", "grams", "created_at")
    list_select_related = ("workspace", "period", "batch", "order")
    search_fields = ("workspace__name", "period__public_id", "batch__public_id")


@admin.register(Settlement)
class SettlementAdmin(ReadOnlyAdmin):
    list_display = ("entry_id", "workspace", "period", "is_adjustment")
    list_filter = ("is_adjustment",)
    list_select_related = ("workspace", "period")
    search_fields = ("period__public_id", "=entry_id")
    show_full_result_count = False


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    list_display = ("id", "type", "created_at", "processed_at", "outcome", "problem")
    list_filter = (
        ("processed_at", admin.EmptyFieldListFilter),
        ("problem", admin.EmptyFieldListFilter),
        "is_livemode",
    )
    search_fields = ("id", "type")
    date_hierarchy = "created_at"
    exclude: ClassVar = ("body",)


def _may_load(request: HttpRequest) -> bool:
    return request.user.has_perm("billing.add_creditbatch")


def _may_confirm(request: HttpRequest) -> bool:
    return request.user.has_perm("billing.confirm_retirementorder")


def _form_page(
    model_admin: ReadOnlyAdmin, request: HttpRequest, form: Any, title: str, **extra: Any
) -> TemplateResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": title,
        "button": title,
        "form": form,
        **extra,
    }
    return TemplateResponse(request, "admin/billing/form_page.html", context)
