"""A closed workspace lets nobody in and reads no meter; what it owed and proved stays."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from apps.receipts.models import CarbonReceipt
from apps.telemetry.models import (
    Budget,
    CarbonEntry,
    ProviderConnection,
    SignalGroup,
    TelemetryEvent,
    UsageSample,
)
from apps.telemetry.selectors import due_connection_ids
from apps.telemetry.services import erasure
from apps.workspaces.errors import WorkspaceClosedError
from apps.workspaces.models import ApiKey, AuditEvent, Membership, Workspace
from apps.workspaces.services import add_member, closing
from tests.factories import NOW, MembershipFactory, UserFactory, WorkspaceFactory, new_key
from tests.platform.leaving import LABELS, leaving_workspace
from tests.telemetry.metering import assert_sound, bucket, connected, contents, row, take
from tests.telemetry.samples.published import EXAMPLE
from tests.telemetry.tracked import CALL, TRACK

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace(db: None, settings: Any, tmp_path: Path) -> Workspace:  # noqa: ARG001 - the database, open
    return leaving_workspace(settings, tmp_path)


def close(workspace: Workspace, **options: Any) -> str:
    out = io.StringIO()
    call_command("close_workspace", workspace=workspace.slug, stdout=out, **options)
    return out.getvalue()


def figures() -> Any:
    """What is stored, but for what names people, opens something or says when to look again."""
    visits = ["status", "sealed_key", "next_reconcile_at", "next_sweep_at"]
    told = contents(without=[*LABELS, *visits])
    return told, list(CarbonReceipt.objects.values())


def test_nobody_comes_in_any_more(api: Any, workspace: Workspace) -> None:
    key = new_key(workspace)
    member = MembershipFactory.create(workspace=workspace)
    browser = Client()
    browser.force_login(member.user)
    assert api(key).get("/api/v1/telemetry/summary").status_code == 200
    events = TelemetryEvent.objects.count()

    close(workspace, yes=True)

    assert api(key).get("/api/v1/telemetry/summary").status_code == 401
    assert api(key).post(TRACK, CALL).status_code == 401
    assert browser.get("/api/v1/telemetry/summary").status_code == 403
    assert browser.get("/dashboard/").status_code == 403
    assert TelemetryEvent.objects.count() == events


def test_the_operators_programs_read_its_past_and_add_nothing(
    workspace: Workspace, api: Any
) -> None:
    close(workspace, yes=True)
    program = api(new_key(None, scopes=("platform", "track")))
    home = f"/api/v1/workspaces/{workspace.public_id}"

    refused = program.post(f"{home}/usage-samples", EXAMPLE)

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "workspace_closed")
    assert program.get(f"{home}/reports/summary").status_code == 200
    assert not UsageSample.objects.exists()


def test_nobody_is_let_in_again(workspace: Workspace) -> None:
    close(workspace, yes=True)
    workspace.refresh_from_db()

    with pytest.raises(WorkspaceClosedError):
        new_key(workspace)
    with pytest.raises(WorkspaceClosedError):
        add_member(workspace, UserFactory.create(), "owner", actor="tests", now=NOW)


def test_no_meter_is_read_and_no_budget_watched(workspace: Workspace) -> None:
    close(workspace, yes=True)

    connection = ProviderConnection.objects.get(workspace=workspace)
    assert connection.status == ProviderConnection.Status.REVOKED
    assert connection.sealed_key is None
    assert due_connection_ids(NOW.replace(year=2099)) == []
    budget = Budget.objects.get(workspace=workspace)
    assert budget.archived_at is not None
    assert budget.emails == []


def test_figures_receipts_and_the_trail_stay_and_names_go(workspace: Workspace) -> None:
    before = figures()
    assert before[1]

    close(workspace, yes=True)

    assert figures() == before
    assert_sound()
    for event in TelemetryEvent.objects.filter(workspace=workspace):
        assert (event.customer, event.session_id, event.developer) == (None, None, None)
        assert event.raw_payload is None
    assert not SignalGroup.objects.filter(session_key="s-1").exists()
    assert CarbonEntry.objects.filter(workspace=workspace).exists()
    trail = AuditEvent.objects.filter(workspace=workspace).values_list("action", flat=True)
    assert {"workspace_closed", "connection_revoked", "budget_archived"} <= set(trail)


def test_another_workspace_notices_nothing(workspace: Workspace, api: Any) -> None:
    other = WorkspaceFactory.create()
    take(connected(other), bucket(0, row()))
    TelemetryEvent.objects.filter(workspace=other).update(customer="theirs")
    key = new_key(other)

    close(workspace, yes=True)

    assert TelemetryEvent.objects.filter(workspace=other, customer="theirs").count() == 1
    assert ProviderConnection.objects.get(workspace=other).status == "active"
    assert api(key).get("/api/v1/telemetry/summary").status_code == 200


def test_closing_again_changes_nothing(workspace: Workspace) -> None:
    new_key(workspace)
    MembershipFactory.create(workspace=workspace)
    close(workspace, yes=True)
    closed = Workspace.objects.get(pk=workspace.pk)
    trail = AuditEvent.objects.count()

    close(workspace, yes=True)

    assert Workspace.objects.get(pk=workspace.pk).closed_at == closed.closed_at
    assert AuditEvent.objects.count() == trail


def test_what_was_broken_off_is_finished_by_the_next_run(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    MembershipFactory.create(workspace=workspace)
    new_key(workspace)
    closing.close(workspace, actor="tests", now=NOW)
    monkeypatch.setattr(erasure, "_CHUNK", 1)

    close(workspace, yes=True)

    assert Workspace.objects.get(pk=workspace.pk).closed_at == NOW
    assert not Membership.objects.filter(workspace=workspace).exists()
    assert not ApiKey.objects.filter(workspace=workspace, revoked_at=None).exists()
    assert not TelemetryEvent.objects.filter(workspace=workspace, customer="acme").exists()


@pytest.mark.parametrize("options", [{"dry_run": True}, {"dry_run": True, "yes": True}, {}])
def test_nothing_is_closed_unless_it_is_meant(workspace: Workspace, options: Any) -> None:
    before = figures()

    if options:
        told = close(workspace, **options)
        assert "connections" in told
    else:
        with pytest.raises(CommandError, match="--yes"):
            close(workspace)

    assert figures() == before
    assert Workspace.objects.get(pk=workspace.pk).closed_at is None
    assert TelemetryEvent.objects.filter(customer="acme").exists()


def test_an_unknown_workspace_is_refused() -> None:
    with pytest.raises(CommandError, match="nobody"):
        call_command("close_workspace", workspace="nobody", yes=True)
