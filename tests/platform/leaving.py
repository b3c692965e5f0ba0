"""A workspace with some of everything: usage, a receipt, a connection, a budget, a member."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from apps.receipts.services import documents, receipts
from apps.telemetry.models import SignalGroup, TelemetryEvent
from apps.telemetry.services import budgets
from apps.workspaces.models import Workspace
from tests.factories import NOW, MembershipFactory, WorkspaceFactory
from tests.receipts.issuing import batch, closed_period, ready
from tests.telemetry.metering import bucket, connected, row, take

LABELS = {
    "customer": "acme",
    "session_id": "s-1",
    "developer": b"d" * 32,
    "raw_payload": {"user": "somebody"},
}


def leaving_workspace(settings: Any, folder: Path) -> Workspace:
    """With a storage of its own in the folder: the log keeps its checkpoints there."""
    backend = "django.core.files.storage.FileSystemStorage"
    options = {"location": folder, "base_url": None}
    settings.STORAGES = {**settings.STORAGES, "artifacts": {"BACKEND": backend, "OPTIONS": options}}
    ready()
    batch()
    workspace = WorkspaceFactory.create(name="Leaving", slug="leaving")
    take(connected(workspace), bucket(0, row("gpt-4.1", 1000, 1000)))
    closed_period(workspace)
    receipts.issue_due(now=NOW)
    documents.render_due(now=NOW)
    TelemetryEvent.objects.filter(workspace=workspace).update(**LABELS)
    SignalGroup.objects.create(workspace=workspace, tool="t", session_key="s-1", rank=1)
    MembershipFactory.create(workspace=workspace)
    budgets.create_budget(
        workspace,
        name="Ours",
        unit="co2e_grams",
        monthly_amount=Decimal(100),
        emails=["person@example.com"],
        actor="tests",
        now=NOW,
    )
    return workspace
