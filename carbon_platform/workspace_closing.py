"""Closing a workspace for good: each app does its part, from the left to the right."""

from dataclasses import dataclass
from datetime import datetime

from apps.billing.models import BillingPeriod
from apps.telemetry.models import Budget, ProviderConnection, TelemetryEvent
from apps.telemetry.services import erasure
from apps.workspaces.models import ApiKey, Membership, Workspace
from apps.workspaces.services import closing


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is still open in a workspace. Periods are billing's to close, when they are due."""

    api_keys: int
    connections: int
    budgets: int
    members: int
    events: int
    open_periods: int


def remaining(workspace: Workspace) -> Remaining:
    revoked = ProviderConnection.Status.REVOKED
    closed = BillingPeriod.Status.CLOSED
    return Remaining(
        api_keys=ApiKey.objects.filter(workspace=workspace, revoked_at=None).count(),
        connections=ProviderConnection.objects.filter(workspace=workspace)
        .exclude(status=revoked)
        .count(),
        budgets=Budget.objects.filter(workspace=workspace, archived_at=None).count(),
        members=Membership.objects.filter(workspace=workspace).count(),
        events=TelemetryEvent.objects.filter(workspace=workspace).count(),
        open_periods=BillingPeriod.objects.filter(workspace=workspace)
        .exclude(status=closed)
        .count(),
    )


def close_workspace(workspace: Workspace, *, actor: str, now: datetime) -> Workspace:
    """Let nobody in, stop reading meters, forget names. Killed anywhere, it can be run again.

    Ledger, receipts, public log and audit trail stay; an open period is closed by billing on its
    day, as every other.
    """
    closed = closing.close(workspace, actor=actor, now=now)
    erasure.stop(closed, actor=actor, now=now)
    closing.dismiss_members(closed, actor=actor, now=now)
    erasure.forget_people(closed)
    return closed
