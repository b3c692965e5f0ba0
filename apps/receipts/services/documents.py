"""Drawing receipts' PDFs, once each, and storing them for good."""

from datetime import datetime

import structlog
from django.db import IntegrityError, transaction

from apps.common import storage
from apps.common.locks import try_session_lock
from apps.receipts import native, pdf
from apps.receipts.errors import PdfUnavailableError
from apps.receipts.models import CarbonReceipt, ReceiptDocument
from apps.receipts.selectors import receipts_without_document

log = structlog.get_logger(__name__)


def render_due(*, now: datetime) -> int:
    """Draw the PDFs that are missing; answer how many were. Safe to repeat.

    Where PDFs cannot be drawn the receipts stay signed and shown, and the reason is logged.
    """
    with try_session_lock("receipts-documents") as is_mine:
        waiting = receipts_without_document() if is_mine else CarbonReceipt.objects.none()
        if not waiting.exists():
            return 0
        if reason := why_pending():
            log.warning("documents_pending", reason=reason, receipts=waiting.count())
            return 0
        return sum(render(receipt, now=now) for receipt in waiting.iterator(chunk_size=100))


def render(receipt: CarbonReceipt, *, now: datetime) -> bool:
    """Draw and store one PDF; False when it is there already. A stored one is never redrawn."""
    if ReceiptDocument.objects.filter(receipt=receipt).exists():
        return False
    artifact = storage.store(f"receipts/{receipt.public_id}.pdf", pdf.render(receipt))
    try:
        with transaction.atomic():
            ReceiptDocument.objects.create(
                receipt=receipt,
                workspace_id=receipt.workspace_id,
                storage_name=artifact.name,
                sha256=artifact.sha256,
                size=artifact.size,
                rendered_at=now,
            )
    except IntegrityError:
        return False  # another worker stored its own drawing first
    log.info("document_stored", receipt_id=receipt.public_id, sha256=artifact.sha256)
    return True


def why_pending() -> str:
    """Why PDFs cannot be drawn here; empty when they can."""
    try:
        native.prepare()
    except PdfUnavailableError as refusal:
        return refusal.message
    return ""
