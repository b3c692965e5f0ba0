"""Ed25519 over bytes: seeds that do not leak, strict base64, multibase names of keys."""

import base64
import binascii
import hmac
from typing import NoReturn

import nacl.exceptions
import nacl.signing

SEED_BYTES = 32
DIGEST_BYTES = 32
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
_ED25519_MULTICODEC = b"\xed\x01"  # https://www.w3.org/TR/controller-document/#Multikey
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Seed:
    """The secret half of a key: never printed, never pickled, compared in constant time."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes")
        self._secret = bytes(secret)

    @classmethod
    def from_base64(cls, text: str) -> "Seed":
        try:
            return cls(decode_base64(text))
        except ValueError:
            # Without the cause: its message could carry the text.
            raise ValueError(f"a seed is the base64 of {SEED_BYTES} bytes") from None

    def signing_key(self) -> nacl.signing.SigningKey:
        return nacl.signing.SigningKey(self._secret)

    def __repr__(self) -> str:
        return "Seed(hidden)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Seed) and hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash(public_key(self))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a seed is not pickled")


def public_key(seed: Seed) -> bytes:
    return bytes(seed.signing_key().verify_key)


def sign(seed: Seed, message: bytes) -> bytes:
    """Plain Ed25519 (RFC 8032): the same seed and message always give the same 64 bytes."""
    return seed.signing_key().sign(message).signature


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature holds. A key or signature of a wrong length is simply not valid."""
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        nacl.signing.VerifyKey(public_key).verify(message, signature)
    except nacl.exceptions.BadSignatureError:
        return False
    return True


def sign_digest(seed: Seed, digest: bytes) -> bytes:
    """Sign the 32 raw bytes of a digest (not their hex text, and not Ed25519ph)."""
    if len(digest) != DIGEST_BYTES:
        raise ValueError(f"a digest has {DIGEST_BYTES} bytes")
    return sign(seed, digest)


def verify_digest(public_key: bytes, digest: bytes, signature: bytes) -> bool:
    return len(digest) == DIGEST_BYTES and verify(public_key, digest, signature)


def encode_base64(data: bytes) -> str:
    """Standard alphabet, padded (RFC 4648 section 4)."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Decode the one canonical spelling and refuse every other one of the same bytes."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None
    if encode_base64(data) != text:
        raise ValueError("not the canonical base64 of its bytes")
    return data


def public_key_multibase(public_key: bytes) -> str:
    """`z6Mk…`: the multikey form that DID documents use."""
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise ValueError(f"a public key has {PUBLIC_KEY_BYTES} bytes")
    return multibase_encode(_ED25519_MULTICODEC + public_key)


def multibase_encode(data: bytes) -> str:
    """`z` and base58btc, as multikeys and `proofValue` have it."""
    number = int.from_bytes(data, "big")
    digits = ""
    while number:
        number, rest = divmod(number, 58)
        digits = _BASE58[rest] + digits
    leading_zeros = len(data) - len(data.lstrip(b"\0"))
    return "z" + _BASE58[0] * leading_zeros + digits


def multibase_decode(text: str) -> bytes:
    digits = text.removeprefix("z")
    if digits == text or any(digit not in _BASE58 for digit in digits):
        raise ValueError("not base58btc with its prefix z")
    number = 0
    for digit in digits:
        number = number * 58 + _BASE58.index(digit)
    leading_zeros = len(digits) - len(digits.lstrip(_BASE58[0]))
    return b"\0" * leading_zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
