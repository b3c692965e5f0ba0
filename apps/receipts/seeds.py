"""The secret halves of the keys as configured, and what can be known without a database.

Nothing here touches the database: a receipt must be checkable while it is away.
"""

from datetime import UTC, datetime

from django.conf import settings

from apps.receipts.checkpoint import ED25519, VerifierKey
from apps.receipts.errors import SigningKeyError
from apps.receipts.key_directory import KeyDirectory, PublishedKey
from apps.receipts.signing import Seed, public_key
from apps.receipts.tlog_proof import LogTrust


def receipt_seeds() -> dict[int, Seed]:
    """Seeds by key version, from `RECEIPT_SIGNING_KEYS` (`1:<base64>,2:<base64>`)."""
    seeds: dict[int, Seed] = {}
    for item in filter(None, settings.RECEIPT_SIGNING_KEYS.split(",")):
        version, _, text = item.strip().partition(":")
        if not version.isascii() or not version.isdecimal() or int(version) in seeds:
            raise SigningKeyError(
                "RECEIPT_SIGNING_KEYS is a list of <version>:<base64>, each version once"
            )
        try:
            seeds[int(version)] = Seed.from_base64(text)
        except ValueError as fault:
            raise SigningKeyError(f"RECEIPT_SIGNING_KEYS, version {version}: {fault}") from None
    _refuse_equal([*seeds.values(), *filter(None, [_log_seed()])])
    return seeds


def log_seed() -> Seed:
    seed = _log_seed()
    if seed is None:
        raise SigningKeyError("LOG_SIGNING_KEY is not set")
    return seed


def log_key() -> VerifierKey:
    """The public half of the log's key, under the log's own name."""
    return VerifierKey(settings.LOG_ORIGIN, ED25519, public_key(log_seed()))


def log_trust() -> LogTrust:
    """Which log we believe: our own. No witness is known yet, so none is demanded."""
    return LogTrust(settings.LOG_ORIGIN, (log_key(),))


def configured_directory() -> KeyDirectory:
    """The public halves of the configured seeds. When they were valid, only the database knows."""
    return KeyDirectory(
        PublishedKey(
            key_version=version,
            public_key=public_key(seed),
            valid_from=datetime.min.replace(tzinfo=UTC),
            valid_until=None,
            status="active",
        )
        for version, seed in receipt_seeds().items()
    )


def _log_seed() -> Seed | None:
    try:
        return Seed.from_base64(settings.LOG_SIGNING_KEY) if settings.LOG_SIGNING_KEY else None
    except ValueError as fault:
        raise SigningKeyError(f"LOG_SIGNING_KEY: {fault}") from None


def _refuse_equal(seeds: list[Seed]) -> None:
    if len(set(seeds)) != len(seeds):
        raise SigningKeyError("Each signing key needs a seed of its own; two of them are equal")
