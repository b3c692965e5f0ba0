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


class ProjectNameTakenError(ConflictError):
    """Names are unique within a workspace, whatever their case."""

    code = "project_name_taken"


class ProjectIsDefaultError(ConflictError):
    """A workspace has a default project at any time."""

    code = "project_is_default"


class ProjectArchivedError(ConflictError):
    """It takes no new usage, and nothing may begin to point at it."""

    code = "project_archived"


class ProjectNotFoundError(NotFoundError):
    """No such project in this workspace; another workspace's is not found either."""

    code = "project_not_found"


class InvalidWorkspaceError(UnprocessableError):
    code = "validation_error"


class WorkspaceNotFoundError(NotFoundError):
    """No such workspace, or one that the caller has no part in: the answer is the same."""


class NoWorkspaceError(ForbiddenError):
    """A signed-in person who belongs to no workspace."""


class WorkspaceClosedError(ForbiddenError):
    """Its past may be read; nothing is added to it, and nobody joins it."""

    code = "workspace_closed"


class NotAllowedError(ForbiddenError):
    """A known caller without the right."""


class CredentialError(UnauthorizedError):
    """No credential, or one that opens nothing."""


class AmbiguousCredentialError(InvalidError):
    """A key where keys do not belong, or two different ones."""
