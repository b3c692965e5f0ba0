"""Who acts, for which workspace, with what rights: from a key, or from a person's membership."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from rest_framework.request import Request

from apps.workspaces import selectors
from apps.workspaces.errors import (
    CredentialError,
    NotAllowedError,
    NoWorkspaceError,
    WorkspaceNotFoundError,
)
from apps.workspaces.models import ApiKey, Membership, Workspace
from apps.workspaces.roles import PLATFORM_SCOPE, RIGHTS, Right

CHOSEN: Final = "workspace"
"""Where a session keeps the public id of the workspace its person chose."""
ANYBODY: Final = "anybody"
"""The actor while AUTH_ENABLED is off, which a system check allows with DEBUG only."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who acts, for which workspace, with what rights."""

    workspace: Workspace
    actor: str
    rights: frozenset[Right]
    is_test: bool = False


def actor_of_key(key: ApiKey) -> str:
    return f"key:{key.public_id}"


def actor_of_user(user: User) -> str:
    return f"user:{user.pk}"


def membership_of(request: HttpRequest) -> Membership:
    """The signed-in person's membership: of the chosen workspace, else of the first."""
    memberships = selectors.memberships_of(_signed_in(request))
    chosen = request.session.get(CHOSEN)
    membership = (
        memberships.filter(workspace__public_id=chosen).first() if chosen else None
    ) or memberships.first()
    if membership is None:
        raise NoWorkspaceError("You belong to no workspace yet. Ask an owner to add you.")
    return membership


def choose_workspace(request: HttpRequest, public_id: UUID) -> Workspace:
    """Remember in the session which of their workspaces a person works in."""
    membership = _membership_in(_signed_in(request), public_id)
    request.session[CHOSEN] = str(public_id)
    return membership.workspace


def caller_of(request: Request, named: UUID | None) -> Caller:
    if isinstance(request.auth, ApiKey):
        return _key_caller(request.auth, named)
    if isinstance(request.user, User):
        return _person_caller(request, named)
    if settings.AUTH_ENABLED or named is None:
        raise _nobody()
    return Caller(selectors.workspace_by_public_id(named), ANYBODY, frozenset(Right))


def platform_actor_of(request: Request) -> str:
    """The operator's program that asks, or a refusal."""
    key = request.auth
    if isinstance(key, ApiKey):
        if not (key.is_platform and PLATFORM_SCOPE in key.scopes):
            raise NotAllowedError("This needs a platform key.", needed=PLATFORM_SCOPE)
        return actor_of_key(key)
    if settings.AUTH_ENABLED:
        raise _nobody()
    return ANYBODY


def _key_caller(key: ApiKey, named: UUID | None) -> Caller:
    scopes = set(key.scopes)
    if key.is_platform:
        if named is None:
            raise NoWorkspaceError("A platform key acts only for a workspace named in the path.")
        workspace = selectors.workspace_by_public_id(named)
        scopes.add("read")  # the operator's programs read every workspace
    else:
        workspace = _own(key.workspace, named)
    rights = frozenset(right for right, holders in RIGHTS.items() if holders.scope in scopes)
    return Caller(workspace, actor_of_key(key), rights, is_test=key.mode == ApiKey.Mode.TEST)


def _person_caller(request: Request, named: UUID | None) -> Caller:
    user = _signed_in(request)
    membership = membership_of(request) if named is None else _membership_in(user, named)
    rights = frozenset(
        right for right, holders in RIGHTS.items() if membership.role in holders.roles
    )
    return Caller(membership.workspace, actor_of_user(user), rights)


def _own(workspace: Workspace | None, named: UUID | None) -> Workspace:
    if workspace is None or named not in (None, workspace.public_id):
        raise _no_such_workspace()
    return workspace


def _membership_in(user: User, public_id: UUID) -> Membership:
    membership = selectors.memberships_of(user).filter(workspace__public_id=public_id).first()
    if membership is None:
        raise _no_such_workspace()
    return membership


def _signed_in(request: HttpRequest | Request) -> User:
    if not isinstance(request.user, User):
        raise _nobody()
    return request.user


def _nobody() -> CredentialError:
    return CredentialError("Send an API key: Authorization: Bearer isv_…")


def _no_such_workspace() -> WorkspaceNotFoundError:
    return WorkspaceNotFoundError("No such workspace")
