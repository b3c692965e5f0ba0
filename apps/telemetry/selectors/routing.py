"""Routing rules as they are found, and what still points at a project."""

from django.db.models import QuerySet

from apps.telemetry.errors import RoutingRuleNotFoundError
from apps.telemetry.models import ProviderConnection, RoutingRule, Workload
from apps.workspaces.models import Project, Workspace


def routing_rules(workspace: Workspace) -> QuerySet[RoutingRule]:
    """A workspace's rules, newest first, each with its connection and project."""
    rules = RoutingRule.objects.filter(workspace=workspace)
    return rules.select_related("connection", "project").order_by("-created_at", "-pk")


def routing_rule_of(workspace: Workspace, public_id: str) -> RoutingRule:
    """One rule; another workspace's is not found."""
    found = routing_rules(workspace).filter(public_id=public_id).first()
    if found is None:
        raise RoutingRuleNotFoundError("No such routing rule in this workspace")
    return found


def connections_into(project: Project) -> list[str]:
    """The connections whose usage goes to the project. A revoked one is routed anew or never."""
    workloads = Workload.objects.filter(project=project, is_active=True)
    living = workloads.exclude(connection__status=ProviderConnection.Status.REVOKED)
    return list(living.order_by("pk").values_list("connection__public_id", flat=True))


def rules_into(project: Project) -> list[str]:
    """The rules that send usage to the project."""
    rules = RoutingRule.objects.filter(project=project).order_by("pk")
    return list(rules.values_list("public_id", flat=True))
