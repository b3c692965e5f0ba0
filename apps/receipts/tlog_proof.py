"""A proof that an entry stands in the log, in one text.

The format is https://c2sp.org/tlog-proof, version 1. It needs nothing
but the log's public key to be checked: the leaf's index, the hashes up to the root, and the signed
checkpoint with that root, verbatim.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from apps.receipts.checkpoint import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    NoteError,
    VerifierKey,
    open_note,
    parse_checkpoint,
)
from apps.receipts.merkle import HASH_BYTES, ProofError, leaf_hash, verify_inclusion
from apps.receipts.signing import decode_base64, encode_base64

_HEADER = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)
_MAX_HASHES = 63


@dataclass(frozen=True, slots=True)
class LogTrust:
    """Which log we believe, and how many of its known witnesses must have seen a checkpoint."""

    origin: str
    keys: tuple[VerifierKey, ...]
    witnesses: tuple[VerifierKey, ...] = ()
    witnesses_needed: int = 0

    def __post_init__(self) -> None:
        if any(key.kind != ED25519 for key in self.keys):
            raise ValueError("a log signs its checkpoints with a key of kind 1")
        if any(key.kind != COSIGNATURE for key in self.witnesses):
            raise ValueError("a witness cosigns with a key of kind 4")


@dataclass(frozen=True, slots=True)
class Inclusion:
    """What a proof showed: the entry's index under this checkpoint, and who witnessed that."""

    index: int
    checkpoint: Checkpoint
    witnesses: tuple[VerifierKey, ...]


@dataclass(frozen=True, slots=True)
class TlogProof:
    """The parts of a proof. Parsing checks the form, `verify` the truth."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str

    @classmethod
    def parse(cls, text: str) -> Self:
        head, _, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if lines.pop(0) != _HEADER:
            raise ProofError("not a tlog-proof of version 1")
        if lines and lines[0].startswith("extra "):
            _decoded(lines.pop(0).removeprefix("extra "))  # not authenticated, so not kept
        index = _INDEX.fullmatch(lines.pop(0)) if lines else None
        if index is None:
            raise ProofError("a proof names the index of its leaf")
        hashes = tuple(_decoded(line) for line in lines)
        if len(hashes) > _MAX_HASHES or any(len(value) != HASH_BYTES for value in hashes):
            raise ProofError("a proof has a few lines of one SHA-256 hash each")
        return cls(int(index[1]), hashes, checkpoint)

    def __str__(self) -> str:
        lines = [_HEADER, f"index {self.index}", *map(encode_base64, self.hashes)]
        return "\n".join(lines) + f"\n\n{self.checkpoint}"

    def verify(self, entry: bytes, trust: LogTrust) -> Inclusion:
        """Raise `ProofError` unless the entry is in the trusted log, as its policy demands."""
        try:
            log_note = open_note(self.checkpoint, trust.keys)
            checkpoint = parse_checkpoint(log_note.text)
        except NoteError as fault:
            raise ProofError(f"the checkpoint is not trusted: {fault}") from fault
        if checkpoint.origin != trust.origin:
            raise ProofError("the checkpoint is of another log")
        witnesses = _cosigners(self.checkpoint, trust.keys, trust.witnesses)
        if len(witnesses) < trust.witnesses_needed:
            raise ProofError(f"{len(witnesses)} of {trust.witnesses_needed} witnesses needed")
        verify_inclusion(
            leaf_hash(entry),
            index=self.index,
            size=checkpoint.size,
            proof=self.hashes,
            root=checkpoint.root,
        )
        return Inclusion(self.index, checkpoint, witnesses)


def _cosigners(
    checkpoint: str, log_keys: Iterable[VerifierKey], witnesses: tuple[VerifierKey, ...]
) -> tuple[VerifierKey, ...]:
    try:
        signers = open_note(checkpoint, [*log_keys, *witnesses]).signers
    except NoteError as fault:
        raise ProofError(f"a witness is misquoted: {fault}") from fault
    return tuple(key for key in signers if key in witnesses)


def _decoded(line: str) -> bytes:
    try:
        return decode_base64(line)
    except ValueError as fault:
        raise ProofError("a line of the proof is not base64") from fault
