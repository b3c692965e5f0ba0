"""What a page of the dashboard says, and who looks at it."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

from django.test import Client

from apps.telemetry.models import ProviderConnection
from apps.workspaces.models import Project, Workspace
from tests.factories import MembershipFactory, UserFactory
from tests.telemetry.metering import START, bucket, row, take
from tests.telemetry.spread import push


def signed_in(workspace: Workspace, role: str) -> Client:
    client = Client()
    user = UserFactory.create(username=f"{role}@example.com")
    client.force_login(MembershipFactory.create(workspace=workspace, user=user, role=role).user)
    return client


def text_of(answer: Any) -> str:
    return " ".join(unescape(answer.content.decode()).split())


def sheet(page: str, name: str) -> str:
    """What the page says under a heading."""
    found = re.search(rf"<section [^>]*>(?:(?!<section).)*?<h2[^>]*>{name}</h2>.*?</section>", page)
    assert found, name
    return found[0]


def rule(project: Project, **changes: str) -> dict[str, str]:
    usual = {"looked_at": ":customer", "value": "acme", "project_id": str(project.public_id)}
    return usual | changes


def twice(workspace: Workspace, connection: ProviderConnection) -> None:
    """One use of OpenAI that its meter tells and one that is pushed."""
    take(connection, bucket(0, row(uncached=1000, output=500)))
    push(workspace, START + timedelta(minutes=5), input_uncached=3000)
