"""The issuer's published keys as a file: what `/api/v1/public/keys` answers, read back offline."""

from datetime import datetime
from typing import Any

from apps.receipts.canonical import strict_loads
from apps.receipts.checkpoint import VerifierKey
from apps.receipts.key_directory import KeyDirectory, PublishedKey
from apps.receipts.signing import decode_base64
from apps.receipts.tlog_proof import LogTrust


class PublishedKeysError(ValueError):
    """Not a file of published keys."""


def read(data: bytes) -> tuple[KeyDirectory, LogTrust]:
    """The keys to believe, and the log. Whoever saved the file vouches for where it came from."""
    try:
        document = strict_loads(data)
        keys = KeyDirectory(_key(row) for row in document["keys"])
        log_key = VerifierKey.parse(document["log"]["vkey"])
        return keys, LogTrust(document["log"]["origin"], (log_key,))
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise PublishedKeysError(f"not a file of published keys: {fault!r}") from fault


def _key(row: dict[str, Any]) -> PublishedKey:
    return PublishedKey(
        key_version=int(row["key_version"]),
        public_key=decode_base64(row["public_key"]),
        valid_from=datetime.fromisoformat(row["valid_from"]),
        valid_until=datetime.fromisoformat(row["valid_until"]) if row["valid_until"] else None,
        status=row["status"],
        distrust_after=row["distrust_after"],
    )
