"""Checkpoints of the log as C2SP signed notes: keys, signing, cosigning, opening.

A note is a text, an empty line and signature lines. A signature by a key we know must hold,
otherwise the whole note is refused; a signature by any other key is ignored.
https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint, https://c2sp.org/tlog-cosignature
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from apps.receipts.merkle import HASH_BYTES
from apps.receipts.signing import (
    PUBLIC_KEY_BYTES,
    Seed,
    decode_base64,
    encode_base64,
    public_key,
    sign,
    verify,
)

ED25519 = 0x01
COSIGNATURE = 0x04
_KEY_ID_BYTES = 4
_TIMESTAMP_BYTES = 8
_MAX_TIMESTAMP = 2**63 - 1
_MAX_SIGNATURES = 100
_DASH = "\u2014 "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_CHECKPOINT_LINES = 3


class NoteError(ValueError):
    """Not a note that we can trust: malformed, badly signed, or signed by nobody we know."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a note's key: name, kind of signature and 32 bytes."""

    name: str
    kind: int
    public_key: bytes

    def __post_init__(self) -> None:
        if not _is_key_name(self.name):
            raise NoteError("a key's name is not empty and holds neither spaces nor +")
        if self.kind not in (ED25519, COSIGNATURE) or len(self.public_key) != PUBLIC_KEY_BYTES:
            raise NoteError("not an Ed25519 key of a log or a witness")

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read `<name>+<8 hex>+<base64>`."""
        name, _, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            material = decode_base64(encoded)
        except ValueError as fault:
            raise NoteError("a verifier key does not end in base64") from fault
        if not material:
            raise NoteError("a verifier key names no key")
        key = cls(name, material[0], material[1:])
        if key.key_id.hex() != key_id:
            raise NoteError("a verifier key's id does not belong to its key")
        return key

    @property
    def key_id(self) -> bytes:
        named = self.name.encode() + b"\n" + bytes([self.kind]) + self.public_key
        return hashlib.sha256(named).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        material = encode_base64(bytes([self.kind]) + self.public_key)
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def accepts(self, text: str, signature: bytes) -> bool:
        """Whether the signature, without its key id, holds for the text of a note."""
        if self.kind == ED25519:
            return verify(self.public_key, text.encode(), signature)
        timestamp = int.from_bytes(signature[:_TIMESTAMP_BYTES], "big")
        message = _cosigned_message(text, timestamp)
        return timestamp <= _MAX_TIMESTAMP and verify(
            self.public_key, message, signature[_TIMESTAMP_BYTES:]
        )


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note that at least one known key signed."""

    text: str
    signers: tuple[VerifierKey, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one moment: its origin, its size, its root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a note's text as a checkpoint. Extension lines are refused: nobody can audit them."""
    lines = text.split("\n")
    if len(lines) != _CHECKPOINT_LINES + 1 or lines[-1] or not lines[0]:
        raise NoteError("a checkpoint has three lines: origin, size, root")
    origin, size, root = lines[:_CHECKPOINT_LINES]
    if not _SIZE.fullmatch(size):
        raise NoteError("a checkpoint's size is not a plain number")
    try:
        root_hash = decode_base64(root)
    except ValueError as fault:
        raise NoteError("a checkpoint's root is not base64") from fault
    if len(root_hash) != HASH_BYTES:
        raise NoteError(f"a checkpoint's root has {HASH_BYTES} bytes")
    return Checkpoint(origin, int(size), root_hash)


def sign_note(text: str, name: str, seed: Seed) -> str:
    """The note: the text, an empty line, one signature line. More lines may be appended."""
    _demand_note_text(text)
    key = VerifierKey(name, ED25519, public_key(seed))
    return f"{text}\n" + _signature_line(key, sign(seed, text.encode()))


def sign_checkpoint(checkpoint: Checkpoint, seed: Seed) -> str:
    """Sign under the log's own name, which is its origin."""
    parse_checkpoint(checkpoint.text)
    return sign_note(checkpoint.text, checkpoint.origin, seed)


def cosign(text: str, name: str, seed: Seed, *, timestamp: int) -> str:
    """A witness's signature line over a checkpoint's text: seen, and consistent, at this time."""
    _demand_note_text(text)
    key = VerifierKey(name, COSIGNATURE, public_key(seed))
    signature = sign(seed, _cosigned_message(text, timestamp))
    return _signature_line(key, timestamp.to_bytes(_TIMESTAMP_BYTES, "big") + signature)


def open_note(note: str, keys: Iterable[VerifierKey]) -> OpenedNote:
    """The text of a note that a known key signed, with everyone known who signed it."""
    if _CONTROL.search(note):
        raise NoteError("a note holds no control characters")
    text, gap, signatures = note.rpartition("\n\n")
    text += "\n"
    if not gap or not signatures.endswith("\n"):
        raise NoteError("a note is a text, an empty line and whole signature lines")
    lines = signatures[:-1].split("\n")
    if len(lines) > _MAX_SIGNATURES:
        raise NoteError(f"more than {_MAX_SIGNATURES} signatures")
    known = {(key.name, key.key_id): key for key in keys}
    signers: dict[VerifierKey, None] = {}
    for line in lines:
        name, key_id, signature = _parse_signature_line(line)
        key = known.get((name, key_id))
        if key is None:
            continue
        if not key.accepts(text, signature):
            raise NoteError(f"the signature of {name} does not hold")
        signers[key] = None
    if not signers:
        raise NoteError("no signature by a known key")
    return OpenedNote(text, tuple(signers))


def _parse_signature_line(line: str) -> tuple[str, bytes, bytes]:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    try:
        signature = decode_base64(encoded)
    except ValueError as fault:
        raise NoteError("a signature is not base64") from fault
    if not line.startswith(_DASH) or not _is_key_name(name) or len(signature) <= _KEY_ID_BYTES:
        raise NoteError("not a signature line")
    return name, signature[:_KEY_ID_BYTES], signature[_KEY_ID_BYTES:]


def _signature_line(key: VerifierKey, signature: bytes) -> str:
    return f"{_DASH}{key.name} {encode_base64(key.key_id + signature)}\n"


def _cosigned_message(text: str, timestamp: int) -> bytes:
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def _is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(letter.isspace() for letter in name)


def _demand_note_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text):
        raise NoteError("a note's text ends in a newline and holds no control characters")
