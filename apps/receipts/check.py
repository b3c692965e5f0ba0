"""What must always hold of receipts and the log, recomputed from the rows and compared."""

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal

from django.conf import settings

from apps.receipts import checkpoint as notes
from apps.receipts.canonical import canonicalize
from apps.receipts.errors import SigningKeyError
from apps.receipts.merkle import Tree, leaf_hash
from apps.receipts.models import CarbonReceipt
from apps.receipts.seeds import log_key
from apps.receipts.selectors import all_rows, inputs
from apps.receipts.services.log import allocation_entry
from apps.receipts.signing import verify_digest


def invariant_violations() -> list[str]:
    """Every fault, in words; empty when all is well."""
    return [*receipt_violations(), *log_violations(), *allocation_violations()]


def receipt_violations() -> Iterator[str]:
    """Each receipt states its period's figures, is its own hash, and is signed by its key."""
    for receipt in all_rows.receipts():
        yield from (f"receipt {receipt.public_id}: {fault}" for fault in _receipt_faults(receipt))


def log_violations() -> Iterator[str]:
    """The log is dense, each leaf and node is its hash, each checkpoint is signed and its root."""
    tree = Tree()
    for entry in all_rows.log_entries():
        if entry.index != len(tree):
            yield f"log: entry {len(tree)} is missing"
            return
        leaf = leaf_hash(bytes(entry.data))
        if bytes(entry.leaf_hash) != leaf:
            yield f"log: the leaf hash at {entry.index} is not of its entry"
        tree.append(leaf)
    yield from _node_faults(tree)
    yield from _checkpoint_faults(tree)


def allocation_violations() -> Iterator[str]:
    """Each allocation of a receipt's period stands in the log once, as it is."""
    for allocation in all_rows.receipted_allocations():
        entry = getattr(allocation, "log_entry", None)
        if entry is None:
            yield f"log: allocation {allocation.pk} is not logged"
            continue
        digest = bytes(entry.receipt.payload_sha256)
        same_period = entry.receipt.period_id == allocation.period_id
        if not same_period or bytes(entry.data) != allocation_entry(allocation, digest):
            yield f"log: entry {entry.index} is not allocation {allocation.pk}"


def _receipt_faults(receipt: CarbonReceipt) -> Iterator[str]:
    text = receipt.payload.encode()
    digest = hashlib.sha256(text).digest()
    payload = json.loads(text)
    period = receipt.period
    if bytes(receipt.payload_sha256) != digest or canonicalize(payload) != text:
        yield "its hash is not of its canonical payload"
    if not verify_digest(bytes(receipt.key.public_key), digest, bytes(receipt.signature)):
        yield "its signature does not hold"
    stated = [Decimal(payload["emissions"][name]) for name in ("co2e_grams", "energy_kwh")]
    if [*stated, int(payload["retirement"]["allocated_grams"])] != [
        period.co2e_grams,
        period.energy_kwh,
        period.retired_grams,
    ]:
        yield "it does not state its period's figures"
    if payload["emissions"]["inputs_sha256"] != f"sha256:{inputs.digest(period).hex()}":
        yield "it is not bound to its period's entries"
    if not all_rows.is_logged(receipt, digest):
        yield "it is not in the log"


def _node_faults(tree: Tree) -> Iterator[str]:
    expected = sum(len(tree) >> level for level in range(1, len(tree).bit_length()))
    found = 0
    for node in all_rows.log_nodes():
        found += 1
        is_inside = (node.index + 1) << node.level <= len(tree)
        if not is_inside or tree.node(node.level, node.index) != bytes(node.hash):
            yield f"log: the node at level {node.level}, index {node.index} is wrong"
    if found != expected:
        yield f"log: {found} nodes are stored, {expected} belong to {len(tree)} entries"


def _checkpoint_faults(tree: Tree) -> Iterator[str]:
    """All of one tree, and so each consistent with all others."""
    try:
        key = log_key()
    except SigningKeyError as refusal:
        yield f"log: {refusal.message}"
        return
    for checkpoint in all_rows.checkpoints():
        name = f"log: the checkpoint of size {checkpoint.size}"
        if checkpoint.size > len(tree):
            yield f"{name} is beyond the log"
            continue
        signed = notes.Checkpoint(settings.LOG_ORIGIN, checkpoint.size, tree.root(checkpoint.size))
        try:
            opened = notes.open_note(checkpoint.note, [key])
        except notes.NoteError as fault:
            yield f"{name} is not signed: {fault}"
            continue
        if opened.text != signed.text or bytes(checkpoint.root) != signed.root:
            yield f"{name} has another root than the log"
