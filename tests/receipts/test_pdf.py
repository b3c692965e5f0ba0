"""The PDF: one sheet that says what was signed, with the receipt file inside."""

import io
import os
from pathlib import Path

import pypdf
import pytest
from django.core.management import call_command

from apps.common import storage
from apps.receipts import native, pdf, selectors
from apps.receipts.check import invariant_violations
from apps.receipts.errors import PdfUnavailableError
from apps.receipts.models import CarbonReceipt, ReceiptDocument
from apps.receipts.services import documents, receipts
from tests.factories import WorkspaceFactory
from tests.receipts import issuing
from tests.receipts.issuing import NOW

pytestmark = pytest.mark.usefixtures("platform")


def text_of(reader: pypdf.PdfReader) -> str:
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_the_pdf_is_one_page_with_the_receipt_file_attached() -> None:
    workspace = WorkspaceFactory.create(name="Acme Robotics GmbH")
    receipt = receipts.issue(issuing.closed_period(workspace).pk, now=NOW)

    reader = pypdf.PdfReader(io.BytesIO(pdf.render(receipt)))

    assert len(reader.pages) == 1
    assert reader.attachments["receipt.json"] == [selectors.receipt_file(receipt)]
    text = text_of(reader)
    assert receipt.public_id in text
    assert "Acme Robotics GmbH" in text
    assert bytes(receipt.payload_sha256).hex()[:16] in text
    assert "it does not change the footprint" in text


def test_many_lines_go_on_over_the_page_with_their_heading() -> None:
    for serial in range(1, 13):
        issuing.batch(
            f"GS1-1-KE-GS5642-16-2019-22345-{serial}-{serial}",
            "gold_standard",
            project_name="Efficient cook stoves in Kenya",
        )
    period = issuing.closed_period(tokens=3_500_000_000)

    reader = pypdf.PdfReader(io.BytesIO(pdf.render(receipts.issue(period.pk, now=NOW))))

    assert len(reader.pages) == 2
    assert all("Serials" in page.extract_text() for page in reader.pages)
    assert "Page 2 of 2" in text_of(reader)


def test_a_name_is_text_on_paper_too() -> None:
    name = "<script>alert(1)</script><b>&amp;"
    receipt = receipts.issue(issuing.closed_period(WorkspaceFactory.create(name=name)).pk, now=NOW)

    assert name in text_of(pypdf.PdfReader(io.BytesIO(pdf.render(receipt))))


def test_simulated_data_wear_a_band() -> None:
    workspace = WorkspaceFactory.create(is_simulated=True)
    receipt = receipts.issue(issuing.closed_period(workspace).pk, now=NOW)

    text = text_of(pypdf.PdfReader(io.BytesIO(pdf.render(receipt))))

    assert "Simulated data: demonstration registry" in text


def test_a_stored_pdf_is_never_drawn_again() -> None:
    receipts.issue(issuing.closed_period().pk, now=NOW)

    assert documents.render_due(now=NOW) == 1
    assert documents.render_due(now=NOW) == 0

    document = ReceiptDocument.objects.get()
    assert storage.read(document.storage_name).startswith(b"%PDF-")


def test_without_a_font_nothing_is_drawn_and_nothing_crashes(tmp_path: Path) -> None:
    with pytest.raises(PdfUnavailableError, match="no font"):
        native.prepare(fonts=tmp_path)


def test_a_machine_without_font_configuration_gets_one_with_our_fonts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FONTCONFIG_FILE", "")
    monkeypatch.delenv("FONTCONFIG_FILE")

    native.prepare(configuration=tmp_path / "absent")

    assert str(native.FONTS) in Path(os.environ["FONTCONFIG_FILE"]).read_text()


def test_the_commands_issue_draw_and_check(capsys: pytest.CaptureFixture[str]) -> None:
    issuing.closed_period()

    call_command("issue_receipts")
    call_command("check_log")

    lines = capsys.readouterr().out.splitlines()
    receipt = CarbonReceipt.objects.get()
    assert receipt.public_id in lines
    assert lines[-1] == "2 entries, 2 under a checkpoint: ok"
    assert ReceiptDocument.objects.count() == 1
    assert invariant_violations() == []
