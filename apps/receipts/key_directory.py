"""The published keys that a verifier believes, and for which receipts it believes them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedKey:
    """One version of the signing key. `status` is `next`, `active`, `retired` or `revoked`.

    A revoked key is still believed for receipts that the log shows before `distrust_after`
    leaves; without that number, for none.
    """

    key_version: int
    public_key: bytes
    valid_from: datetime
    valid_until: datetime | None
    status: str
    distrust_after: int | None = None

    @property
    def is_revoked(self) -> bool:
        return self.status == REVOKED

    def is_valid_at(self, moment: datetime) -> bool:
        """Both ends included."""
        return self.valid_from <= moment and (
            self.valid_until is None or moment <= self.valid_until
        )


class KeyDirectory:
    """All keys ever published, by version. A key that stands in a receipt file is never used."""

    def __init__(self, keys: Iterable[PublishedKey]) -> None:
        self._by_version = {key.key_version: key for key in keys}

    def find(self, key_version: int) -> PublishedKey | None:
        return self._by_version.get(key_version)
