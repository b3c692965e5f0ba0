"""From a closed period to a signed receipt under a checkpoint."""

import json
from decimal import Decimal

import pytest

from apps.billing.models import CreditAllocation
from apps.receipts import selectors
from apps.receipts.models import CarbonReceipt, Checkpoint, LogEntry
from apps.receipts.seeds import log_trust
from apps.receipts.selectors import inputs
from apps.receipts.services import receipts
from apps.receipts.verification import verify
from tests.receipts import issuing
from tests.receipts.issuing import NOW

pytestmark = pytest.mark.usefixtures("platform")


def test_a_closed_period_becomes_a_receipt_that_verifies_in_every_step() -> None:
    period = issuing.closed_period()

    receipt = receipts.issue(period.pk, now=NOW)

    answer = verify(selectors.receipt_file(receipt), selectors.key_directory(), log_trust())
    assert answer.verdict == "valid; not checked: status"
    payload = json.loads(receipt.payload)
    assert payload["emissions"]["co2e_grams"] == f"{period.co2e_grams:f}"
    assert payload["retirement"]["status"] == "covered"
    assert int(payload["retirement"]["allocated_grams"]) == period.retired_grams
    assert payload["workspace"]["id"] == str(period.workspace.public_id)
    assert payload["issued_at"] == "2026-10-04T09:00:00Z"


def test_issuing_twice_gives_the_same_receipt_and_one_checkpoint() -> None:
    period = issuing.closed_period()

    first = receipts.issue(period.pk, now=NOW)
    second = receipts.issue(period.pk, now=NOW)

    assert first == second
    assert Checkpoint.objects.count() == 1
    assert CarbonReceipt.objects.count() == 1


def test_each_allocation_is_logged_without_names() -> None:
    period = issuing.closed_period()

    receipt = receipts.issue(period.pk, now=NOW)

    allocation = CreditAllocation.objects.get()
    data = bytes(LogEntry.objects.get(kind="allocation").data)
    batch_id = allocation.batch.public_id.encode()
    assert data == (
        b"\x01"
        + bytes([len(batch_id)])
        + batch_id
        + (0).to_bytes(8, "big")
        + (period.retired_grams or 0).to_bytes(8, "big")
        + bytes(receipt.payload_sha256)
    )


def test_a_period_without_retirement_says_so() -> None:
    period = issuing.closed_period(retires_credits=False)

    payload = json.loads(receipts.issue(period.pk, now=NOW).payload)

    assert payload["retirement"]["status"] == "none"
    assert Decimal(payload["retirement"]["uncovered_grams"]) == period.co2e_grams
    assert payload["statement"] == "footprint-only/1"


def test_a_period_without_usage_has_a_receipt_of_nothing() -> None:
    period = issuing.closed_period(tokens=0)

    receipt = receipts.issue(period.pk, now=NOW)

    payload = json.loads(receipt.payload)
    assert Decimal(payload["emissions"]["co2e_grams"]) == 0
    assert payload["retirement"]["uncovered_grams"] == "0"
    answer = verify(selectors.receipt_file(receipt), selectors.key_directory(), log_trust())
    assert answer.valid


def test_the_inputs_are_bound_by_a_digest_over_one_line_an_entry() -> None:
    period = issuing.closed_period()

    lines = [json.loads(line) for line in inputs.lines(period)]

    assert [line[inputs.FIELDS.index("model")] for line in lines] == ["gpt-4o", "gpt-4o-mini"]
    grams = sum(Decimal(line[inputs.FIELDS.index("co2e_grams")]) for line in lines)
    assert grams == period.co2e_grams
    assert all(line[0].startswith("evt_") for line in lines)
