"""What telemetry refuses, in words a client can act on."""

from apps.common.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    PaymentRequiredError,
    UnavailableError,
    UnprocessableError,
)


class ConnectionValidationError(InvalidError):
    """The provider refused the key."""

    code = "connection_validation_failed"


class ConnectionNotFoundError(NotFoundError):
    code = "connection_not_found"


class ConnectionRevokedError(ConflictError):
    code = "connection_revoked"


class ConnectionExistsError(ConflictError):
    """The provider account is already connected here."""

    code = "connection_exists"


class ProjectNotFoundError(NotFoundError):
    code = "project_not_found"


class ProviderUnavailableError(UnavailableError):
    """The provider could not be asked just now; the key may well be good."""

    code = "provider_unavailable"


class QuotaExceededError(PaymentRequiredError):
    """More live events than the plan includes this month."""


class IdempotencyKeyReusedError(ConflictError):
    """The key was used before with another body."""

    code = "idempotency_key_reused"


class OverrideNotFoundError(NotFoundError):
    code = "override_not_found"


class OverrideEndedError(ConflictError):
    """It was ended before, or its agreed time is over."""

    code = "override_ended"


class InvalidSampleError(UnprocessableError):
    """A sample of compute that cannot be meant; `fields` names the row and the member."""

    code = "validation_error"


class SampleExistsError(ConflictError):
    """The external id was used before for another sample."""

    code = "sample_exists"
