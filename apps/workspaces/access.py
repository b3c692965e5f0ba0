"""The bases of every view that needs a credential: for one workspace, for the platform, a page."""

from contextlib import ExitStack
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import SimpleTemplateResponse
from django.views import View
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from structlog.contextvars import bind_contextvars

from apps.common.api import ApiView
from apps.workspaces import openapi  # noqa: F401 - tells the API document about the credentials
from apps.workspaces.authentication import ApiKeyAuthentication, SessionAuthentication
from apps.workspaces.callers import actor_of_user, caller_of, membership_of, platform_actor_of
from apps.workspaces.errors import (
    InvalidWorkspaceError,
    NotAllowedError,
    NoWorkspaceError,
    WorkspaceClosedError,
)
from apps.workspaces.models import Membership, Workspace
from apps.workspaces.roles import RIGHT_OF_SCOPE, RIGHTS, Right
from apps.workspaces.tenancy import acting_for
from apps.workspaces.throttling import CallerThrottle


class WorkspaceApi(ApiView):
    """A view that acts for one workspace: the credential's, never one that the request claims.

    A handler runs as the tenants' database role, see `tenancy.acting_for`; it finds
    `self.workspace`, `self.actor` (for the audit trail) and `self.is_test`. What it needs follows
    from the method: READ, or `write_right` where something changes; `required_scope` says otherwise
    for all methods. A `workspace_id` in the path must name a workspace of the caller; a platform
    key acts for the one in the path.
    """

    authentication_classes = [ApiKeyAuthentication, SessionAuthentication]
    permission_classes = []  # the rights below say it all
    throttle_classes = [CallerThrottle]
    required_scope: ClassVar[str | None] = None
    write_right: ClassVar[Right] = Right.CONNECTIONS

    workspace: Workspace
    actor: str
    is_test: bool

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with ExitStack() as self._acting:
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method != "OPTIONS":  # asked without a credential, answered without a row
            self._acting.enter_context(acting_for(self.workspace))

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        caller = caller_of(request, _named_workspace(self.kwargs.get("workspace_id")))
        if self._needed(request) not in caller.rights:
            raise NotAllowedError(
                "This credential has not the right to do that.", needed=self._needed(request).value
            )
        if caller.workspace.closed_at is not None and self._needed(request) != Right.READ:
            raise WorkspaceClosedError("This workspace is closed: it can only be read.")
        self.workspace = caller.workspace
        self.actor = caller.actor
        self.is_test = caller.is_test
        bind_contextvars(workspace_id=str(caller.workspace.public_id))

    def handle_exception(self, exc: Exception) -> Response:
        # Leave as one who failed: where the database went away, that is the fault to answer.
        self._acting.__exit__(type(exc), exc, exc.__traceback__)
        return super().handle_exception(exc)

    def _needed(self, request: Request) -> Right:
        if self.required_scope is not None:
            return RIGHT_OF_SCOPE[self.required_scope]
        return Right.READ if request.method in SAFE_METHODS else self.write_right


class PlatformApi(ApiView):
    """A view for the operator's programs: a platform key, and every workspace in sight."""

    authentication_classes = [ApiKeyAuthentication]
    permission_classes = []  # the rights below say it all
    throttle_classes = [CallerThrottle]

    actor: str

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        self.actor = platform_actor_of(request)


class WorkspacePage(LoginRequiredMixin, View):
    """Put it first among a page's bases: `class Overview(WorkspacePage, TemplateView)`.

    A page finds `self.workspace`, `self.membership` and `self.actor`; it is rendered before the
    workspace is left, so a template may follow relations. Sessions are a table that the tenants'
    role cannot see: they were read before, and are written after the page has returned.
    """

    write_right: ClassVar[Right] = Right.CONNECTIONS

    membership: Membership
    workspace: Workspace
    actor: str

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not isinstance(request.user, User):
            return self.handle_no_permission()
        try:
            self.membership = membership_of(request)
        except NoWorkspaceError as refusal:
            if request.user.is_staff:  # an operator belongs to no workspace
                return redirect("admin:index")
            raise PermissionDenied(refusal.message) from refusal
        self.workspace = self.membership.workspace
        self.actor = actor_of_user(request.user)
        needed = Right.READ if request.method in SAFE_METHODS else self.write_right
        if self.membership.role not in RIGHTS[needed].roles:
            raise PermissionDenied
        bind_contextvars(workspace_id=str(self.workspace.public_id))
        with acting_for(self.workspace):
            response = super().dispatch(request, *args, **kwargs)
            if isinstance(response, SimpleTemplateResponse):
                response.render()
            return response


def _named_workspace(text: str | UUID | None) -> UUID | None:
    if text is None or isinstance(text, UUID):
        return text
    try:
        return UUID(text)
    except ValueError:
        raise InvalidWorkspaceError("This is not a UUID", field="workspace_id") from None
