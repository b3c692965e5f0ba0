"""Connections as they are found: those that are due, a workspace's own, their latest readings."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from django.db.models import F, FilteredRelation, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from apps.telemetry.errors import ConnectionNotFoundError
from apps.telemetry.models import PollRun, ProviderConnection
from apps.workspaces.models import Workspace

Visited = Literal["next_poll_at", "next_reconcile_at", "next_sweep_at"]
"""The columns that say when a connection is visited next, and what for."""


def due_connection_ids(now: datetime, column: Visited = "next_poll_at") -> list[int]:
    """Active connections whose visit is due, the longest waiting first."""
    return list(
        ProviderConnection.objects.filter(
            **{f"{column}__lte": now}, status=ProviderConnection.Status.ACTIVE
        )
        .order_by(column)
        .values_list("pk", flat=True)
    )


def connections(workspace: Workspace) -> QuerySet[ProviderConnection]:
    """A workspace's connections, newest first, each with its active project."""
    return (
        ProviderConnection.objects.filter(workspace=workspace)
        .alias(active=FilteredRelation("workloads", condition=Q(workloads__is_active=True)))
        .annotate(
            project_public_id=F("active__project__public_id"),
            project_name=F("active__project__name"),
        )
        .order_by("-created_at", "-pk")
    )


def connection_of(workspace: Workspace, public_id: str) -> ProviderConnection:
    """One connection; another workspace's is not found."""
    found = connections(workspace).filter(public_id=public_id).first()
    if found is None:
        raise ConnectionNotFoundError("No such connection in this workspace")
    return found


def latest_polls(chosen: Iterable[ProviderConnection], *, count: int) -> dict[int, list[PollRun]]:
    """By connection, its latest readings, newest first. One query."""
    numbered = PollRun.objects.filter(connection__in=[one.pk for one in chosen]).annotate(
        number=Window(
            RowNumber(),
            partition_by="connection_id",
            order_by=("-started_at", "-pk"),
        )
    )
    found: dict[int, list[PollRun]] = {}
    for run in numbered.filter(number__lte=count).order_by("-started_at", "-pk"):
        found.setdefault(run.connection_id, []).append(run)
    return found


def last_poll_at() -> datetime | None:
    """When any meter was last read: a stopped worker shows here first."""
    return (
        ProviderConnection.objects.filter(status=ProviderConnection.Status.ACTIVE)
        .order_by("-last_polled_at")
        .values_list("last_polled_at", flat=True)
        .exclude(last_polled_at=None)
        .first()
    )
