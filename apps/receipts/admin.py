"""The operator's view of receipts, keys and the log: everything to look at, nothing to edit."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.common import clock
from apps.common.admin import ReadOnlyAdmin
from apps.common.errors import DomainError
from apps.receipts.models import CarbonReceipt, Checkpoint, LogEntry, ReceiptDocument, SigningKey
from apps.receipts.services import documents
from apps.receipts.signing import encode_base64


@admin.register(CarbonReceipt)
class CarbonReceiptAdmin(ReadOnlyAdmin):
    list_display = ("public_id", "workspace", "period", "key", "issued_at", "pdf")
    list_filter = ("key", "issued_at")
    list_select_related = ("workspace", "period", "key", "document")
    search_fields = ("public_id", "workspace__name")
    date_hierarchy = "issued_at"
    exclude = ("payload_sha256", "signature")
    readonly_fields = ("sha256", "signed", "pdf", "page")
    actions = ("render_pdf",)

    @admin.display(description="PDF")
    def pdf(self, receipt: CarbonReceipt) -> str:
        if hasattr(receipt, "document"):
            return "stored"
        return documents.why_pending() or "pending: the next run draws it"

    @admin.display(description="SHA-256 of the payload")
    def sha256(self, receipt: CarbonReceipt) -> str:
        return bytes(receipt.payload_sha256).hex()

    @admin.display(description="Signature")
    def signed(self, receipt: CarbonReceipt) -> str:
        return encode_base64(bytes(receipt.signature))

    @admin.display(description="Checks")
    def page(self, receipt: CarbonReceipt) -> SafeString:
        return format_html('<a href="{}">Verify</a>', reverse("verify", args=[receipt.public_id]))

    @admin.action(description="Draw the PDF, where it is missing", permissions=["render"])
    def render_pdf(self, request: HttpRequest, receipts: QuerySet[CarbonReceipt]) -> None:
        try:
            drawn = sum(documents.render(receipt, now=clock.now()) for receipt in receipts)
        except DomainError as refusal:
            self.message_user(request, refusal.message, messages.WARNING)
            return
        self.message_user(request, f"{drawn} PDFs drawn; the others were there.", messages.SUCCESS)

    def has_render_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("receipts.add_receiptdocument")


@admin.register(ReceiptDocument)
class ReceiptDocumentAdmin(ReadOnlyAdmin):
    list_display = ("receipt", "workspace", "size", "rendered_at")
    list_select_related = ("receipt", "workspace")
    search_fields = ("receipt__public_id", "workspace__name")


@admin.register(SigningKey)
class SigningKeyAdmin(ReadOnlyAdmin):
    list_display = ("key_version", "status", "public", "valid_from", "valid_until")
    list_filter = ("status",)
    exclude = ("public_key",)
    readonly_fields = ("public",)

    @admin.display(description="Public key")
    def public(self, key: SigningKey) -> str:
        return encode_base64(bytes(key.public_key))


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    list_display = ("index", "kind", "receipt", "leaf", "appended_at")
    list_filter = ("kind",)
    list_select_related = ("receipt",)
    search_fields = ("receipt__public_id",)
    exclude = ("data", "leaf_hash")
    readonly_fields = ("entry", "leaf")

    @admin.display(description="Entry")
    def entry(self, entry: LogEntry) -> str:
        return bytes(entry.data).hex()

    @admin.display(description="Leaf hash")
    def leaf(self, entry: LogEntry) -> str:
        return bytes(entry.leaf_hash).hex()


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    list_display = ("size", "root_hash", "signed_at")
    exclude = ("root",)
    readonly_fields = ("root_hash",)

    @admin.display(description="Root")
    def root_hash(self, checkpoint: Checkpoint) -> Any:
        return encode_base64(bytes(checkpoint.root))
