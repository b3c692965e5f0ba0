"""The API, the commands and the admin of billing: each through its own door."""

# ruff: noqa: ARG001 - rows made by fixtures

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from apps.billing.models import BillingPeriod, CreditBatch, RetirementOrder, StripeEvent
from apps.billing.services import closing, events, periods
from apps.billing.stripe_facts import Delivery
from apps.workspaces.models import Workspace
from devstack.simulator.testing import RunningSimulator
from tests.billing.stock import (
    DUE,
    NOVEMBER,
    OCTOBER,
    ROW,
    closing_period,
    csv_of,
    given_grams,
    load,
)
from tests.billing.usage import use
from tests.factories import WorkspaceFactory, bearer, new_key

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("factors")]


@pytest.fixture
def closed(factors: None, workspace: Workspace, simulator: RunningSimulator) -> BillingPeriod:
    load()
    use(workspace, 100_000_000, OCTOBER + timedelta(days=1))
    period = closing_period(workspace)
    simulator.set_clock("2026-11-03T00:00:00Z")
    closing.run(now=DUE, registry_url=f"{simulator.url}/registry")
    period.refresh_from_db()
    return period


@pytest.fixture
def get(client: Client, workspace: Workspace) -> Callable[[str], Any]:
    headers = bearer(new_key(workspace))

    def asked(path: str) -> Any:
        answer = client.get(f"/api/v1/billing/{path}", headers=headers)
        return answer.json() | {"status_code": answer.status_code}

    return asked


def test_a_workspace_without_a_subscription_is_on_the_free_plan(
    workspace: Workspace, get: Callable[[str], Any]
) -> None:
    periods.advance_periods(now=NOVEMBER)

    plans, subscription = get("plans"), get("subscription")

    assert plans["current"] == subscription["plan"] == "free"
    assert [plan["name"] for plan in plans["plans"]] == [
        "free", "starter", "growth", "scale", "enterprise",
    ]  # fmt: skip
    assert subscription["status"] is None
    assert subscription["open_period"]["status"] == "open"
    assert subscription["open_period"]["co2e_grams"] is None


def test_a_closed_period_shows_its_figures_and_the_credits_given_to_it(
    closed: BillingPeriod, get: Callable[[str], Any]
) -> None:
    listed = get("periods")["results"]
    shown = get(f"periods/{closed.public_id}")

    assert [period["id"] for period in listed] == [closed.public_id]
    assert shown["co2e_grams"]["central"] == float(closed.co2e_grams or 0)
    (given,) = shown["allocations"]
    assert given["grams"] == shown["retired_grams"] == given_grams(closed)
    assert given["credit"]["registry"] == "demo"
    assert given["retirement"]["status"] == "confirmed"


def test_another_workspaces_period_is_not_found(get: Callable[[str], Any]) -> None:
    theirs = closing_period(WorkspaceFactory.create(), plan="free")

    assert get(f"periods/{theirs.public_id}")["status_code"] == 404
    assert get("periods")["results"] == []


def test_without_a_key_there_is_no_answer(client: Client) -> None:
    assert client.get("/api/v1/billing/periods").status_code == 401


def run(*words: str) -> tuple[int, str]:
    """A command's exit code and what it printed."""
    out = io.StringIO()
    try:
        call_command(*words, stdout=out, stderr=out)
    except CommandError as refusal:
        return refusal.returncode, f"{out.getvalue()}{refusal}"
    return 0, out.getvalue()


def test_load_credits_says_what_it_did_and_what_is_wrong(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_bytes(csv_of([ROW]))
    bad.write_bytes(csv_of([{**ROW, "country": "Germany"}]))

    assert run("load_credits", str(good), "--dry-run")[0] == 0
    assert CreditBatch.objects.count() == 0
    assert run("load_credits", str(good)) == (0, "1 batches, 20 t loaded.\n")
    assert run("load_credits", str(good))[0] == 1
    code, said = run("load_credits", str(bad))
    assert (code, "line 2  country" in said) == (1, True)
    assert run("load_credits", str(tmp_path / "none.csv"))[0] == 3


def test_close_period_takes_one_period_through_every_step(
    workspace: Workspace, simulator: RunningSimulator, settings: Settings
) -> None:
    settings.REGISTRY_URL = f"{simulator.url}/registry"
    use(workspace, 100_000_000, OCTOBER + timedelta(days=1))
    period = closing_period(workspace)

    assert run("close_period", period.public_id, "--early", "--dry-run")[0] == 0
    period.refresh_from_db()
    assert period.settled_at is None
    code, said = run("close_period", "--workspace", workspace.slug, "--early")
    assert (code, "Too few credits" in said) == (3, True)
    load()
    assert run("close_period", period.public_id, "--early")[0] == 0
    period.refresh_from_db()
    assert period.status == "closed"
    assert run("close_period", period.public_id)[0] == 1
    assert run("close_period", "--workspace", workspace.slug)[0] == 1
    assert run("close_period", "per_none")[0] == 1


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator@example.com"))
    return client


ADMIN = "/admin/billing"


def test_the_admin_closes_a_period(
    operator: Client, workspace: Workspace, simulator: RunningSimulator, settings: Settings
) -> None:
    settings.REGISTRY_URL = f"{simulator.url}/registry"
    period = closing_period(workspace, plan="free")

    operator.post(
        f"{ADMIN}/billingperiod/", {"action": "close_now", "_selected_action": [period.pk]}
    )

    period.refresh_from_db()
    assert period.status == "closed"


def test_the_admin_loads_a_file_and_names_its_faults(operator: Client) -> None:
    def upload(content: bytes, **more: str) -> Any:
        file = SimpleUploadedFile("credits.csv", content)
        return operator.post(f"{ADMIN}/creditbatch/load/", {"file": file, **more})

    assert operator.get(f"{ADMIN}/creditbatch/load/").status_code == 200
    bad = upload(csv_of([{**ROW, "country": "Germany"}]))
    assert (bad.status_code, b"<td>country</td>" in bad.content) == (200, True)
    assert upload(csv_of([ROW]), is_dry_run="on").status_code == 302
    assert CreditBatch.objects.count() == 0
    assert upload(csv_of([ROW])).status_code == 302
    assert CreditBatch.objects.count() == 1


def test_the_admin_records_a_confirmation(operator: Client, workspace: Workspace) -> None:
    load()
    use(workspace, 100_000_000, OCTOBER + timedelta(days=1))
    closing_period(workspace)
    closing.run(now=DUE, registry_url="")
    order = RetirementOrder.objects.get()
    page = f"{ADMIN}/retirementorder/{order.pk}/confirm/"
    filled = {
        "retirement_id": "R-1",
        "retired_on": "2026-11-03",
        "registry_url": "https://registry.example.com/R-1",
        "evidence_sha256": "ab" * 32,
    }

    assert operator.get(page).status_code == 200
    assert operator.post(page, {**filled, "evidence_sha256": "none"}).status_code == 200
    assert operator.post(page, filled).status_code == 302

    order.refresh_from_db()
    assert (order.status, order.retirement_id) == ("confirmed", "R-1")


def test_an_operator_without_the_right_can_neither_load_nor_confirm(client: Client) -> None:
    client.force_login(User.objects.create_user("reader@example.com", is_staff=True))

    assert client.get(f"{ADMIN}/creditbatch/load/").status_code == 403
    assert client.get(f"{ADMIN}/retirementorder/1/confirm/").status_code == 403


@pytest.mark.usefixtures("closed")
def test_every_admin_page_opens(operator: Client) -> None:
    told = Delivery("evt_1", "some.type", "v", is_livemode=False, created_at=DUE)
    events.store(told, b"{}", now=DUE)
    for model in (
        *("subscription", "billingperiod", "creditbatch", "retirementorder"),
        *("creditallocation", "settlement", "stripeevent"),
    ):
        assert operator.get(f"{ADMIN}/{model}/").status_code == 200, model
    for row in (BillingPeriod, CreditBatch, RetirementOrder, StripeEvent):
        one = row.objects.first()
        assert one
        page = f"{ADMIN}/{row._meta.model_name}/{one.pk}/change/"
        assert operator.get(page).status_code == 200, page
