"""Receipts over JSON: a workspace's own, and for everybody: one by its id, checking, the keys."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api import PublicApi
from apps.receipts import selectors
from apps.receipts.canonical import MAX_BYTES
from apps.receipts.delivery import checked, pdf_response
from apps.receipts.envelope import ALGORITHM, hash_text
from apps.receipts.errors import (
    ReceiptFileTooLargeError,
    ReceiptFileUnreadableError,
    ReceiptNotFoundError,
    ReceiptSignatureInvalidError,
)
from apps.receipts.models import CarbonReceipt, SigningKey
from apps.receipts.seeds import log_key
from apps.receipts.signing import encode_base64, public_key_multibase
from apps.workspaces.access import WorkspaceApi
from apps.workspaces.throttling import PublicThrottle

_UNREADABLE = {"not_utf8", "malformed"}


class ReceiptEnvelope(serializers.Serializer):
    """The signed receipt, as its file holds it."""

    payload = serializers.DictField()
    payload_hash = serializers.CharField()
    signature = serializers.CharField()
    algorithm = serializers.CharField()
    key_version = serializers.IntegerField()
    proof = serializers.CharField(required=False)


class VerificationStep(serializers.Serializer):
    """One check: `passed`, `failed` or `not_checked`."""

    name = serializers.CharField()
    outcome = serializers.CharField()
    text = serializers.CharField()
    code = serializers.CharField(allow_null=True)


class ReceiptVerification(serializers.Serializer):
    """The checks in their order; `reason` is the code of the first that failed."""

    valid = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)
    not_checked = serializers.ListField(child=serializers.CharField())
    steps = VerificationStep(many=True)


class ReceiptPeriod(serializers.Serializer):
    id = serializers.CharField(source="public_id")
    start = serializers.DateTimeField(source="starts_at")
    end = serializers.DateTimeField(source="ends_at")


class ReceiptSummary(serializers.Serializer):
    """A receipt in a list. Quantities are the decimal texts that were signed."""

    id = serializers.CharField(source="public_id")
    period = ReceiptPeriod()
    issued_at = serializers.DateTimeField()
    co2e_grams = serializers.SerializerMethodField()
    allocated_grams = serializers.SerializerMethodField()
    retirement_status = serializers.SerializerMethodField()
    payload_hash = serializers.SerializerMethodField()
    key_version = serializers.IntegerField(source="key_id")
    has_pdf = serializers.SerializerMethodField()
    verify_url = serializers.SerializerMethodField()

    def get_co2e_grams(self, receipt: CarbonReceipt) -> str:
        return str(selectors.payload_of(receipt)["emissions"]["co2e_grams"])

    def get_allocated_grams(self, receipt: CarbonReceipt) -> str:
        return str(selectors.payload_of(receipt)["retirement"]["allocated_grams"])

    def get_retirement_status(self, receipt: CarbonReceipt) -> str:
        return str(selectors.payload_of(receipt)["retirement"]["status"])

    def get_payload_hash(self, receipt: CarbonReceipt) -> str:
        return hash_text(bytes(receipt.payload_sha256))

    def get_has_pdf(self, receipt: CarbonReceipt) -> bool:
        return hasattr(receipt, "document")

    def get_verify_url(self, receipt: CarbonReceipt) -> str:
        return f"{settings.PUBLIC_URL}/verify/{receipt.public_id}"


class ReceiptsApi(WorkspaceApi):
    """GET /receipts: the workspace's receipts, newest first."""

    is_paged = True

    class Output(ReceiptSummary):
        pass

    def get(self, request: Request) -> Response:
        rows = selectors.receipts_of(self.workspace)
        return self.paginated(rows, self.Output, ordering=("-issued_at", "-id"))


class ReceiptApi(WorkspaceApi):
    """GET /receipts/{receipt_id}: a receipt of the workspace with its file."""

    class Output(ReceiptSummary):
        receipt = ReceiptEnvelope()

    def get(self, request: Request, receipt_id: str) -> Response:
        receipt = selectors.receipt_of(self.workspace, receipt_id)
        envelope = selectors.envelope_of(receipt)
        return Response({**ReceiptSummary(receipt).data, "receipt": envelope})


class ReceiptPdfApi(WorkspaceApi):
    """GET /receipts/{receipt_id}/pdf: the receipt on paper, with its file inside."""

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, receipt_id: str) -> HttpResponse:
        return pdf_response(selectors.receipt_of(self.workspace, receipt_id))


class PublicReceiptApi(PublicApi):
    """GET /public/receipts/{receipt_id}: the file and its checks, for whoever holds the id."""

    throttle_classes = (PublicThrottle,)

    class Output(serializers.Serializer):
        receipt = ReceiptEnvelope()
        verification = ReceiptVerification()
        verify_url = serializers.URLField()

    def get(self, request: Request, receipt_id: str) -> Response:
        receipt = selectors.receipt_by_id(receipt_id)
        answer = checked(selectors.receipt_file(receipt))
        return Response(
            {
                "receipt": selectors.envelope_of(receipt),
                "verification": ReceiptVerification(answer).data,
                "verify_url": f"{settings.PUBLIC_URL}/verify/{receipt.public_id}",
            }
        )


class VerifyReceiptApi(PublicApi):
    """POST /public/receipts/verify: check a receipt file. It is not stored.

    Any readable receipt has the answer 200, valid or not; with `strict=true` an invalid one is
    refused with 422.
    """

    throttle_classes = (PublicThrottle,)

    class Query(serializers.Serializer):
        strict = serializers.BooleanField(default=False)

    class Input(ReceiptEnvelope):
        pass

    class Output(ReceiptVerification):
        pass

    @extend_schema(
        parameters=[OpenApiParameter("strict", bool, description="Refuse an invalid one with 422")],
        responses={200: Output, 422: OpenApiResponse(description="Not valid, and asked strictly")},
    )
    def post(self, request: Request) -> Response:
        is_strict = self.valid_query(self.Query)["strict"]
        answer = checked(_raw_body(request))
        if answer.reason in _UNREADABLE:
            raise ReceiptFileUnreadableError(answer.steps[0].text, reason=answer.reason)
        output = self.Output(answer).data
        if is_strict and not answer.valid:
            raise ReceiptSignatureInvalidError(
                f"The receipt is not valid: {answer.reason}", **output
            )
        return Response(output)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """Asked for as if it were a receipt's id, which nobody's is."""
        raise ReceiptNotFoundError("No such receipt")


class PublicKeysApi(PublicApi):
    """GET /public/keys: every key that was ever published, and the log's key."""

    throttle_classes = (PublicThrottle,)

    class Output(serializers.Serializer):
        class Key(serializers.Serializer):
            key_version = serializers.IntegerField()
            algorithm = serializers.CharField()
            public_key = serializers.CharField(help_text="base64 of 32 bytes")
            public_key_multibase = serializers.CharField()
            status = serializers.CharField()
            valid_from = serializers.DateTimeField()
            valid_until = serializers.DateTimeField(allow_null=True)
            revoked_reason = serializers.CharField(allow_blank=True)
            distrust_after = serializers.IntegerField(allow_null=True)

        class Log(serializers.Serializer):
            origin = serializers.CharField()
            vkey = serializers.CharField()

        keys = Key(many=True)
        log = Log()

    def get(self, request: Request) -> Response:
        keys = [_published(key) for key in selectors.published_keys()]
        log = {"origin": settings.LOG_ORIGIN, "vkey": str(log_key())}
        return Response(self.Output({"keys": keys, "log": log}).data)


def _published(key: SigningKey) -> dict[str, Any]:
    return {
        "key_version": key.key_version,
        "algorithm": ALGORITHM,
        "public_key": encode_base64(bytes(key.public_key)),
        "public_key_multibase": public_key_multibase(bytes(key.public_key)),
        "status": key.status,
        "valid_from": key.valid_from,
        "valid_until": key.valid_until,
        "revoked_reason": key.revoked_reason,
        "distrust_after": key.distrust_after,
    }


def _raw_body(request: Request) -> bytes:
    """The bytes as they came: parsing them first would forgive what a checker must see."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BYTES:
        raise ReceiptFileTooLargeError(f"A receipt file has at most {MAX_BYTES} bytes")
    body: bytes = request.body
    return body
