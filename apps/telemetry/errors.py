"""What telemetry refuses, in words a client can act on."""

from apps.common.errors import ConflictError, InvalidError, NotFoundError, UnavailableError


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
