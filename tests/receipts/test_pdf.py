"""The PDF: one sheet that says what was signed, with the receipt file inside."""

import io
import os
from pathlib import Path

import pypdf
import pytest

from apps.receipts import pdf, selectors
from apps.receipts.services import receipts
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

    if kept := os.environ.get("KEEP_PDF"):
        Path(kept).write_bytes(pdf.render(receipt))
    assert len(reader.pages) == 1
    assert reader.attachments["receipt.json"] == [selectors.receipt_file(receipt)]
    text = text_of(reader)
    assert receipt.public_id in text
    assert "Acme Robotics GmbH" in text
    assert bytes(receipt.payload_sha256).hex()[:16] in text
    assert "it does not change the footprint" in text
