"""What can be proved: signing keys, receipts, and the public log with its signed checkpoints."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.billing.models import BillingPeriod, CreditAllocation
from apps.workspaces.models import Workspace


class SigningKey(models.Model):
    """The public half of a key that signs receipts. The seed lives outside the database."""

    class Status(models.TextChoices):
        NEXT = "next"
        ACTIVE = "active"
        RETIRED = "retired"
        REVOKED = "revoked"

    key_version = models.PositiveIntegerField(primary_key=True)
    public_key = models.BinaryField(max_length=32)
    status = models.CharField(max_length=8, choices=Status)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    revoked_reason = models.CharField(max_length=300, blank=True)
    distrust_after = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["public_key"], name="key_public_once"),
            models.UniqueConstraint(
                fields=["status"], condition=Q(status="active"), name="key_one_active"
            ),
        ]
        ordering: ClassVar = ["-key_version"]

    def __str__(self) -> str:
        return f"key {self.key_version} ({self.status})"


class CarbonReceipt(models.Model):
    """The signed statement of a closed period, byte for byte as it was signed. Append-only."""

    id = models.BigAutoField(primary_key=True)
    public_id = models.CharField(max_length=40, unique=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="receipts")
    period = models.ForeignKey(
        BillingPeriod, on_delete=models.PROTECT, related_name="receipts", db_constraint=False
    )
    payload = models.TextField()
    """The canonical JSON text. Text and not jsonb: jsonb would not give back the signed bytes."""
    payload_sha256 = models.BinaryField(max_length=32, unique=True)
    signature = models.BinaryField(max_length=64)
    key = models.ForeignKey(SigningKey, on_delete=models.PROTECT, related_name="receipts")
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="superseded_by"
    )
    issued_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "id"], name="receipt_in_workspace"),
            models.UniqueConstraint(
                fields=["period"], condition=Q(supersedes__isnull=True), name="receipt_one_original"
            ),
        ]
        ordering: ClassVar = ["-issued_at", "-id"]

    def __str__(self) -> str:
        return self.public_id


class ReceiptDocument(models.Model):
    """The rendered PDF of a receipt: where it is stored and what its bytes hash to."""

    receipt = models.OneToOneField(
        CarbonReceipt, on_delete=models.PROTECT, primary_key=True, related_name="document"
    )
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    storage_name = models.CharField(max_length=300)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    rendered_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.storage_name


class LogEntry(models.Model):
    """One leaf of the public log, at its fixed place. Append-only, dense from zero.

    A receipt's entry is its payload's SHA-256, 32 bytes. An allocation's entry is 0x01, the batch
    id (one byte of length, then ASCII), the first and the end gram counted from the batch's first
    serial (two big-endian 64-bit numbers) and the receipt's digest: no name and no footprint
    becomes public, and anyone can check that no gram was given twice.
    """

    class Kind(models.TextChoices):
        RECEIPT = "receipt"
        ALLOCATION = "allocation"

    index = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=16, choices=Kind)
    data = models.BinaryField()
    leaf_hash = models.BinaryField(max_length=32)
    receipt = models.ForeignKey(CarbonReceipt, on_delete=models.PROTECT, related_name="log_entries")
    allocation = models.OneToOneField(
        CreditAllocation, on_delete=models.PROTECT, null=True, related_name="log_entry"
    )
    appended_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["receipt"], condition=Q(kind="receipt"), name="log_receipt_once"
            ),
            models.CheckConstraint(
                condition=Q(kind="receipt", allocation__isnull=True)
                | Q(kind="allocation", allocation__isnull=False),
                name="log_kind_has_subject",
            ),
        ]
        ordering: ClassVar = ["index"]
        verbose_name_plural = "log entries"

    def __str__(self) -> str:
        return f"{self.kind} at {self.index}"


class LogNode(models.Model):
    """The root of a full subtree of `2^level` leaves, from level 1 up. Append-only.

    Written with the leaf that completes it, so that a root or a proof costs a few rows to read,
    however long the log is.
    """

    id = models.BigAutoField(primary_key=True)
    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["level", "index"], name="log_node_once"),
            models.CheckConstraint(condition=Q(level__gte=1, index__gte=0), name="log_node_place"),
        ]

    def __str__(self) -> str:
        return f"level {self.level}, index {self.index}"


class Checkpoint(models.Model):
    """A signed statement of the log's size and root. Every one that was ever signed is kept."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    signed_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-size"]

    def __str__(self) -> str:
        return f"size {self.size}"
