"""The dashboard's budgets page: how the month stands, who was told, and unusual days."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from apps.common import clock
from apps.common.errors import DomainError
from apps.telemetry.errors import BudgetNotFoundError
from apps.telemetry.models import Budget
from apps.telemetry.selectors import budgets as selectors
from apps.telemetry.selectors.anomalies import anomalies
from apps.telemetry.selectors.figures import Span
from apps.telemetry.services import budget_terms, budgets
from apps.workspaces.access import WorkspacePage
from apps.workspaces.models import Workspace
from apps.workspaces.roles import RIGHTS, Right

PAGE: Final = "dashboard/budgets.html"
HINTS_SINCE: Final = timedelta(days=14)


class BudgetForm(forms.Form):
    """What a budget needs; lists are written with commas."""

    name = forms.CharField(max_length=budget_terms.LONGEST_NAME)
    project_id = forms.TypedChoiceField(label="Of", required=False, coerce=UUID, empty_value=None)
    monthly_amount = forms.DecimalField(
        label="A month",
        max_digits=budget_terms.AMOUNT_DIGITS,
        decimal_places=budget_terms.AMOUNT_PLACES,
    )
    unit = forms.ChoiceField(choices=Budget.Unit.choices)
    thresholds = forms.CharField(
        max_length=200,
        initial=", ".join(map(str, budget_terms.DEFAULT_THRESHOLDS)),
        help_text="Percents, ascending",
    )
    emails = forms.CharField(required=False, help_text="Who is told, by commas")
    webhook_url = forms.CharField(
        label="Webhook", required=False, max_length=budget_terms.LONGEST_URL, help_text="https://…"
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        of: Any = self.fields["project_id"]
        whole = ("", "everything, with compute")
        found = selectors.projects(workspace)
        of.choices = [whole, *((str(one.public_id), one.name) for one in found)]

    def clean_thresholds(self) -> list[int]:
        parts = _parts(self.cleaned_data["thresholds"])
        if not all(part.isascii() and part.isdigit() for part in parts):
            raise forms.ValidationError("Whole percents, by commas.")
        return [int(part) for part in parts]

    def clean_emails(self) -> list[str]:
        return _parts(self.cleaned_data["emails"])


class BudgetsPage(WorkspacePage):
    """GET, POST /dashboard/budgets/."""

    write_right = Right.PROJECTS

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, PAGE, _context(self, BudgetForm(workspace=self.workspace)))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = BudgetForm(request.POST, workspace=self.workspace)
        if not form.is_valid():
            return render(request, PAGE, _context(self, form), status=400)
        try:
            kept = budgets.create_budget(
                self.workspace, **form.cleaned_data, actor=self.actor, now=clock.now()
            )
        except DomainError as refusal:
            _show(refusal, form)
            return render(request, PAGE, _context(self, form), status=refusal.status)
        if kept.webhook_secret is not None:
            return _with_secret(self, kept)
        messages.success(request, f"{kept.budget.name} is watched from now on.")
        return HttpResponseRedirect(reverse("budgets"))


class BudgetActionPage(WorkspacePage):
    """POST /dashboard/budgets/{id}/{archive|rotate-secret}/."""

    write_right = Right.PROJECTS

    def post(self, request: HttpRequest, budget_id: str, action: str) -> HttpResponse:
        try:
            budget = selectors.budget_of(self.workspace, budget_id)
            if action == "rotate-secret":
                kept = budgets.rotate_secret(
                    self.workspace, budget_id, actor=self.actor, now=clock.now()
                )
                return _with_secret(self, kept)
            if action != "archive":
                raise Http404
            budgets.archive_budget(self.workspace, budget_id, actor=self.actor, now=clock.now())
        except BudgetNotFoundError as refusal:
            raise Http404(refusal.message) from refusal
        except DomainError as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, f"{budget.name} is archived; its alerts stay.")
        return HttpResponseRedirect(reverse("budgets"))


def _with_secret(page: WorkspacePage, kept: budgets.Kept) -> HttpResponse:
    """Rendered at once and not put by for the next page: the secret is kept nowhere in clear."""
    context = _context(page, BudgetForm(workspace=page.workspace))
    context["secret"] = kept.webhook_secret and kept.webhook_secret.reveal()
    context["secret_of"] = kept.budget
    return render(page.request, PAGE, context)


def _context(page: WorkspacePage, form: BudgetForm) -> dict[str, Any]:
    now = clock.now()
    return {
        "workspace": page.workspace,
        "is_simulated": page.workspace.is_simulated,
        "may_write": page.membership.role in RIGHTS[Right.PROJECTS].roles,
        "form": form,
        "standings": selectors.standings(list(selectors.open_budgets(page.workspace)), now=now),
        "anomalies": anomalies(page.workspace, Span(now - HINTS_SINCE, now), now=now),
    }


def _show(refusal: DomainError, form: BudgetForm) -> None:
    """Each fault beside its field, as far as the form has it."""
    fields: dict[str, list[str]] = refusal.details.get("fields", {})
    for name, sentences in fields.items():
        form.add_error(name if name in form.fields else None, sentences)
    if not fields:
        form.add_error(None, refusal.message)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
