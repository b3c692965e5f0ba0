"""The form of an API key: typed prefix, lookup id, secret, checksum. Pure.

After GitHub's token format: a prefix that scanners find, and a CRC32 that tells a typo from a
revoked key without asking the database.
https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/
"""

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field
from typing import Final

ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
LOOKUP_LENGTH: Final = 10
SECRET_LENGTH: Final = 32  # 190 bits: a fast hash is enough to store it
CHECKSUM_LENGTH: Final = 6
MODES: Final = ("live", "test")

_FORM = re.compile(
    rf"(isv_(?P<mode>live|test)_sk_(?P<lookup_id>[0-9A-Za-z]{{{LOOKUP_LENGTH}}})"
    rf"[0-9A-Za-z]{{{SECRET_LENGTH}}})(?P<checksum>[0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)


class MalformedKeyError(ValueError):
    """Not a key of ours, or one with a typo."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key in clear. It is shown once and never stored."""

    text: str = field(repr=False)
    mode: str
    lookup_id: str

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.text.encode()).digest()


def generate(mode: str) -> Key:
    """A new random key."""
    if mode not in MODES:
        raise ValueError(f"no such mode: {mode}")
    body = f"isv_{mode}_sk_" + _random(LOOKUP_LENGTH + SECRET_LENGTH)
    return parse(body + checksum(body))


def parse(text: str) -> Key:
    """The key in the text, if its form and its checksum are right."""
    found = _FORM.fullmatch(text)
    if found is None or checksum(found[1]) != found["checksum"]:
        raise MalformedKeyError
    return Key(text=text, mode=found["mode"], lookup_id=found["lookup_id"])


def checksum(body: str) -> str:
    """CRC32 of everything before it, in base62, padded with zeros."""
    rest = zlib.crc32(body.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
