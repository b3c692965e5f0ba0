"""What the API and the pages hand out alike: the checks of a file, the file itself, the PDF."""

from django.http import HttpResponse

from apps.common import storage
from apps.receipts import selectors
from apps.receipts.errors import ReceiptDocumentPendingError
from apps.receipts.models import CarbonReceipt
from apps.receipts.seeds import log_trust
from apps.receipts.verification import Verification, verify


def checked(file: bytes) -> Verification:
    """All checks over a file, and for a valid one this system's word on its status."""
    keys, log = selectors.key_directory(), log_trust()
    answer = verify(file, keys, log)
    if answer.payload is None or not answer.valid:
        return answer
    return verify(file, keys, log, selectors.status_of(answer.payload))


def file_response(receipt: CarbonReceipt) -> HttpResponse:
    return _download(selectors.receipt_file(receipt), "application/json", receipt, "json")


def pdf_response(receipt: CarbonReceipt) -> HttpResponse:
    """The stored PDF; one that is not drawn yet is asked for again later."""
    document = getattr(receipt, "document", None)
    if document is None:
        raise ReceiptDocumentPendingError(
            "The receipt is signed; its PDF is not drawn yet", retry_after=30
        )
    return _download(storage.read(document.storage_name), "application/pdf", receipt, "pdf")


def _download(data: bytes, media_type: str, receipt: CarbonReceipt, suffix: str) -> HttpResponse:
    name = f"{receipt.public_id}.{suffix}"
    return HttpResponse(
        data,
        content_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
