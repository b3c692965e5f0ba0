"""What people do with a connection: pause and resume it, move it, read it now, try its key."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from django.db import transaction

from apps.common.outside import BusyError, RefusedError
from apps.common.secrets import Secret, SecretsError
from apps.telemetry.connectors import connector
from apps.telemetry.connectors.base import Account
from apps.telemetry.errors import (
    ConnectionPausedError,
    ConnectionRevokedError,
    ConnectionStoppedError,
    PollTooSoonError,
    ProviderUnavailableError,
)
from apps.telemetry.models import ProviderConnection
from apps.telemetry.services.advice import advice
from apps.telemetry.services.connections import base_url, reveal_key, route
from apps.telemetry.services.outcomes import STOPPING_KINDS
from apps.telemetry.services.pacing import account_of, take_turn
from apps.workspaces.services import audit, projects

Status = ProviderConnection.Status
Wanted = Literal["active", "paused"]
BETWEEN_ASKED_POLLS: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be different; None stays as it is."""

    name: str | None = None
    status: Wanted | None = None
    project_id: UUID | None = None


def change(
    connection: ProviderConnection, wanted: Change, *, actor: str, now: datetime
) -> ProviderConnection:
    """Rename, pause, resume or move a connection: all that is wanted, or nothing. Safe to repeat.

    What was read before it is moved stays with the project it was read for.
    """
    with transaction.atomic():
        locked = _locked(connection)
        done = []
        if wanted.name is not None and wanted.name != locked.name:
            locked.name = wanted.name
            done.append("connection_renamed")
        if wanted.status is not None and _switched(locked, wanted.status, now):
            resumed = wanted.status == "active"
            done.append("connection_resumed" if resumed else "connection_paused")
        if wanted.project_id is not None:
            project = projects.open_project(locked.workspace, wanted.project_id, now=now)
            if route(locked, project, now=now):
                done.append("connection_moved")
        if done:
            locked.updated_at = now
            locked.save(update_fields=["name", "status", "next_poll_at", "updated_at"])
        for action in done:
            audit(locked.workspace, actor, action, locked.public_id, now=now)
    return locked


def pause(connection: ProviderConnection, *, actor: str, now: datetime) -> ProviderConnection:
    """Read nothing until it is resumed."""
    return change(connection, Change(status="paused"), actor=actor, now=now)


def resume(connection: ProviderConnection, *, actor: str, now: datetime) -> ProviderConnection:
    """Take a paused or stopped connection up again: active, and due at once."""
    return change(connection, Change(status="active"), actor=actor, now=now)


def ask_for_poll(
    connection: ProviderConnection, *, actor: str, now: datetime
) -> ProviderConnection:
    """Make a connection due now, at most once a minute, and not before the provider allows it."""
    with transaction.atomic():
        locked = _locked(connection)
        if locked.status == Status.PAUSED:
            raise ConnectionPausedError("The connection is paused; resume it first")
        if locked.status == Status.ERROR:
            raise ConnectionStoppedError(advice(locked.failure_kind), reason=locked.failure_kind)
        allowed_at = _allowed_at(locked, now)
        if now < allowed_at:
            seconds = int((allowed_at - now).total_seconds()) + 1
            raise PollTooSoonError("It was read, or asked for, just now", retry_after=seconds)
        locked.next_poll_at = locked.updated_at = now
        locked.save(update_fields=["next_poll_at", "updated_at"])
        audit(locked.workspace, actor, "connection_poll_asked", locked.public_id, now=now)
    return locked


def try_key(connection: ProviderConnection, *, actor: str, now: datetime) -> ProviderConnection:
    """Ask the provider whether it still accepts the stored key, and let the connection say so.

    Raises ProviderUnavailableError when nothing was learnt; then nothing is changed.
    """
    if connection.status == Status.REVOKED:
        raise _revoked()
    try:
        account, refusal = _asked(connection, reveal_key(connection), now), None
    except RefusedError as refused:
        account, refusal = None, refused
    except (BusyError, SecretsError) as busy:
        raise ProviderUnavailableError(
            "The key could not be tried just now. Nothing was changed; try again.",
            provider=connection.provider,
            retry_after=getattr(busy, "retry_after", None),
        ) from None
    with transaction.atomic():
        locked = _locked(connection)
        if locked.sealed_key != connection.sealed_key:
            return locked  # it has got another key meanwhile, of which nothing was learnt
        if account is not None:
            _accepted(locked, account, now)
        if refusal is not None:
            _refused(locked, refusal, now)
        locked.updated_at = now
        locked.save()
        told = {"accepted": refusal is None}
        action = "connection_key_tried"
        audit(locked.workspace, actor, action, locked.public_id, now=now, details=told)
    return locked


def _asked(connection: ProviderConnection, key: Secret, now: datetime) -> Account:
    meter = connector(connection.provider, base_url(connection.provider))
    take_turn(account_of(connection), meter.requests_per_minute)
    return meter.validate(key, now)


def _accepted(connection: ProviderConnection, account: Account, now: datetime) -> None:
    connection.account_name = account.name
    connection.failure_kind = connection.failure_message = ""
    connection.failed_at = None
    connection.consecutive_failures = 0
    if connection.status == Status.ERROR:
        connection.status = Status.ACTIVE
        connection.next_poll_at = now


def _refused(connection: ProviderConnection, refusal: RefusedError, now: datetime) -> None:
    connection.failure_kind = refusal.kind
    connection.failure_message = str(refusal)[:500]
    connection.failed_at = now
    if refusal.kind in STOPPING_KINDS and connection.status == Status.ACTIVE:
        connection.status = Status.ERROR
        connection.next_poll_at = None


def _switched(connection: ProviderConnection, wanted: Wanted, now: datetime) -> bool:
    if connection.status == wanted:
        return False
    connection.status = Status(wanted)
    connection.next_poll_at = now if wanted == "active" else None
    return True


def _allowed_at(connection: ProviderConnection, now: datetime) -> datetime:
    """A minute after the last reading, or after it was last due; where we are to wait, then."""
    due = connection.next_poll_at
    if connection.failure_kind == "rate_limited" and due is not None and due > now:
        return due
    times = [at for at in (connection.last_polled_at, due) if at is not None and at <= now]
    return max(times) + BETWEEN_ASKED_POLLS if times else now


def _locked(connection: ProviderConnection) -> ProviderConnection:
    locked = ProviderConnection.objects.select_for_update().get(pk=connection.pk)
    if locked.status == Status.REVOKED:
        raise _revoked()
    return locked


def _revoked() -> ConnectionRevokedError:
    return ConnectionRevokedError("A revoked connection has no key; connect it anew")
