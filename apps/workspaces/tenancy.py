"""Acting for one workspace: PostgreSQL itself shows its rows and no others while it lasts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.db import Error, connection

from apps.workspaces.models import Workspace
from apps.workspaces.rls import TENANT_ROLE

_SWITCH = "SELECT set_config('role', %s, false), set_config('app.workspace_id', %s, false)"


class _SameConnection:
    """Refuses queries on a connection that was opened anew: it would see every workspace."""

    def __init__(self, opened: object) -> None:
        self._opened = opened

    def __call__(
        self,
        execute: Callable[..., Any],
        sql: str,
        params: Any,
        many: bool,  # noqa: FBT001 - Django hands it over by position
        context: dict[str, Any],
    ) -> Any:
        if context["connection"].connection is not self._opened:
            raise RuntimeError("the database connection was replaced while acting for a workspace")
        return execute(sql, params, many, context)


@contextmanager
def acting_for(workspace: Workspace) -> Iterator[None]:
    """Run as the tenants' role with this workspace's rows in sight. Not a transaction.

    The switch belongs to the session, so it works inside and outside transactions and a network
    call may happen within. It cannot be nested: whoever acts for one workspace acts for no other.
    """
    if is_acting():
        raise RuntimeError("already acting for a workspace")
    try:
        _switch(TENANT_ROLE, str(workspace.pk))
        with connection.execute_wrapper(_SameConnection(connection.connection)):
            yield
    except BaseException:
        with suppress(
            Error
        ):  # an aborted transaction, a lost server: the first fault is the one to tell
            _step_back()
        raise
    _step_back()


def is_acting() -> bool:
    """Whether this thread's connection acts for a workspace just now."""
    return any(isinstance(wrapper, _SameConnection) for wrapper in connection.execute_wrappers)


def _switch(role: str, workspace_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SWITCH, [role, workspace_id])


def _step_back() -> None:
    """Back to the login role, or no connection at all: the pool must not hand on a tenant's."""
    try:
        _switch("none", "")
    except BaseException:
        _discard()
        raise


def _discard() -> None:
    """Closed before it goes back, or the pool would hand it to the next request as it is."""
    with suppress(Exception):  # broken already; what counts is that nobody gets it
        if connection.connection is not None:
            connection.connection.close()
    connection.close()
