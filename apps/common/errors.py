"""Domain errors: a word of the domain (`code`) and a kind that decides the HTTP status. Pure."""

from collections.abc import Iterable
from typing import Any, ClassVar


class DomainError(Exception):
    """Something the domain refuses. `details` are facts a client can act on, never secrets."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class InvalidError(DomainError):
    status = 400
    code = "validation_error"


class UnauthorizedError(DomainError):
    status = 401
    code = "unauthorized"


class PaymentRequiredError(DomainError):
    """`billing_url` among the details is lifted beside them in the answer."""

    status = 402
    code = "payment_required"


class ForbiddenError(DomainError):
    status = 403
    code = "permission_denied"


class NotFoundError(DomainError):
    status = 404
    code = "not_found"


class ConflictError(DomainError):
    status = 409
    code = "conflict"


class PayloadTooLargeError(DomainError):
    status = 413
    code = "payload_too_large"


class UnprocessableError(DomainError):
    status = 422
    code = "validation_error"


class TooManyError(DomainError):
    """`retry_after`, seconds, among the details also becomes the header."""

    status = 429
    code = "rate_limit_exceeded"


class UnavailableError(DomainError):
    status = 503
    code = "service_unavailable"


def refuse_fields(faults: Iterable[tuple[str, str]]) -> None:
    """Raise InvalidError with every (field, sentence) by its field, if there is any."""
    fields: dict[str, list[str]] = {}
    for name, sentence in faults:
        fields.setdefault(name, []).append(sentence)
    for name, (sentence, *_) in fields.items():
        raise InvalidError(f"{name}: {sentence}", fields=fields)
