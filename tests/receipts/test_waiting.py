"""What cannot be done waits, says why, and holds nothing else up."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.receipts import native, selectors, tasks
from apps.receipts.models import CarbonReceipt, ReceiptDocument
from apps.receipts.services import documents, receipts
from tests.receipts import issuing
from tests.receipts.issuing import NOW

pytestmark = pytest.mark.usefixtures("platform")


@pytest.fixture
def no_pango(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_LIBRARIES", ("libpango-of-another-machine.so.0",))


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


def test_a_receipt_that_would_contradict_itself_is_not_signed_and_the_next_one_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    issuing.batch(
        "GS1-1-KE-GS5642-16-2019-22345-1-9", "gold_standard", project_ref="GS1", labels=[]
    )
    wrong = issuing.closed_period()
    good = issuing.closed_period(retires_credits=False)

    issued = receipts.issue_due(now=NOW)

    assert [receipt.period_id for receipt in selectors.shown_receipts()] == [good.pk]
    assert len(issued) == 1
    lines = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    refusals = [line for line in lines if line["event"] == "receipt_refused"]
    assert [line["period_id"] for line in refusals] == [wrong.public_id]
    assert "the serial is of project GS5642" in refusals[0]["reason"]


@pytest.mark.usefixtures("no_pango")
def test_without_pango_receipts_are_issued_and_pdfs_wait_with_their_reason(
    operator: Client,
) -> None:
    receipts.issue(issuing.closed_period().pk, now=NOW)

    assert documents.render_due(now=NOW) == 0

    assert "Install Pango" in documents.why_pending()
    assert selectors.shown_receipts().count() == 1
    assert "Install Pango" in operator.get("/admin/receipts/carbonreceipt/").content.decode()


def test_the_operator_draws_what_is_missing_and_can_change_nothing(operator: Client) -> None:
    receipt = receipts.issue(issuing.closed_period().pk, now=NOW)
    action = {"action": "render_pdf", "_selected_action": [receipt.pk]}

    operator.post("/admin/receipts/carbonreceipt/", action)

    assert ReceiptDocument.objects.filter(receipt=receipt).exists()
    for model in ("carbonreceipt", "receiptdocument", "signingkey", "logentry", "checkpoint"):
        page = operator.get(f"/admin/receipts/{model}/")
        assert page.status_code == 200
        assert operator.get(f"/admin/receipts/{model}/add/").status_code == 403
    detail = operator.get(f"/admin/receipts/carbonreceipt/{receipt.pk}/change/").content.decode()
    assert bytes(receipt.payload_sha256).hex() in detail
    assert 'name="_save"' not in detail


def test_the_tasks_issue_and_draw() -> None:
    issuing.closed_period()

    issued = tasks.issue_due_receipts()
    drawn = tasks.render_due_documents()

    assert issued == list(CarbonReceipt.objects.values_list("public_id", flat=True))
    assert drawn == 1
