"""Every answer of the app, on the real site, is what the API document promises."""

from uuid import uuid4

import pytest

from apps.workspaces.models import Workspace
from devstack.simulator.testing import RunningSimulator
from tests.contract import ContractClient
from tests.factories import new_key
from tests.telemetry.metering import KEYS, bucket, connected, row, take
from tests.telemetry.using import ASKED, CONNECTIONS, SERIES, SUMMARY


@pytest.fixture
def client(workspace: Workspace) -> ContractClient:
    return ContractClient(new_key(workspace))


@pytest.mark.usefixtures("meters")
def test_the_answers_about_a_connections_life(client: ContractClient) -> None:
    created = client.post(CONNECTIONS, ASKED)
    one = f"{CONNECTIONS}/{created.json()['id']}"

    answers = [
        created,
        client.post(CONNECTIONS, ASKED),
        client.post(CONNECTIONS, {**ASKED, "project_id": str(uuid4())}),
        client.post(CONNECTIONS, {**ASKED, "api_key": "wrong"}),
        client.get(CONNECTIONS, {"limit": 1}),
        client.get(one),
        client.post(f"{one}/rotate-key", {"api_key": KEYS["anthropic"]}),
        client.delete(one),
        client.post(f"{one}/rotate-key", {"api_key": KEYS["anthropic"]}),
    ]

    statuses = [answer.status_code for answer in answers]
    assert statuses == [201, 409, 404, 400, 200, 200, 200, 204, 409]


def test_the_answer_when_a_provider_is_down(
    client: ContractClient, meters: RunningSimulator
) -> None:
    meters.add_fault("anthropic", 503)

    assert client.post(CONNECTIONS, ASKED).status_code == 503


@pytest.mark.parametrize("is_used", [True, False])
def test_the_answers_about_usage(
    client: ContractClient, workspace: Workspace, *, is_used: bool
) -> None:
    if is_used:
        take(connected(workspace), bucket(0, row("gpt-4.1"), row(None)))
    since = {"start_time": "2026-11-17T00:00:00Z"}

    answers = [
        client.get(SUMMARY, since),
        client.get(SERIES, since),
        client.get(SERIES, since | {"step": "hour", "split_by": "model"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
