"""Connecting a provider account: ask the provider, seal the key, route its events to a project.

A key is stored before the row that refers to it is committed, and deleted after the row that
referred to it is: whatever dies in between leaves a key too many, never one too few.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

from apps.common import secret_stores
from apps.common.outside import BusyError, RefusedError
from apps.common.secret_stores import Place
from apps.common.secrets import Secret
from apps.telemetry.connectors import CONNECTORS, connector
from apps.telemetry.connectors.base import Account
from apps.telemetry.errors import (
    ConnectionExistsError,
    ConnectionRevokedError,
    ConnectionValidationError,
    ProviderNotOfferedError,
    ProviderUnavailableError,
)
from apps.telemetry.models import ProviderConnection, Workload
from apps.workspaces.models import Project, Workspace
from apps.workspaces.services import audit, projects

Status = ProviderConnection.Status
KEY_PURPOSE: Final = "provider-key"
FIRST_RECONCILE: Final = timedelta(days=1)
FIRST_SWEEP: Final = timedelta(days=7)
LONGEST_WRITE: Final = timedelta(hours=1)
"""A stored key that no row refers to and that is older than this belongs to a write that died."""


def base_url(provider: str) -> str:
    """Where the provider's API is: by the settings, or else where it is for everyone."""
    kind = CONNECTORS[provider]
    url: str = settings.PROVIDER_BASE_URLS.get(provider) or kind.default_base_url
    if not url:
        raise ProviderNotOfferedError(
            sentence := f"{kind.label} is not set up on this server ({kind.base_url_setting})",
            fields={"provider": [sentence]},
        )
    return url


def offered() -> list[tuple[str, str]]:
    """The providers that can be connected on this server, by name and label."""
    own = settings.PROVIDER_BASE_URLS
    return [
        (name, kind.label)
        for name, kind in CONNECTORS.items()
        if own.get(name) or kind.default_base_url
    ]


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
    connection = _revoked_before(workspace, provider, ref) or ProviderConnection(
        workspace=workspace, provider=provider, account_ref=ref, created_at=now
    )
    connection.name = name
    connection.account_name = account.name
    connection.is_simulated = settings.SIMULATED_PROVIDERS
    try:
        with _sealed(connection, key) as sealed, transaction.atomic():
            _store(connection, key, sealed, project_id, actor=actor, now=now)
    except IntegrityError as refusal:
        if "connection_account_once" in str(refusal):
            raise _exists(provider) from refusal
        raise
    return connection


def rotate_key(
    connection: ProviderConnection, *, key: Secret, account: Account, actor: str, now: datetime
) -> ProviderConnection:
    """Replace the key by another of the same account; reading goes on where it stopped."""
    _refuse_key(connection, account)
    with _sealed(connection, key) as sealed, transaction.atomic():
        locked = ProviderConnection.objects.select_for_update().get(pk=connection.pk)
        _refuse_key(locked, account)
        replaced = locked.sealed_key
        locked.account_ref = account.ref or _ref_of_key(locked.provider, key)
        _arm(locked, key, sealed, now=now)
        locked.save()
        audit(locked.workspace, actor, "connection_key_rotated", locked.public_id, now=now)
    secret_stores.discard(replaced)
    secret_stores.discard_others(place_of(locked), sealed, before=now - LONGEST_WRITE)
    return locked


def revoke(connection: ProviderConnection, *, actor: str, now: datetime) -> ProviderConnection:
    """Destroy the key and stop reading; the history stays. Safe to repeat."""
    with transaction.atomic():
        locked = ProviderConnection.objects.select_for_update().get(pk=connection.pk)
        if locked.status == Status.REVOKED:
            return locked
        destroyed = locked.sealed_key
        locked.status = Status.REVOKED
        locked.sealed_key = None
        locked.next_poll_at = locked.next_reconcile_at = locked.next_sweep_at = None
        locked.updated_at = now
        locked.save()
        audit(locked.workspace, actor, "connection_revoked", locked.public_id, now=now)
    secret_stores.discard(destroyed)
    return locked


def reveal_key(connection: ProviderConnection) -> Secret:
    """The provider key in clear, for the length of one poll.

    Raises ConnectionRevokedError, SecretStoreUnavailableError, or SecretsError where no master key
    opens it.
    """
    if connection.sealed_key is None:
        raise ConnectionRevokedError("A revoked connection has no key")
    return secret_stores.reveal(connection.sealed_key, place_of(connection))


def place_of(connection: ProviderConnection) -> Place:
    """A sealed key opens only in the row it was sealed for."""
    return Place(KEY_PURPOSE, str(connection.workspace.public_id), connection.public_id)


def route(connection: ProviderConnection, project: Project, *, now: datetime) -> bool:
    """Send what is read from now on to the project; the history stays where it is."""
    active = Workload.objects.filter(connection=connection, is_active=True)
    if active.filter(project=project).exists():
        return False
    active.update(is_active=False)
    Workload.objects.create(
        workspace=connection.workspace, connection=connection, project=project, created_at=now
    )
    return True


@contextmanager
def _sealed(connection: ProviderConnection, key: Secret) -> Iterator[dict[str, Any]]:
    """The key, stored; deleted again where the row that refers to it was not committed."""
    sealed = secret_stores.seal(key, place_of(connection))
    try:
        yield sealed
    except Exception:
        secret_stores.discard(sealed)
        raise


def _store(
    connection: ProviderConnection,
    key: Secret,
    sealed: dict[str, Any],
    project_id: UUID | None,
    *,
    actor: str,
    now: datetime,
) -> None:
    workspace, provider = connection.workspace, connection.provider
    before = _revoked_before(workspace, provider, connection.account_ref, is_locked=True)
    if (before and before.pk) != connection.pk:  # revoked or taken up since the key was sealed
        raise _exists(provider)
    project = projects.open_project(workspace, project_id, now=now)
    action = "connection_reopened" if connection.pk else "connection_created"
    _arm(connection, key, sealed, now=now)
    connection.save()
    route(connection, project, now=now)
    audit(workspace, actor, action, connection.public_id, now=now)


def _arm(
    connection: ProviderConnection, key: Secret, sealed: dict[str, Any], *, now: datetime
) -> None:
    """Active with this key, forgetting what stopped it, and due at once."""
    connection.status = Status.ACTIVE
    connection.key_hint = key.hint
    connection.sealed_key = sealed
    connection.failure_kind = connection.failure_message = ""
    connection.failed_at = None
    connection.consecutive_failures = 0
    connection.next_poll_at = connection.updated_at = now
    connection.next_reconcile_at = connection.next_reconcile_at or now + FIRST_RECONCILE
    connection.next_sweep_at = connection.next_sweep_at or now + FIRST_SWEEP


def _refuse_key(connection: ProviderConnection, account: Account) -> None:
    if connection.status == Status.REVOKED:
        raise ConnectionRevokedError("A revoked connection has no key; connect it anew")
    if account.ref is not None and account.ref != connection.account_ref:
        raise ConnectionValidationError(
            "This key belongs to another account", provider=connection.provider
        )


def _exists(provider: str) -> ConnectionExistsError:
    return ConnectionExistsError(
        "This provider account is already connected to this workspace", provider=provider
    )


def _revoked_before(
    workspace: Workspace, provider: str, ref: str | None, *, is_locked: bool = False
) -> ProviderConnection | None:
    revoked = ProviderConnection.objects.filter(
        workspace=workspace, provider=provider, account_ref=ref, status=Status.REVOKED
    )
    return (revoked.select_for_update() if is_locked else revoked).order_by("-pk").first()


def _ref_of_key(provider: str, key: Secret) -> str:
    """For a provider that does not name the account: at least the same key is known again."""
    return "key:" + salted_hmac(f"account of {provider}", key.reveal()).hexdigest()
