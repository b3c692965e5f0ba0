"""Moving provider keys between the stores, and under the current master key: row by row.

Killed anywhere, it is started again and does the rest: a row refers to its old secret until the new
one was read back, and only then is the old one deleted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import transaction

from apps.common import secret_stores
from apps.common.secret_stores import Store
from apps.telemetry.models import ProviderConnection
from apps.telemetry.services.connections import KEY_PURPOSE, LONGEST_WRITE, place_of
from apps.workspaces.models import Workspace


class Moved(StrEnum):
    MOVED = "moved"
    REWRAPPED = "rewrapped"  # it was in the keyring already, under an earlier master key
    THERE = "there already"
    CHANGED = "changed meanwhile"  # by a rotation or revocation, which chose a store itself


@dataclass(frozen=True, slots=True)
class Outcome:
    connection: ProviderConnection
    what: Moved


def to_move() -> int:
    """How many connections keep a key."""
    return int(_kept().count())


def move(store: Store, *, is_dry_run: bool) -> Iterator[Outcome]:
    """Bring each key to a store. Raises what a store raises; what was moved until then stays."""
    for connection in _kept().order_by("pk").iterator(chunk_size=200):
        yield Outcome(connection, _moved(connection, store, is_dry_run=is_dry_run))


def discard_leftovers(*, now: datetime, is_dry_run: bool) -> int:
    """Delete what interrupted writes left at AWS: of our workspaces, and no row refers to it.

    Secrets of a workspace that this database does not know may be another installation's.
    """
    ours = {str(one) for one in Workspace.objects.values_list("public_id", flat=True)}
    kept = set(_kept().values_list("sealed_key__arn", flat=True))
    found = [
        one
        for one, workspace in secret_stores.stored_at_aws(KEY_PURPOSE)
        if workspace in ours and one.arn not in kept and one.created_at < now - LONGEST_WRITE
    ]
    for one in found if not is_dry_run else []:
        secret_stores.discard({"store": "aws", "arn": one.arn})
    return len(found)


def _kept() -> Any:
    return ProviderConnection.objects.exclude(sealed_key=None).select_related("workspace")


def _moved(connection: ProviderConnection, store: Store, *, is_dry_run: bool) -> Moved:
    before: dict[str, Any] = connection.sealed_key or {}
    is_there = secret_stores.store_of(before) == store
    if is_there and (store == "aws" or before.get("kid") == secret_stores.keyring().current):
        return Moved.THERE
    what = Moved.REWRAPPED if is_there else Moved.MOVED
    if is_dry_run:
        return what
    return what if _replaced(connection, before, store) else Moved.CHANGED


def _replaced(connection: ProviderConnection, before: dict[str, Any], store: Store) -> bool:
    place = place_of(connection)
    secret = secret_stores.reveal(before, place, is_fresh=True)
    if secret_stores.store_of(before) == store:
        after = secret_stores.keyring().rewrap(before, aad=place.aad)
    else:
        after = secret_stores.seal(secret, place, store=store)
    if secret_stores.reveal(after, place, is_fresh=True) != secret:
        raise AssertionError(f"the key of {connection.public_id} was not read back as written")
    with transaction.atomic():
        locked = ProviderConnection.objects.select_for_update().get(pk=connection.pk)
        is_same = locked.sealed_key == before
        if is_same:
            locked.sealed_key = after
            locked.save(update_fields=["sealed_key"])
    secret_stores.discard(before if is_same else after)
    return is_same
