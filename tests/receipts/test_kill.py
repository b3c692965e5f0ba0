"""A process that is killed between the commit of a receipt and its checkpoint."""

import os
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from apps.common.locks import transaction_lock
from apps.receipts import selectors
from apps.receipts.check import invariant_violations
from apps.receipts.models import CarbonReceipt
from apps.receipts.services import receipts
from tests.receipts import issuing
from tests.receipts.issuing import NOW

PATIENCE_SECONDS = 60


def issuing_process(artifacts: Path) -> subprocess.Popen[bytes]:
    database = connection.settings_dict
    address = "{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
    return subprocess.Popen(
        [sys.executable, "manage.py", "issue_receipts"],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DATABASE_URL": f"postgres://{address}",
            "ARTIFACTS_FOLDER": str(artifacts),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for_a_receipt(process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not CarbonReceipt.objects.exists():
        assert time.monotonic() < deadline
        try:
            code = process.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"the process ended with {code}")


def test_the_next_run_signs_the_checkpoint_that_a_killed_one_owed(committed_platform: Path) -> None:
    issuing.closed_period()
    with transaction.atomic():
        transaction_lock("receipts-checkpoint")  # the process can sign its receipt and no more
        process = issuing_process(committed_platform)
        try:
            wait_for_a_receipt(process)
        finally:
            process.kill()
            process.wait()
    hidden = selectors.shown_receipts().count()

    issued = receipts.issue_due(now=NOW)

    assert (hidden, issued) == (0, [])
    assert selectors.shown_receipts().count() == 1
    assert invariant_violations() == []
