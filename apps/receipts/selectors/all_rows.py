"""Every row there is, a few thousand in memory at a time: what the check of the whole reads."""

from collections.abc import Iterator

from apps.billing.models import CreditAllocation
from apps.receipts.models import CarbonReceipt, Checkpoint, LogEntry, LogNode

_CHUNK = 2000


def receipts() -> Iterator[CarbonReceipt]:
    """With their period and key, oldest first."""
    rows = CarbonReceipt.objects.select_related("period", "key").order_by("pk")
    return rows.iterator(chunk_size=_CHUNK)


def receipted_allocations() -> Iterator[CreditAllocation]:
    """The allocations of periods that have a receipt, with their log entry where there is one."""
    periods = CarbonReceipt.objects.filter(supersedes=None).values("period_id")
    rows = CreditAllocation.objects.filter(period_id__in=periods)
    rows = rows.select_related("batch", "log_entry__receipt").order_by("pk")
    return rows.iterator(chunk_size=_CHUNK)


def log_entries() -> Iterator[LogEntry]:
    return LogEntry.objects.order_by("index").iterator(chunk_size=_CHUNK)


def log_nodes() -> Iterator[LogNode]:
    return LogNode.objects.order_by("pk").iterator(chunk_size=_CHUNK)


def checkpoints() -> Iterator[Checkpoint]:
    return Checkpoint.objects.order_by("size").iterator(chunk_size=_CHUNK)


def is_logged(receipt: CarbonReceipt, digest: bytes) -> bool:
    return LogEntry.objects.filter(
        receipt=receipt, kind=LogEntry.Kind.RECEIPT, data=digest
    ).exists()
