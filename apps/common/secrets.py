"""Secrets at rest and in hand: a wrapper that never shows its text, and a ring of master keys.

Each secret is sealed under a data key of its own, and the data key under a master key, so that
changing the master key touches no ciphertext. Both layers are XChaCha20-Poly1305 and bound to the
place the secret belongs to: a sealed text copied into another row does not open there.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import nacl.exceptions
import nacl.secret
import nacl.utils

VERSION = 1
_KEY_BYTES = nacl.secret.Aead.KEY_SIZE
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")
_SHORTEST_WITH_HINT = 16


class SecretsError(Exception):
    """Something about a sealed secret is wrong. No message of this family carries a secret."""


class KeyringError(SecretsError):
    """The keyring's text is not `kid:base64[,kid:base64…]` with keys of 32 bytes."""


class UnknownKeyIdError(SecretsError):
    """The envelope names a master key that is not on the ring."""


class BrokenSealError(SecretsError):
    """The envelope was altered, or belongs to another place than the one that was named."""


class Secret:
    """A text that is `***` wherever it is shown. Only `reveal` gives it away."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    @property
    def hint(self) -> str:
        """The last four characters, to tell keys apart; none of a text too short to spare them."""
        return self._text[-4:] if len(self._text) >= _SHORTEST_WITH_HINT else ""

    def __repr__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            _bytes(self._text), _bytes(other._text)
        )

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


class Keyring:
    """Master keys by id. The first encrypts, all decrypt."""

    __slots__ = ("_keys", "current")

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys or any(len(key) != _KEY_BYTES for key in keys.values()):
            raise KeyringError(f"a keyring holds one or more keys of {_KEY_BYTES} bytes")
        self._keys = {kid: nacl.secret.Aead(key) for kid, key in keys.items()}
        self.current = next(iter(self._keys))

    @classmethod
    def from_text(cls, text: str) -> "Keyring":
        """Read `kid1:base64,kid0:base64`, the form in which the environment carries it."""
        keys: dict[str, bytes] = {}
        for position, entry in enumerate(text.split(","), start=1):
            kid, _, encoded = entry.strip().partition(":")
            key = _decoded(encoded)
            if not _KEY_ID.fullmatch(kid) or key is None or len(key) != _KEY_BYTES:
                raise KeyringError(
                    f"entry {position} is not `kid:` and {_KEY_BYTES} bytes as base64"
                )
            if kid in keys:
                raise KeyringError(f"the key id {kid} appears twice")
            keys[kid] = key
        return cls(keys)

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._keys)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a keyring is not pickled")

    def seal(self, secret: Secret, aad: str) -> dict[str, Any]:
        """Encrypt for the place that `aad` names: `purpose | workspace | connection`."""
        data_key = nacl.utils.random(_KEY_BYTES)
        blob = nacl.secret.Aead(data_key).encrypt(_bytes(secret.reveal()), _blob_aad(aad))
        return self._envelope(data_key, base64.b64encode(blob).decode(), aad)

    def open(self, envelope: Mapping[str, Any], aad: str) -> Secret:
        """Decrypt what `seal` made for the same place."""
        data_key = self._data_key(envelope, aad)
        text = _decrypted(nacl.secret.Aead(data_key), envelope.get("blob"), _blob_aad(aad))
        return Secret(text.decode("utf-8", "surrogatepass"))

    def rewrap(self, envelope: Mapping[str, Any], aad: str) -> dict[str, Any]:
        """The same secret under the current master key; the ciphertext itself is untouched."""
        data_key = self._data_key(envelope, aad)
        if envelope["kid"] == self.current:
            return dict(envelope)
        return self._envelope(data_key, envelope["blob"], aad)

    def _envelope(self, data_key: bytes, blob: str, aad: str) -> dict[str, Any]:
        wrapped = self._keys[self.current].encrypt(data_key, _key_aad(self.current, aad))
        return {
            "v": VERSION,
            "kid": self.current,
            "wrapped_key": base64.b64encode(wrapped).decode(),
            "blob": blob,
        }

    def _data_key(self, envelope: Mapping[str, Any], aad: str) -> bytes:
        kid = envelope.get("kid")
        if envelope.get("v") != VERSION or not isinstance(kid, str):
            raise BrokenSealError("not an envelope of a version known here")
        master = self._keys.get(kid)
        if master is None:
            raise UnknownKeyIdError(f"the master key {kid[:32]!r} is not on the ring")
        data_key = _decrypted(master, envelope.get("wrapped_key"), _key_aad(kid, aad))
        if len(data_key) != _KEY_BYTES:
            raise BrokenSealError("the wrapped key has a wrong length")
        return data_key


def _bytes(text: str) -> bytes:
    # JSON can carry half a surrogate pair; a failed encoding would show the text in its message.
    return text.encode("utf-8", "surrogatepass")


def _key_aad(kid: str, aad: str) -> bytes:
    return f"carbon-secret|v{VERSION}|key|{kid}|{aad}".encode()


def _blob_aad(aad: str) -> bytes:
    # Without the key id: rotation wraps the data key again and leaves the blob as it is.
    return f"carbon-secret|v{VERSION}|blob|{aad}".encode()


def _decrypted(box: nacl.secret.Aead, encoded: object, aad: bytes) -> bytes:
    sealed = _decoded(encoded)
    if sealed is None:
        raise BrokenSealError("a part of the envelope is not base64")
    try:
        return box.decrypt(sealed, aad)
    except (nacl.exceptions.CryptoError, ValueError):
        raise BrokenSealError("altered, or sealed for another place") from None


def _decoded(encoded: object) -> bytes | None:
    """Strict base64, or None."""
    if not isinstance(encoded, str):
        return None
    try:
        return base64.b64decode(encoded.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
