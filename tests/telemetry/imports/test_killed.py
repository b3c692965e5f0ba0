"""An import that was killed goes on, and ends with the numbers that it would have had."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as configured
from django.core.management import CommandError
from django.db.models import Sum

from apps.telemetry.billing_exports.reading import BATCH_LINES
from apps.telemetry.models import UsageImport, UsageSample, UsageSampleRollup
from apps.workspaces.models import Workspace
from tests.holding import database_url, held, is_somebody_waiting
from tests.telemetry.imports.bills import Row, as_csv, cur2
from tests.telemetry.imports.conftest import Import
from tests.telemetry.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(configured.BASE_DIR)
KWH_PER_GB = Decimal("0.001") * Decimal("1.135")
"""Between data centres, and the mean PUE of AWS: Cloud Carbon Footprint."""


def traffic(number: int, day: int) -> Row:
    return cur2(
        line_item_resource_id=f"i-{number:017x}",
        line_item_usage_amount=amount(number),
        line_item_usage_end_date=f"2026-10-0{day}T11:00:00.000Z",
        line_item_usage_start_date=f"2026-10-0{day}T10:00:00.000Z",
        line_item_usage_type="EUC1-DataTransfer-Out-Bytes",
        pricing_unit="GB",
        product_instance_type="",
    )


def amount(number: int) -> str:
    return f"{number + 1}.{number % 1000:03}"


LINES = BATCH_LINES + 10


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whole chunk of the 5th, and the beginning of another of the 6th."""
    rows = [traffic(number, 5 if number < BATCH_LINES else 6) for number in range(LINES)]
    return as_csv(tmp_path_factory.mktemp("bills") / "october.csv", rows)


@contextmanager
def importing(bill: Path) -> Iterator[subprocess.Popen]:
    """`manage.py import_usage` in a process of its own, on the tests' database."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "import_usage", str(bill), "--workspace", "mine"],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": database_url(),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("table", ["telemetry_usagesample", "telemetry_usageimport"])
def test_killed_before_the_first_chunk_is_stored(
    bill: Path, run_import: Import, theirs: Workspace, workspace: Workspace, table: str
) -> None:
    with held(table), importing(bill) as process:
        until(lambda: is_somebody_waiting() or process.poll() is not None)

        kill(process)

    assert not UsageSample.objects.exists()
    run_again_it_equals_an_undisturbed_one(bill, run_import, workspace, theirs)


def test_killed_between_two_chunks(
    tmp_path: Path, bill: Path, run_import: Import, theirs: Workspace, workspace: Workspace
) -> None:
    run_import(as_csv(tmp_path / "before.csv", [traffic(10**9, 6)]))

    with held_hour("2026-10-06T10:00Z"), importing(bill) as process:
        until(lambda: is_somebody_waiting() or process.poll() is not None)

        kill(process)

    assert UsageImport.objects.get(file_name=bill.name).lines_done == BATCH_LINES
    assert UsageSample.objects.filter(measured_at__day=5).count() == BATCH_LINES
    run_import(as_csv(tmp_path / "before.csv", [traffic(10**9, 6)]), into=theirs)
    run_again_it_equals_an_undisturbed_one(bill, run_import, workspace, theirs, before=10**9)


def run_again_it_equals_an_undisturbed_one(
    bill: Path, run_import: Import, ours: Workspace, theirs: Workspace, *, before: int | None = None
) -> None:
    until(lambda: runs(run_import, bill))  # until the dead worker's lock is free
    run_import(bill, into=theirs)

    numbers = [*range(LINES), *([] if before is None else [before])]
    gb = sum((Decimal(amount(number)) for number in numbers), Decimal())
    for workspace in (ours, theirs):
        found = UsageSample.objects.filter(workspace=workspace)
        sums = found.aggregate(Sum("usage_amount"), Sum("energy_kwh"))
        assert sums == {"usage_amount__sum": gb, "energy_kwh__sum": gb * KWH_PER_GB}
        hours = UsageSampleRollup.objects.filter(workspace=workspace)
        assert hours.aggregate(Sum("energy_kwh"))["energy_kwh__sum"] == gb * KWH_PER_GB
    assert numbers_of(bill, ours) == numbers_of(bill, theirs)


def numbers_of(bill: Path, workspace: Workspace) -> dict[str, Any]:
    names = ("lines_done", "samples_stored", "samples_known", "lines_without_usage", "tally")
    row: dict[str, Any] = UsageImport.objects.values(*names).get(
        workspace=workspace, file_name=bill.name
    )
    assert row["samples_stored"] == row["lines_done"] == LINES
    return row


def runs(run_import: Import, bill: Path) -> bool:
    try:
        return run_import(bill).code == 0
    except CommandError:
        return False


@contextmanager
def held_hour(hour: str) -> Iterator[None]:
    """Nobody else adds to the sums of that hour while this lasts."""
    with psycopg.connect(database_url()) as other:
        rows = other.execute(
            "SELECT 1 FROM telemetry_usagesamplerollup WHERE hour = %s FOR UPDATE", [hour]
        )
        assert rows.rowcount == 1
        yield


def kill(process: subprocess.Popen) -> None:
    assert process.poll() is None, process.communicate()[0].decode()
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
