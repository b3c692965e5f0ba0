"""The overview page: the figures of one workspace, with their range, and of no other."""

from datetime import timedelta

import pytest
from django.test import Client

from apps.common import clock
from apps.telemetry.models import ProviderConnection
from apps.workspaces.models import Workspace
from tests.billing.usage import publish_factors, use
from tests.factories import NOW, MembershipFactory, WorkspaceFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls("carbon_platform.urls")]


@pytest.fixture
def workspace() -> Workspace:
    publish_factors()
    return WorkspaceFactory.create()


@pytest.fixture
def person(client: Client, workspace: Workspace) -> Client:
    client.force_login(MembershipFactory.create(workspace=workspace, role="auditor").user)
    return client


def connect(workspace: Workspace) -> None:
    ProviderConnection.objects.create(
        workspace=workspace, provider="openai", name="Main account", created_at=NOW, updated_at=NOW
    ).workloads.create(
        workspace=workspace,
        project=workspace.projects.create(name="Default", created_at=NOW),
        created_at=NOW,
    )


def test_a_workspace_without_connections_is_told_how_to_begin(person: Client) -> None:
    page = person.get("/dashboard/").content.decode()

    assert "Nothing is connected yet" in page
    assert "Simulated data" not in page


def test_the_page_shows_the_ledgers_sum_with_its_range(
    person: Client, workspace: Workspace
) -> None:
    connect(workspace)
    event = use(workspace, 1_000_000, clock.now() - timedelta(days=1))
    stranger = WorkspaceFactory.create()
    use(stranger, 77_000_000, clock.now() - timedelta(days=1))

    answer = person.get("/dashboard/?days=7&by=project")

    entry = event.entries.get()
    shown = answer.context["co2e"]
    assert (shown.low, shown.central, shown.high) == (
        entry.co2e_grams_low,
        entry.co2e_grams,
        entry.co2e_grams_high,
    )
    assert f'value="{entry.co2e_grams}"' in answer.content.decode()
    assert answer.context["output"] == 1_000_000
    assert [group.label for group, _ in answer.context["groups"]] == [event.project.name]


def test_simulated_data_are_called_so(person: Client, workspace: Workspace) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(is_simulated=True)

    assert "Simulated data" in person.get("/dashboard/").content.decode()


@pytest.mark.parametrize("days", ["", "8", "-1", "x" * 5000, "\0"])
def test_a_span_that_is_not_offered_is_the_usual_one(person: Client, days: str) -> None:
    assert person.get("/dashboard/", {"days": days}).context["days"] == 30
