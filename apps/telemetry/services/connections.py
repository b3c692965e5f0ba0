"""Connecting a provider account: ask the provider, seal the key, route its events to a project."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

from apps.common.outside import BusyError, RefusedError
from apps.common.secrets import Keyring, Secret
from apps.telemetry.connectors import connector
from apps.telemetry.connectors.base import Account
from apps.telemetry.errors import (
    ConnectionExistsError,
    ConnectionRevokedError,
    ConnectionValidationError,
    ProjectNotFoundError,
    ProviderUnavailableError,
)
from apps.telemetry.models import ProviderConnection, Workload
from apps.workspaces.models import Project, Workspace
from apps.workspaces.services import audit, default_project

Status = ProviderConnection.Status
BASE_URLS: Final = {
    "openai": "OPENAI_BASE_URL",
    "anthropic": "ANTHROPIC_BASE_URL",
    "openrouter": "OPENROUTER_BASE_URL",
}


def base_url(provider: str) -> str:
    """Where the provider's API is, by the settings."""
    url: str = getattr(settings, BASE_URLS[provider])
    return url


def ask_provider(provider: str, key: Secret, *, now: datetime) -> Account:
    """Whose account the key opens, by the provider's cheapest call. No transaction here."""
    try:
        return connector(provider, base_url(provider)).validate(key, now)
    except RefusedError as refusal:
        raise ConnectionValidationError(
            str(refusal), provider=provider, reason=refusal.kind
        ) from refusal
    except BusyError as busy:
        raise ProviderUnavailableError(
            "The provider could not be asked just now. Nothing was stored; try again.",
            provider=provider,
            retry_after=busy.retry_after,
        ) from busy


def connect(
    workspace: Workspace,
    *,
    provider: str,
    name: str,
    key: Secret,
    account: Account,
    project_id: UUID | None,
    actor: str,
    now: datetime,
) -> ProviderConnection:
    """Store a connection whose key the provider has accepted; the first poll is due at once.

    An account that was connected before and revoked is taken up where it was left: as another
    connection its past would be read, and counted, a second time.
    """
    ref = account.ref or _ref_of_key(provider, key)
    try:
        with transaction.atomic():
            project = _project(workspace, project_id, now=now)
            connection = _revoked_before(workspace, provider, ref) or ProviderConnection(
                workspace=workspace, provider=provider, account_ref=ref, created_at=now
            )
            action = "connection_reopened" if connection.pk else "connection_created"
            connection.name = name
            connection.account_name = account.name
            connection.is_simulated = settings.SIMULATED_PROVIDERS
            _arm(connection, key, now=now)
            connection.save()
            _route(connection, project, now=now)
            audit(workspace, actor, action, connection.public_id, now=now)
    except IntegrityError as refusal:
        if "connection_account_once" not in str(refusal):
            raise
        raise ConnectionExistsError(
            "This provider account is already connected to this workspace", provider=provider
        ) from refusal
    return connection


def rotate_key(
    connection: ProviderConnection, *, key: Secret, account: Account, actor: str, now: datetime
) -> ProviderConnection:
    """Replace the key by another of the same account; reading goes on where it stopped."""
    with transaction.atomic():
        locked = ProviderConnection.objects.select_for_update().get(pk=connection.pk)
        if locked.status == Status.REVOKED:
            raise ConnectionRevokedError("A revoked connection has no key; connect it anew")
        if account.ref is not None and account.ref != locked.account_ref:
            raise ConnectionValidationError(
                "This key belongs to another account", provider=locked.provider
            )
        locked.account_ref = account.ref or _ref_of_key(locked.provider, key)
        _arm(locked, key, now=now)
        locked.save()
        audit(locked.workspace, actor, "connection_key_rotated", locked.public_id, now=now)
    return locked


def revoke(connection: ProviderConnection, *, actor: str, now: datetime) -> ProviderConnection:
    """Destroy the key and stop reading; the history stays. Safe to repeat."""
    with transaction.atomic():
        locked = ProviderConnection.objects.select_for_update().get(pk=connection.pk)
        if locked.status == Status.REVOKED:
            return locked
        locked.status = Status.REVOKED
        locked.sealed_key = None
        locked.next_poll_at = None
        locked.updated_at = now
        locked.save(update_fields=["status", "sealed_key", "next_poll_at", "updated_at"])
        audit(locked.workspace, actor, "connection_revoked", locked.public_id, now=now)
    return locked


def retry(connection: ProviderConnection, *, actor: str, now: datetime) -> ProviderConnection:
    """Take a stopped connection up again: active, and due at once."""
    with transaction.atomic():
        locked = ProviderConnection.objects.select_for_update().get(pk=connection.pk)
        if locked.status == Status.REVOKED:
            raise ConnectionRevokedError("A revoked connection has no key; connect it anew")
        locked.status = Status.ACTIVE
        locked.next_poll_at = now
        locked.updated_at = now
        locked.save(update_fields=["status", "next_poll_at", "updated_at"])
        audit(locked.workspace, actor, "connection_retried", locked.public_id, now=now)
    return locked


def reveal_key(connection: ProviderConnection) -> Secret:
    """The provider key in clear, for the length of one poll."""
    if connection.sealed_key is None:
        raise ConnectionRevokedError("A revoked connection has no key")
    return _keyring().open(connection.sealed_key, aad=_bound_to(connection))


def _arm(connection: ProviderConnection, key: Secret, *, now: datetime) -> None:
    """Active with this key, forgetting what stopped it, and due at once."""
    connection.status = Status.ACTIVE
    connection.key_hint = key.hint
    connection.sealed_key = _keyring().seal(key, aad=_bound_to(connection))
    connection.failure_kind = connection.failure_message = ""
    connection.failed_at = None
    connection.consecutive_failures = 0
    connection.next_poll_at = connection.updated_at = now


def _revoked_before(workspace: Workspace, provider: str, ref: str) -> ProviderConnection | None:
    return (
        ProviderConnection.objects.select_for_update()
        .filter(workspace=workspace, provider=provider, account_ref=ref, status=Status.REVOKED)
        .order_by("-pk")
        .first()
    )


def _ref_of_key(provider: str, key: Secret) -> str:
    """For a provider that does not name the account: at least the same key is known again."""
    return "key:" + salted_hmac(f"account of {provider}", key.reveal()).hexdigest()


def _route(connection: ProviderConnection, project: Project, *, now: datetime) -> None:
    """Send what is read from now on to the project; the history stays where it is."""
    active = Workload.objects.filter(connection=connection, is_active=True)
    if active.filter(project=project).exists():
        return
    active.update(is_active=False)
    Workload.objects.create(
        workspace=connection.workspace, connection=connection, project=project, created_at=now
    )


def _project(workspace: Workspace, project_id: UUID | None, *, now: datetime) -> Project:
    if project_id is None:
        return default_project(workspace, now=now)
    project = Project.objects.filter(workspace=workspace, public_id=project_id).first()
    if project is None:
        raise ProjectNotFoundError("No such project in this workspace")
    return project


def _keyring() -> Keyring:
    return Keyring.from_text(settings.SECRET_KEYRING)


def _bound_to(connection: ProviderConnection) -> str:
    """A sealed key opens only in the row it was sealed for."""
    return f"provider-key|{connection.workspace.public_id}|{connection.public_id}"
