"""From a usage report to a receipt a stranger can check, with the worker killed on the way."""

import math
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings as configured
from django.core.management import call_command
from django.db.models import Sum

from apps.billing.models import BillingPeriod, CreditAllocation, RetirementOrder
from apps.billing.tasks import close_due_periods
from apps.common import clock
from apps.receipts.models import CarbonReceipt, LogEntry, ReceiptDocument
from apps.receipts.tasks import issue_due_receipts, render_due_documents
from apps.telemetry.models import CarbonEntry, Rollup
from apps.workspaces.selectors import workspace_by_slug_or_id
from devstack.demo import latest_closable_month
from devstack.simulator.testing import RunningSimulator
from tests.factories import bearer, new_key
from tests.telemetry.conftest import base_urls, urls_by_provider
from tests.telemetry.waiting import until
from tests.whole_way.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(configured.BASE_DIR)
ACCOUNTS = {
    "openai": "sk-admin-simulated-0001",
    "anthropic": "sk-ant-admin01-simulated-0001",
    "openrouter": "sk-or-v1-simulated-management-0001",
}


class Site:
    """The product over a real socket, as a client with a key sees it."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._headers = bearer(key)

    def get(self, path: str) -> Any:
        return self._read("GET", path, None)

    def post(self, path: str, body: Any) -> Any:
        return self._read("POST", path, body)

    def _read(self, method: str, path: str, body: Any) -> Any:
        url = f"{self._url}/api/v1{path}"
        answer = requests.request(method, url, json=body, headers=self._headers, timeout=30)
        assert answer.ok, answer.text
        return answer.json()


@pytest.fixture
def outside(simulator: RunningSimulator, live_server: Any, settings: Any) -> dict[str, str]:
    """The addresses of the outside services, for this process and for the worker's."""
    simulator.deliver_to(
        f"{live_server.url}/api/v1/webhooks/stripe", settings.STRIPE_WEBHOOK_SECRET
    )
    addresses = {
        **base_urls(simulator),
        "STRIPE_API_BASE": f"{simulator.url}/stripe",
        "REGISTRY_URL": f"{simulator.url}/registry",
    }
    for name, address in addresses.items():
        setattr(settings, name, address)
    settings.PROVIDER_BASE_URLS = urls_by_provider(simulator)
    settings.SIMULATED_PROVIDERS = True
    call_command("seed_factors", publish=True)
    call_command("register_signing_keys")
    return addresses


@pytest.fixture
def worker(outside: dict[str, str]) -> Iterator[Worker]:
    worker = Worker(outside)
    worker.start()
    yield worker
    worker.kill()


def test_from_a_usage_report_to_a_receipt_though_the_worker_is_killed(
    simulator: RunningSimulator, live_server: Any, worker: Worker, tmp_path: Path
) -> None:
    platform = Site(live_server.url, new_key(None))
    workspace = platform.post("/workspaces", {"name": "Aurora Labs"})
    program = Site(live_server.url, _key_of(workspace["id"]))

    for provider, key in ACCOUNTS.items():
        program.post("/connections", {"provider": provider, "name": provider, "api_key": key})
    until(lambda: _all_read(program))
    _subscribe_and_renew(simulator, workspace["id"])
    until(lambda: "closing" in _period_states(program))
    call_command("load_credits", str(ROOT / "devstack" / "demo_credits.csv"))

    worker.killed_at("billing_settlement", close_due_periods)
    worker.killed_at("billing_creditallocation", close_due_periods)
    worker.killed_at("billing_retirementorder", close_due_periods)
    close_due_periods.delay()
    until(lambda: "closed" in _period_states(program))
    worker.killed_at("receipts_carbonreceipt", issue_due_receipts)
    worker.killed_at("receipts_logentry", issue_due_receipts)
    worker.killed_at("receipts_checkpoint", issue_due_receipts)
    issue_due_receipts.delay()
    until(lambda: bool(program.get("/receipts")["results"]))
    render_due_documents.delay()
    until(ReceiptDocument.objects.exists)

    _nothing_is_doubled()
    call_command("check_invariants")
    _a_stranger_can_check_it(live_server.url, program, tmp_path)


def _key_of(workspace_id: str) -> str:
    return new_key(workspace_by_slug_or_id(workspace_id))


def _all_read(program: Site) -> bool:
    return all(
        connection["last_succeeded_at"] for connection in program.get("/connections")["results"]
    )


def _period_states(program: Site) -> set[str]:
    return {period["status"] for period in program.get("/billing/periods")["results"]}


def _subscribe_and_renew(simulator: RunningSimulator, workspace_id: str) -> None:
    start, end = (f"{day:%Y-%m-%dT%H:%M:%SZ}" for day in latest_closable_month(clock.now()))
    customer = {"client_reference_id": workspace_id, "plan": "growth", "starts_at": start}
    subscription = simulator.stripe("signup", **customer)["subscription"]
    simulator.stripe("renew", subscription=subscription, period_start=start, period_end=end)


def _nothing_is_doubled() -> None:
    period = BillingPeriod.objects.get(status="closed")
    assert period.co2e_grams is not None
    assert period.retired_grams == math.ceil(period.co2e_grams)
    grams = [row.grams for row in CreditAllocation.objects.order_by("grams")]
    assert sum(given.upper - given.lower for given in grams) == period.retired_grams
    assert CarbonReceipt.objects.count() == 1
    assert LogEntry.objects.filter(kind="receipt").count() == 1
    assert LogEntry.objects.filter(kind="allocation").count() == len(grams)
    assert not RetirementOrder.objects.exclude(status="confirmed").exists()
    totals = Sum("co2e_grams"), Sum("output_tokens"), Sum("energy_kwh_high")
    assert Rollup.objects.aggregate(*totals) == CarbonEntry.objects.aggregate(*totals)


def _a_stranger_can_check_it(site: str, program: Site, folder: Path) -> None:
    receipt = program.get("/receipts")["results"][0]
    downloaded = requests.get(f"{site}/verify/{receipt['id']}/receipt.json", timeout=30)
    file = folder / "receipt.json"
    file.write_bytes(downloaded.content)

    answer = requests.post(
        f"{site}/api/v1/public/receipts/verify",
        data=downloaded.content,
        headers={"Content-Type": "application/json"},
        timeout=30,
    )
    assert answer.json()["valid"] is True
    assert _verified_offline(file) == (0, "valid")
    file.write_bytes(downloaded.content.replace(b'"co2e_grams":"', b'"co2e_grams":"1', 1))
    assert _verified_offline(file) == (1, "hash_mismatch")


def _verified_offline(file: Path) -> tuple[int, str]:
    """In a process that has the public keys' settings and neither database nor network."""
    done = subprocess.run(
        [sys.executable, "manage.py", "verify_receipt", str(file)],
        cwd=ROOT,
        env={
            "PATH": "",
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
            "REDIS_URL": "redis://127.0.0.1:1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=timedelta(minutes=1).total_seconds(),
    )
    return done.returncode, done.stdout.strip()
