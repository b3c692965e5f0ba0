"""AI and compute side by side: one total of two ledgers, exact at any boundary."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.telemetry.models import CarbonEntry, UsageSample
from apps.telemetry.selectors.footprint import footprint
from apps.telemetry.selectors.parts import OpenSpan
from apps.workspaces.models import Workspace
from tests.contract import ContractClient
from tests.factories import MembershipFactory, new_key
from tests.telemetry.metering import HOUR, NOW, START
from tests.telemetry.spread import push
from tests.telemetry.using import span

FOOTPRINT = "/api/v1/telemetry/footprint"
ALL = "/api/v1/reports/summary"
SECOND = timedelta(seconds=1)
SAMPLE = {
    "provider": "aws",
    "region": "eu-west-1",
    "resource_type": "vcpu",
    "usage_amount": "10",
    "usage_unit": "vcpu_hour",
    "carbon_intensity_grams_co2e_per_kwh": "400",
    "factor_set": "compute-2026.11.1",
}
NOTHING = {"low": 0.0, "central": 0.0, "high": 0.0}


@pytest.fixture
def client(workspace: Workspace) -> ContractClient:
    return ContractClient(new_key(workspace))


@pytest.fixture
def both(client: ContractClient, workspace: Workspace) -> list[int]:
    """A token use and a sample at each of these seconds after the start."""
    seconds = [0, 1799, 3600, 5000, 7199, 7200, 90_000]
    for second in seconds:
        push(workspace, START + second * SECOND)
        _sample(client, workspace, second)
    return seconds


def _sample(client: ContractClient, workspace: Workspace, second: int) -> None:
    measured_at = f"{START + second * SECOND:%Y-%m-%dT%H:%M:%SZ}"
    path = f"/api/v1/workspaces/{workspace.public_id}/usage-samples"
    assert client.post(path, SAMPLE | {"measured_at": measured_at}).status_code == 201


def recounted(start: Any, end: Any) -> tuple[Decimal, Decimal]:
    """Central grams of the entries and of the samples in a span."""
    entries = CarbonEntry.objects.filter(used_at__gte=start, used_at__lt=end)
    samples = UsageSample.objects.filter(measured_at__gte=start, measured_at__lt=end)
    of_samples = (one.operational_co2e_grams + one.embodied_co2e_grams for one in samples)
    return sum((one.co2e_grams for one in entries), Decimal()), sum(of_samples, Decimal())


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 1), (0, 3600), (1, 7200), (3600, 7199), (1799, 90_001), (0, 86_400), (-86_400, 172_800)],
)
@pytest.mark.usefixtures("both")
def test_the_total_is_what_both_ledgers_hold_at_any_boundary(
    workspace: Workspace, start: int, end: int
) -> None:
    asked = OpenSpan(START + start * SECOND, START + end * SECOND)

    found = footprint(workspace, asked)

    ai, compute = recounted(asked.start, asked.end)
    assert found.ai.co2e_grams.central == ai
    assert found.compute.co2e_grams.central == compute
    assert found.total.co2e_grams.central == ai + compute
    for name in ("energy_kwh", "operational_co2e_grams", "embodied_co2e_grams", "co2e_grams"):
        for bound in ("low", "central", "high"):
            ai, compute, total = (
                getattr(getattr(share, name), bound)
                for share in (found.ai, found.compute, found.total)
            )
            assert total == ai + compute


@pytest.mark.usefixtures("both")
def test_the_answer_has_ai_compute_and_their_sum(client: ContractClient) -> None:
    body = client.get(FOOTPRINT, span(START, START + 30 * HOUR)).json()

    summary = client.get("/api/v1/telemetry/summary", span(START, START + 30 * HOUR)).json()
    for name in ("energy_kwh", "co2e_grams", "operational_co2e_grams", "embodied_co2e_grams"):
        assert body["ai"][name] == summary["total"][name]
        for bound in ("low", "central", "high"):
            parts = body["ai"][name][bound] + body["compute"][name][bound]
            assert body["total"][name][bound] == pytest.approx(parts)
    assert body["compute"]["energy_kwh"]["central"] > 0


@pytest.mark.usefixtures("both")
def test_the_samples_report_has_the_same_total_in_decimals(
    client: ContractClient, workspace: Workspace
) -> None:
    path = f"/api/v1/workspaces/{workspace.public_id}/reports/summary"
    asked = span(START + SECOND, START + 2 * HOUR)

    report = client.get(path, asked).json()
    open_ended = client.get(path).json()["footprint"]

    ai, compute = recounted(START + SECOND, START + 2 * HOUR)
    grams = {
        name: Decimal(one["co2e_grams"]["central"]) for name, one in report["footprint"].items()
    }
    assert grams == {"ai": ai, "compute": compute, "total": ai + compute}
    assert report["total"]["co2e_grams"] == report["footprint"]["compute"]["co2e_grams"]
    assert Decimal(open_ended["total"]["co2e_grams"]["central"]) == sum(
        recounted(START, START + 48 * HOUR)
    )


@pytest.mark.usefixtures("both")
def test_a_platform_key_sees_the_footprint_of_all_workspaces(
    client: ContractClient, theirs: Workspace
) -> None:
    push(theirs, START)

    body = ContractClient(new_key(None)).get(ALL).json()

    ai, compute = recounted(START, START + 48 * HOUR)
    assert Decimal(body["footprint"]["ai"]["co2e_grams"]["central"]) == ai
    assert Decimal(body["footprint"]["total"]["co2e_grams"]["central"]) == ai + compute
    stranger = ContractClient(new_key(theirs)).get(FOOTPRINT, span(START, NOW)).json()
    mine = client.get(FOOTPRINT, span(START, NOW)).json()
    assert stranger["compute"]["co2e_grams"] == NOTHING
    assert stranger["ai"]["co2e_grams"]["central"] < mine["ai"]["co2e_grams"]["central"]


def test_a_workspace_without_usage_gets_zeros(client: ContractClient) -> None:
    body = client.get(FOOTPRINT).json()

    assert body["total"]["co2e_grams"] == body["ai"]["energy_kwh"] == NOTHING


@pytest.mark.usefixtures("both")
def test_test_usage_is_counted_only_when_asked_for(
    client: ContractClient, workspace: Workspace
) -> None:
    push(workspace, START, is_test=True, output=10**6)
    asked = span(START, START + HOUR)

    without = client.get(FOOTPRINT, asked).json()["ai"]["co2e_grams"]["central"]
    included = client.get(FOOTPRINT, asked | {"include_test": "true"}).json()["ai"]["co2e_grams"]

    assert included["central"] > 100 * without


def test_the_report_of_samples_takes_the_same_queries_for_any_number_of_rows(
    client: ContractClient, both: list[int], workspace: Workspace
) -> None:
    path = f"/api/v1/workspaces/{workspace.public_id}/reports/summary"

    def asked_for() -> int:
        with CaptureQueriesContext(database) as queries:
            client.get(path, span(START - SECOND, START + 30 * HOUR + SECOND))
        return sum("telemetry_" in query["sql"] for query in queries)

    before = asked_for()
    for second in both:
        _sample(client, workspace, second + 10_000)

    assert asked_for() == before == 5  # hours and samples; days, hours and entries


@pytest.mark.usefixtures("both")
def test_the_overview_shows_them_side_by_side(workspace: Workspace) -> None:
    person = Client()
    person.force_login(MembershipFactory.create(workspace=workspace, role="auditor").user)

    with time_machine.travel(NOW, tick=False):
        answer = person.get("/dashboard/", {"days": 7})

    ai, compute = recounted(START - 24 * HOUR, START + 24 * HOUR)
    assert answer.context["footprint"].total.co2e_grams.central == ai + compute
    page = answer.content.decode()
    assert "AI and compute together" in page
    assert f'value="{(ai + compute).normalize():f}"' in page
