"""What receipts reads: periods that wait for one, receipts that may be shown, their files."""

import json
from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from apps.billing.models import BillingPeriod, CreditAllocation, Settlement
from apps.emissions.models import FactorSet
from apps.receipts.canonical import canonicalize, digest
from apps.receipts.envelope import assemble_envelope
from apps.receipts.errors import ReceiptNotFoundError
from apps.receipts.key_directory import KeyDirectory, PublishedKey
from apps.receipts.models import CarbonReceipt, Checkpoint, LogEntry, SigningKey
from apps.receipts.selectors.log_tree import inclusion, published_size
from apps.receipts.tlog_proof import TlogProof
from apps.receipts.verification import ReceiptStatus
from apps.workspaces.models import Workspace


def waiting_period_ids() -> list[int]:
    """Closed periods without a receipt, the longest closed first."""
    return list(
        BillingPeriod.objects.filter(status=BillingPeriod.Status.CLOSED, receipts__isnull=True)
        .order_by("closed_at", "pk")
        .values_list("pk", flat=True)
    )


def allocations_of(period: BillingPeriod) -> QuerySet[CreditAllocation]:
    return (
        CreditAllocation.objects.filter(period=period)
        .select_related("batch", "order")
        .order_by("pk")
    )


def factor_sets_of(period: BillingPeriod) -> list[FactorSet]:
    """The factor sets of a period's entries, newest first; the current one if it has none."""
    entries = Settlement.objects.filter(period=period)
    used = FactorSet.objects.filter(pk__in=entries.values("entry__factor_set_id"))
    found = used.defer("document").order_by("-effective_from", "-pk")
    return list(found) or list(FactorSet.objects.filter(is_current=True).defer("document"))


def is_simulated(period: BillingPeriod, allocations: Sequence[CreditAllocation]) -> bool:
    """Whether the usage came from the simulator, or a credit from a demonstration registry."""
    return period.workspace.is_simulated or any(
        allocation.batch.is_demonstration for allocation in allocations
    )


def shown_receipts() -> QuerySet[CarbonReceipt]:
    """Receipts that a checkpoint covers; the others are not ready to be shown to anybody."""
    covered = LogEntry.objects.filter(
        receipt=OuterRef("pk"), kind=LogEntry.Kind.RECEIPT, index__lt=published_size()
    )
    return CarbonReceipt.objects.filter(Exists(covered)).select_related(
        "period", "workspace", "key", "document"
    )


def receipts_of(workspace: Workspace) -> QuerySet[CarbonReceipt]:
    """A workspace's receipts, newest first."""
    return shown_receipts().filter(workspace=workspace).order_by("-issued_at", "-pk")


def receipt_by_id(public_id: str) -> CarbonReceipt:
    """Any receipt, for whoever holds its id."""
    return _found(shown_receipts(), public_id)


def receipt_of(workspace: Workspace, public_id: str) -> CarbonReceipt:
    return _found(receipts_of(workspace), public_id)


def place_in_log(receipt: CarbonReceipt) -> tuple[int, Checkpoint]:
    """The receipt's index, and the earliest checkpoint that covers it."""
    index = LogEntry.objects.values_list("index", flat=True).get(
        receipt=receipt, kind=LogEntry.Kind.RECEIPT
    )
    checkpoint = Checkpoint.objects.filter(size__gt=index).order_by("size").first()
    if checkpoint is None:
        raise ReceiptNotFoundError("There is no such receipt")
    return index, checkpoint


def payload_of(receipt: CarbonReceipt) -> dict[str, Any]:
    """The payload as it was signed."""
    payload: dict[str, Any] = json.loads(receipt.payload)
    return payload


def envelope_of(receipt: CarbonReceipt) -> dict[str, Any]:
    """The receipt file's content, with the proof of its place in the log. Always the same."""
    index, checkpoint = place_in_log(receipt)
    proof = TlogProof(index, tuple(inclusion(index, checkpoint.size)), checkpoint.note)
    signature = bytes(receipt.signature)
    return assemble_envelope(payload_of(receipt), signature, receipt.key_id, str(proof))


def receipt_file(receipt: CarbonReceipt) -> bytes:
    """The receipt file in canonical form: the same bytes in every download and in the PDF."""
    return canonicalize(envelope_of(receipt))


def published_keys() -> QuerySet[SigningKey]:
    """Every key that was ever published, oldest first."""
    return SigningKey.objects.order_by("key_version")


def key_directory() -> KeyDirectory:
    """The same keys, as a verifier asks for them."""
    return KeyDirectory(
        PublishedKey(
            key_version=key.key_version,
            public_key=bytes(key.public_key),
            valid_from=key.valid_from,
            valid_until=key.valid_until,
            status=key.status,
            distrust_after=key.distrust_after,
        )
        for key in published_keys()
    )


def status_of(payload: dict[str, Any]) -> ReceiptStatus | None:
    """What this system says today of a payload it has signed; None for any other."""
    receipt = (
        CarbonReceipt.objects.filter(payload_sha256=digest(payload))
        .select_related("superseded_by")
        .first()
    )
    if receipt is None:
        return None
    successor = getattr(receipt, "superseded_by", None)
    if successor is not None:
        return ReceiptStatus("superseded", f"Superseded by receipt {successor.public_id}.")
    return ReceiptStatus("current", "The issuer's records hold this receipt as current.")


def receipts_without_document() -> QuerySet[CarbonReceipt]:
    """Receipts whose PDF is not drawn yet, oldest first."""
    return shown_receipts().filter(document__isnull=True).order_by("issued_at", "pk")


def _found(receipts: QuerySet[CarbonReceipt], public_id: str) -> CarbonReceipt:
    # PostgreSQL cannot even be asked for a text with NUL in it.
    receipt = None if "\0" in public_id else receipts.filter(public_id=public_id).first()
    if receipt is None:
        raise ReceiptNotFoundError("There is no such receipt")
    return receipt
