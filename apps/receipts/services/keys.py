"""Publishing the public halves of the configured signing keys, and finding the one that signs."""

from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction

from apps.common.locks import transaction_lock
from apps.receipts.errors import SigningKeyError
from apps.receipts.models import SigningKey
from apps.receipts.seeds import receipt_seeds
from apps.receipts.selectors.log_tree import LOG_LOCK
from apps.receipts.signing import Seed, public_key

log = structlog.get_logger(__name__)

Status = SigningKey.Status


@dataclass(frozen=True, slots=True)
class Signer:
    """The key that signs new receipts, with its seed."""

    key: SigningKey
    seed: Seed


@transaction.atomic
def register(*, now: datetime) -> list[SigningKey]:
    """Publish every configured key that is new; the highest version signs. Safe to repeat.

    Published keys stay published when their seed is gone: their receipts verify unchanged. A
    version never gets another key. Answers with what was published now.
    """
    transaction_lock(LOG_LOCK)  # whoever signs holds it: no receipt falls between two keys
    seeds = receipt_seeds()
    if not seeds:
        raise SigningKeyError("RECEIPT_SIGNING_KEYS names no key")
    moment = now.replace(microsecond=0)  # receipts are issued at whole seconds
    stored = {key.key_version: key for key in SigningKey.objects.all()}
    _refuse_other_meaning(seeds, stored)
    newest = max(stored, default=0)
    if fresh_but_old := [
        version for version in seeds if version < newest and version not in stored
    ]:
        raise SigningKeyError(
            f"Key version {min(fresh_but_old)} is new, but version {newest} is published already"
        )
    fresh = sorted(version for version in seeds if version not in stored)
    if fresh:
        _retire_active(moment)
    return [_publish(version, seeds[version], max(fresh), moment) for version in fresh]


def current_signer() -> Signer:
    """The active key with its seed; refuses when there is none, or the seed is not its own."""
    key = SigningKey.objects.filter(status=Status.ACTIVE).first()
    if key is None:
        raise SigningKeyError("No signing key is published; run manage.py register_signing_keys")
    seed = receipt_seeds().get(key.key_version)
    if seed is None:
        raise SigningKeyError(f"The seed of key version {key.key_version} is not configured")
    _refuse_other_meaning({key.key_version: seed}, {key.key_version: key})
    return Signer(key, seed)


def _retire_active(moment: datetime) -> None:
    key = SigningKey.objects.filter(status=Status.ACTIVE).first()
    if key is None:
        return
    last = key.receipts.order_by("-issued_at").values_list("issued_at", flat=True).first()
    key.status = Status.RETIRED
    key.valid_until = max(moment, last) if last else moment
    key.save(update_fields=["status", "valid_until"])


def _publish(version: int, seed: Seed, newest: int, moment: datetime) -> SigningKey:
    is_newest = version == newest
    key = SigningKey.objects.create(
        key_version=version,
        public_key=public_key(seed),
        status=Status.ACTIVE if is_newest else Status.RETIRED,
        valid_from=moment,
        valid_until=None if is_newest else moment,
        created_at=moment,
    )
    log.info("signing_key_published", key_version=version, status=key.status)
    return key


def _refuse_other_meaning(seeds: dict[int, Seed], stored: dict[int, SigningKey]) -> None:
    for version, seed in seeds.items():
        key = stored.get(version)
        if key is not None and bytes(key.public_key) != public_key(seed):
            raise SigningKeyError(
                f"Key version {version} was published with another key; give it a new version"
            )
