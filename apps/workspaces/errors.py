"""What this app refuses, in its own words."""

from apps.common.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnauthorizedError,
    UnprocessableError,
)


class WorkspaceNameTakenError(ConflictError):
    """Names are unique over the whole installation, whatever their case."""


class AlreadyMemberError(ConflictError):
    """A person has one role in a workspace."""


class InvalidWorkspaceError(UnprocessableError):
    code = "validation_error"


class WorkspaceNotFoundError(NotFoundError):
    """No such workspace, or one that the caller has no part in: the answer is the same."""


class NoWorkspaceError(ForbiddenError):
    """A signed-in person who belongs to no workspace."""


class NotAllowedError(ForbiddenError):
    """A known caller without the right."""


class CredentialError(UnauthorizedError):
    """No credential, or one that opens nothing."""


class AmbiguousCredentialError(InvalidError):
    """A key where keys do not belong, or two different ones."""
