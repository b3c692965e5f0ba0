"""Which project usage belongs to when it is first stored: rules first, then who sent it.

The rules of a connection are asked in the order in which its provider's report is grouped, the
rules of pushed usage in the order of PUSHED. An event keeps its project for good: a new rule moves
nothing that is stored, and neither does a revision.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.common.errors import InvalidError
from apps.telemetry.connectors import connector
from apps.telemetry.errors import ProjectInUseError, RoutingRuleExistsError
from apps.telemetry.models import ProviderConnection, RoutingRule
from apps.telemetry.pushed import PushedUsage
from apps.telemetry.selectors.connections import connection_of
from apps.telemetry.selectors.routing import connections_into, routing_rule_of, rules_into
from apps.workspaces.models import Project, Workspace
from apps.workspaces.services import audit, projects

PUSHED: Final = ("session_id", "customer")
"""The labels of pushed usage that rules may name; the narrower one is asked first."""


@dataclass(frozen=True, slots=True)
class Routes:
    """The rules for one kind of usage: a project's key by dimension and value."""

    project_ids: Mapping[tuple[str, str], int]

    def metered(self, dims: Mapping[str, str | None], workload_project_id: int) -> int:
        """Of a row, whose dimensions stand in the order of its grouping."""
        return self._first(dims, workload_project_id)

    def pushed(self, usage: PushedUsage, given_project_id: int) -> int:
        """Of a report; `given` is the project that it names, or the default one."""
        labels = {"session_id": usage.session_id, "customer": usage.customer}
        return self._first({name: labels[name] for name in PUSHED}, given_project_id)

    def _first(self, dims: Mapping[str, str | None], otherwise: int) -> int:
        if not self.project_ids:
            return otherwise
        ruled = (
            self.project_ids.get((dimension, value))
            for dimension, value in dims.items()
            if value is not None
        )
        return next((project_id for project_id in ruled if project_id is not None), otherwise)


def routes_of_connection(connection: ProviderConnection) -> Routes:
    return _routes(connection.workspace_id, connection.pk)


def routes_of_pushed(workspace: Workspace) -> Routes:
    return _routes(workspace.pk, None)


def dimensions_of(connection: ProviderConnection | None) -> tuple[str, ...]:
    """What a rule may name: each dimension that a report of the provider is grouped by, once."""
    if connection is None:
        return PUSHED
    grouped = connector(connection.provider, "").group_by.values()
    return tuple(dict.fromkeys(name for names in grouped for name in names))


def create_rule(
    workspace: Workspace,
    *,
    connection_id: str | None,
    dimension: str,
    value: str,
    project_id: UUID,
    actor: str,
    now: datetime,
) -> RoutingRule:
    """Send what carries the value to the project, from the next event that is new."""
    connection = connection_of(workspace, connection_id) if connection_id else None
    _check_dimension(connection, dimension)
    with transaction.atomic():
        rule = RoutingRule(
            workspace=workspace,
            connection=connection,
            dimension=dimension,
            value=value,
            project=projects.open_project(workspace, project_id, now=now),
            created_at=now,
        )
        _save(rule)
        audit(workspace, actor, "routing_rule_created", rule.public_id, now=now, details=_of(rule))
    return rule


def delete_rule(workspace: Workspace, public_id: str, *, actor: str, now: datetime) -> None:
    """End a rule: what it has routed stays where it is."""
    with transaction.atomic():
        rule = routing_rule_of(workspace, public_id)
        audit(workspace, actor, "routing_rule_deleted", public_id, now=now, details=_of(rule))
        rule.delete()


def archive_project(project: Project, *, actor: str, now: datetime) -> Project:
    """Archive a project that nothing sends usage to any more."""
    with transaction.atomic():
        locked = projects.locked_project(project)
        connections, rules = connections_into(locked), rules_into(locked)
        if connections or rules:
            raise ProjectInUseError(
                "Connections or routing rules still send usage to this project",
                connection_ids=connections,
                routing_rule_ids=rules,
            )
        return projects.archive_project(locked, actor=actor, now=now)


def _routes(workspace_id: int, connection_id: int | None) -> Routes:
    rules = RoutingRule.objects.filter(workspace=workspace_id, connection=connection_id)
    found = rules.values_list("dimension", "value", "project_id")
    return Routes({(dimension, value): project for dimension, value, project in found})


def _check_dimension(connection: ProviderConnection | None, dimension: str) -> None:
    known = dimensions_of(connection)
    if dimension not in known:
        raise InvalidError(
            f"No such dimension here: {dimension}",
            fields={"dimension": [f"One of {', '.join(known)}."]},
        )


def _save(rule: RoutingRule) -> None:
    try:
        with transaction.atomic():
            rule.save()
    except IntegrityError as refusal:
        if "routing_rule_once" not in str(refusal):
            raise
        raise RoutingRuleExistsError("There is a rule for this value already") from refusal


def _of(rule: RoutingRule) -> dict[str, str | None]:
    return {
        "connection_id": rule.connection.public_id if rule.connection else None,
        "dimension": rule.dimension,
        "value": rule.value,
        "project_id": str(rule.project.public_id),
    }
