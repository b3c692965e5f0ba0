"""The dashboard's projects page: what each used, where usage goes, and which reports count."""

from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from apps.common import clock
from apps.common.bell import ring
from apps.common.errors import DomainError, InvalidError
from apps.emissions.selectors import current_factors
from apps.telemetry import selectors
from apps.telemetry.errors import RoutingRuleNotFoundError
from apps.telemetry.selectors.routing import routing_rule_of, routing_rules
from apps.telemetry.selectors.source_of_record import is_applied
from apps.telemetry.services import routing, source_of_record
from apps.telemetry.tasks import apply_source_of_record
from apps.telemetry.views.last_days import last_days
from apps.telemetry.views.project_forms import (
    EVERYTHING,
    CountedForm,
    ProjectForm,
    RuleForm,
    ShownProject,
    shown_sources,
)
from apps.workspaces.access import WorkspacePage
from apps.workspaces.errors import ProjectNotFoundError
from apps.workspaces.models import Project, Workspace
from apps.workspaces.roles import RIGHTS, Right
from apps.workspaces.selectors import project_of, projects
from apps.workspaces.services import projects as services

PAGE: Final = "dashboard/projects.html"
DAYS: Final = 30
RULES_SHOWN: Final = 200


class ProjectsPage(WorkspacePage):
    """GET, POST /dashboard/projects/."""

    write_right = Right.PROJECTS

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, PAGE, _context(self, form=ProjectForm()))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ProjectForm(request.POST)
        if not form.is_valid():
            return render(request, PAGE, _context(self, form=form), status=400)
        try:
            created = services.create_project(
                self.workspace, form.cleaned_data["name"], actor=self.actor, now=clock.now()
            )
        except DomainError as refusal:
            form.add_error("name", refusal.message)
            return render(request, PAGE, _context(self, form=form), status=refusal.status)
        messages.success(request, f"{created.name} is there; usage may be sent to it.")
        return _back()


class ProjectActionPage(WorkspacePage):
    """POST /dashboard/projects/{id}/{rename|make-default|archive|restore}/."""

    write_right = Right.PROJECTS

    def post(self, request: HttpRequest, project_id: str, action: str) -> HttpResponse:
        try:
            done = self._act(project_of(self.workspace, project_id), action)
        except ProjectNotFoundError as refusal:
            raise Http404(refusal.message) from refusal
        except DomainError as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, done)
        return _back()

    def _act(self, project: Project, action: str) -> str:
        by: dict[str, Any] = {"actor": self.actor, "now": clock.now()}
        if action == "rename":
            renamed = services.change_project(project, name=_name(self.request), **by)
            return f"{project.name} is called {renamed.name} now."
        if action == "make-default":
            services.change_project(project, make_default=True, **by)
            return f"{project.name} takes what nothing sends elsewhere."
        if action == "archive":
            routing.archive_project(project, **by)
            return f"{project.name} is archived; its history stays."
        if action == "restore":
            services.change_project(project, restore=True, **by)
            return f"{project.name} may take usage again."
        raise Http404


class RoutingRulesPage(WorkspacePage):
    """POST /dashboard/routing-rules/: state a rule."""

    write_right = Right.PROJECTS

    def post(self, request: HttpRequest) -> HttpResponse:
        form = _rule_form(self.workspace, request.POST)
        if not form.is_valid():
            return render(request, PAGE, _context(self, rule_form=form), status=400)
        try:
            rule = routing.create_rule(
                self.workspace, **form.rule(), actor=self.actor, now=clock.now()
            )
        except DomainError as refusal:
            form.add_error(None, refusal.message)
            return render(request, PAGE, _context(self, rule_form=form), status=refusal.status)
        messages.success(request, f"New usage of {rule.value} goes to {rule.project.name}.")
        return _back()


class RoutingRulePage(WorkspacePage):
    """POST /dashboard/routing-rules/{id}/delete/: what it has routed stays where it is."""

    write_right = Right.PROJECTS

    def post(self, request: HttpRequest, rule_id: str) -> HttpResponse:
        try:
            rule = routing_rule_of(self.workspace, rule_id)
            routing.delete_rule(self.workspace, rule_id, actor=self.actor, now=clock.now())
        except RoutingRuleNotFoundError as refusal:
            raise Http404(refusal.message) from refusal
        messages.success(request, f"The rule for {rule.value} has ended; what it sent stays.")
        return _back()


class SourceOfRecordPage(WorkspacePage):
    """POST /dashboard/sources-of-record/{provider}/: say what counts of a provider; unsay it."""

    def post(self, request: HttpRequest, provider: str) -> HttpResponse:
        try:
            self._declare(provider, CountedForm(request.POST))
        except DomainError as refusal:
            messages.error(request, refusal.message)
        else:
            ring(apply_source_of_record, self.workspace.pk)
            messages.success(request, "New usage follows at once, what is stored within minutes.")
        return _back()

    def _declare(self, provider: str, form: CountedForm) -> None:
        if not form.is_valid():
            raise InvalidError("Choose which reports count.")
        counted = form.cleaned_data["counted"]
        by: dict[str, Any] = {"actor": self.actor, "now": clock.now()}
        if counted == EVERYTHING:
            source_of_record.withdraw(self.workspace, provider, **by)
        else:
            source_of_record.declare(self.workspace, provider, counted, **by)


def _context(
    page: WorkspacePage, *, form: ProjectForm | None = None, rule_form: RuleForm | None = None
) -> dict[str, Any]:
    """One set of sums for all projects; a form that was refused is shown as it was sent."""
    workspace, role = page.workspace, page.membership.role
    span = last_days(clock.now(), DAYS)
    found = selectors.summary(workspace, span, current_factors())
    shown = _shown(workspace, found)
    rules = list(routing_rules(workspace)[: RULES_SHOWN + 1])
    return {
        "workspace": workspace,
        "is_simulated": workspace.is_simulated,
        "may_write": role in RIGHTS[Right.PROJECTS].roles,
        "may_declare": role in RIGHTS[Right.CONNECTIONS].roles,
        "days": DAYS,
        "span": span,
        "opened": [one for one in shown if one.project.archived_at is None],
        "archived": [one for one in shown if one.project.archived_at is not None],
        "most": max((one.co2e.high for one in shown), default=0),
        "form": form or ProjectForm(),
        "rules": rules[:RULES_SHOWN],
        "has_more_rules": len(rules) > RULES_SHOWN,
        "rule_form": rule_form or _rule_form(workspace),
        "sources": shown_sources(workspace, found.double_counting),
        "is_applied": is_applied(workspace),
    }


def _shown(workspace: Workspace, found: selectors.Summary) -> list[ShownProject]:
    """Every project, the heaviest first."""
    used = {group.key: group for group in found.by_project}
    every = projects(workspace, include_archived=True)
    return sorted(
        (ShownProject.of(one, used.get(str(one.public_id))) for one in every),
        key=lambda one: (-one.co2e.central, one.project.name.lower()),
    )


def _rule_form(workspace: Workspace, *sent: Any) -> RuleForm:
    return RuleForm(
        *sent, connections=selectors.connections(workspace), projects=projects(workspace)
    )


def _name(request: HttpRequest) -> str:
    form = ProjectForm(request.POST)
    if not form.is_valid():
        raise InvalidError(f"Name: {form.errors['name'][0]}")
    name: str = form.cleaned_data["name"]
    return name


def _back() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("projects"))
