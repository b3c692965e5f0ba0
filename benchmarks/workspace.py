"""A workspace with connections, as small as the ledger allows."""

import itertools
from datetime import UTC, datetime

from apps.telemetry.models import ProviderConnection, Workload
from apps.workspaces.models import Project, Workspace

START = datetime(2026, 9, 1, tzinfo=UTC)
_numbers = itertools.count(1)


def new_workspace() -> Workspace:
    number = next(_numbers)
    return Workspace.objects.create(
        name=f"Bench {number}", slug=f"bench-{number}", created_at=START, updated_at=START
    )


def new_project(workspace: Workspace, name: str) -> Project:
    return Project.objects.create(workspace=workspace, name=name, created_at=START)


def new_connection(project: Project) -> ProviderConnection:
    connection = ProviderConnection.objects.create(
        workspace=project.workspace,
        provider="openai",
        name=f"Account {next(_numbers)}",
        created_at=START,
        updated_at=START,
    )
    Workload.objects.create(
        workspace=project.workspace, connection=connection, project=project, created_at=START
    )
    return connection
