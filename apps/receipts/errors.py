"""What receipts refuses, in words a client or an operator can act on."""

from apps.common.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    PayloadTooLargeError,
    UnavailableError,
    UnprocessableError,
)


class ReceiptNotFoundError(NotFoundError):
    code = "receipt_not_found"


class ReceiptSignatureInvalidError(UnprocessableError):
    """Said only where the caller asked for a refusal instead of an answer."""

    code = "receipt_signature_invalid"


class ReceiptFileUnreadableError(InvalidError):
    """No receipt file at all; `reason` says whether it is not UTF-8 or malformed."""


class ReceiptFileTooLargeError(PayloadTooLargeError):
    pass


class ReceiptDocumentPendingError(UnavailableError):
    """The receipt is signed; only its PDF is not drawn yet."""

    code = "receipt_document_pending"


class ReceiptRefusedError(ConflictError):
    """The receipt would contradict itself or its records, so it is not signed; the period waits."""

    code = "receipt_refused"


class SigningKeyError(UnavailableError):
    """The configured seeds and the published keys do not fit together."""

    code = "signing_key_unusable"


class LogInconsistentError(UnavailableError):
    """The log is not a continuation of what it has signed: it signs nothing more."""

    code = "log_inconsistent"


class PdfUnavailableError(UnavailableError):
    """No PDF can be drawn on this machine; the message says what is missing."""

    code = "pdf_unavailable"
