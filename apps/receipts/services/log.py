"""The public log: appending under one lock, and signing checkpoints that continue all earlier ones.

Every signed checkpoint is also kept outside the database, before anybody sees it. A database that
was restored from an older copy therefore cannot sign a second history.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction

from apps.billing.models import CreditAllocation
from apps.common.locks import transaction_lock
from apps.receipts import checkpoint as notes
from apps.receipts import kept_checkpoints
from apps.receipts.errors import LogInconsistentError
from apps.receipts.merkle import ProofError, leaf_hash, node_hash, verify_consistency
from apps.receipts.models import CarbonReceipt, Checkpoint, LogEntry, LogNode
from apps.receipts.seeds import log_key, log_seed
from apps.receipts.selectors.log_tree import (
    committed_size,
    consistency,
    latest_checkpoint,
    nodes,
    root_at,
)

log = structlog.get_logger(__name__)

ALLOCATION_ENTRY = b"\x01"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be appended for a receipt: its digest, or one of its allocations."""

    data: bytes
    allocation: CreditAllocation | None = None


def entries_of(digest: bytes, allocations: Sequence[CreditAllocation]) -> list[Entry]:
    """A receipt's entries in their order: the receipt itself, then each of its allocations."""
    return [Entry(digest), *(Entry(allocation_entry(a, digest), a) for a in allocations)]


def allocation_entry(allocation: CreditAllocation, digest: bytes) -> bytes:
    """`0x01`, length and text of the batch id, first and end gram in the batch, receipt digest."""
    batch = allocation.batch.public_id.encode("ascii")
    start: int = allocation.grams.lower - allocation.batch.grams.lower
    end: int = allocation.grams.upper - allocation.batch.grams.lower
    span = start.to_bytes(8, "big") + end.to_bytes(8, "big")
    return ALLOCATION_ENTRY + len(batch).to_bytes(1, "big") + batch + span + digest


def append(receipt: CarbonReceipt, entries: Sequence[Entry], *, now: datetime) -> int:
    """Append at the end of the log and answer the first index. The caller holds the log's lock."""
    size = committed_size()
    hashes = [leaf_hash(entry.data) for entry in entries]
    LogEntry.objects.bulk_create(
        LogEntry(
            index=size + offset,
            kind=LogEntry.Kind.RECEIPT if entry.allocation is None else LogEntry.Kind.ALLOCATION,
            data=entry.data,
            leaf_hash=hashes[offset],
            receipt=receipt,
            allocation=entry.allocation,
            appended_at=now,
        )
        for offset, entry in enumerate(entries)
    )
    LogNode.objects.bulk_create(_completed_nodes(size, hashes))
    return size


@transaction.atomic
def sign_checkpoint(*, now: datetime) -> Checkpoint | None:
    """Sign the log as it stands, if it has grown; None when there is nothing new. Safe to repeat.

    Refuses to sign what does not continue every checkpoint before it, in the database or outside.
    """
    transaction_lock("receipts-checkpoint")
    size = committed_size()
    last = latest_checkpoint()
    earlier = [*_as_notes(last), *_kept()]
    if not size and not earlier:
        return None
    _refuse_inconsistent(size, earlier)
    if last is not None and last.size == size:
        return None
    signed = notes.Checkpoint(settings.LOG_ORIGIN, size, root_at(size))
    note = notes.sign_checkpoint(signed, log_seed())
    kept_checkpoints.keep(log_key(), signed, note)
    checkpoint = Checkpoint.objects.create(size=size, root=signed.root, note=note, signed_at=now)
    log.info("checkpoint_signed", size=size)
    return checkpoint


def _as_notes(last: Checkpoint | None) -> list[notes.Checkpoint]:
    """The last checkpoint as its signed note says, not as the columns beside it do."""
    if last is None:
        return []
    return [_opened(last.note)]


def _kept() -> list[notes.Checkpoint]:
    note = kept_checkpoints.latest(log_key())
    return [_opened(note)] if note else []


def _opened(note: str) -> notes.Checkpoint:
    try:
        return notes.parse_checkpoint(notes.open_note(note, [log_key()]).text)
    except notes.NoteError as fault:
        raise _refusal(f"an earlier checkpoint is not signed by this log's key: {fault}") from fault


def _refuse_inconsistent(size: int, earlier: Sequence[notes.Checkpoint]) -> None:
    for before in earlier:
        if before.size > size:
            raise _refusal(
                f"a checkpoint of size {before.size} was signed, the database holds {size} entries"
            )
        try:
            verify_consistency(
                first=before.size,
                second=size,
                first_root=before.root,
                second_root=root_at(size),
                proof=consistency(before.size, size),
            )
        except ProofError as fault:
            raise _refusal(f"not a continuation of size {before.size}: {fault}") from fault


def _refusal(reason: str) -> LogInconsistentError:
    log.critical("log_inconsistent", reason=reason)
    return LogInconsistentError(
        f"The log signs nothing: {reason}. Restore the newest backup, or begin another log."
    )


def _completed_nodes(size: int, hashes: Sequence[bytes]) -> list[LogNode]:
    """Every full subtree that the new leaves complete, children before parents."""
    known = nodes((level, (size >> level) - 1) for level in range(63) if size >> level & 1)
    completed = []
    for index, value in enumerate(hashes, start=size):
        known[0, index] = value
        level, place, running = 0, index, value
        while place % 2:
            running = node_hash(known[level, place - 1], running)
            level, place = level + 1, place // 2
            known[level, place] = running
            completed.append(LogNode(level=level, index=place, hash=running))
    return completed
