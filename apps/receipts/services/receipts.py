"""Issuing: a closed period becomes a signed receipt, a place in the public log, a checkpoint.

Two steps, each safe to repeat. First, in one transaction: the receipt and its log entries. Then the
checkpoint that covers them; until it exists nobody is shown the receipt.
"""

import secrets
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from apps.billing.models import BillingPeriod, CreditAllocation
from apps.common.errors import DomainError
from apps.common.ids import public_id
from apps.common.locks import transaction_lock
from apps.receipts.canonical import MAX_BYTES, canonicalize, digest
from apps.receipts.consistency import inconsistencies
from apps.receipts.envelope import NONCE_BYTES, Receipt, receipt_payload
from apps.receipts.errors import ReceiptRefusedError
from apps.receipts.models import CarbonReceipt
from apps.receipts.selectors import allocations_of, waiting_period_ids
from apps.receipts.selectors.log_tree import LOG_LOCK
from apps.receipts.services.keys import Signer, current_signer
from apps.receipts.services.log import append, entries_of, sign_checkpoint
from apps.receipts.services.statement import emissions_of, grams_to_cover, line_of
from apps.receipts.signing import sign_digest

log = structlog.get_logger(__name__)

_ROOM_FOR_PROOF = 16 * 1024


def issue_due(*, now: datetime) -> list[str]:
    """Issue every receipt that is due and sign one checkpoint over them; answers the new ids.

    A period that cannot have its receipt keeps waiting and is logged; the others go on.
    """
    issued = []
    for period_id in waiting_period_ids():
        try:
            receipt, is_new = _record(period_id, now=now)
        except ReceiptRefusedError as refusal:
            log.error(  # noqa: TRY400 - a refusal has a reason, not a traceback
                "receipt_refused", period_id=refusal.details["period"], reason=refusal.message
            )
            continue
        if is_new:
            issued.append(receipt.public_id)
    sign_checkpoint(now=now)
    return issued


def issue(period_id: int, *, now: datetime) -> CarbonReceipt:
    """The receipt of a closed period, issued now unless it was before. Safe to repeat."""
    receipt, _ = _record(period_id, now=now)
    sign_checkpoint(now=now)
    return receipt


def _record(period_id: int, *, now: datetime) -> tuple[CarbonReceipt, bool]:
    """Sign and log; the receipt that is there already, if any.

    What is stated is read before the log is locked: a closed period and all that belongs to it
    never change, so others need not wait for the reading.
    """
    period = BillingPeriod.objects.select_related("workspace").get(pk=period_id)
    if period.status != BillingPeriod.Status.CLOSED:
        raise ReceiptRefusedError("A receipt states a closed period", period=period.public_id)
    allocations = list(allocations_of(period))
    try:
        emissions = emissions_of(period, allocations)
        lines = tuple(line_of(allocation) for allocation in allocations)
    except (DomainError, ValueError) as fault:
        raise ReceiptRefusedError(str(fault), period=period.public_id) from fault

    with transaction.atomic(durable=True):
        transaction_lock(LOG_LOCK)
        existing = CarbonReceipt.objects.filter(period=period, supersedes=None).first()
        if existing is not None:
            return existing, False
        signer = current_signer()
        stated = Receipt(
            receipt_id=public_id("rcp"),
            nonce=secrets.token_bytes(NONCE_BYTES),
            issuer_name=settings.ISSUER_NAME,
            issuer_url=settings.ISSUER_URL,
            workspace_id=str(period.workspace.public_id),
            workspace_name=period.workspace.name,
            period_start=period.starts_at,
            period_end=period.ends_at,
            issued_at=_issue_time(signer, now),
            emissions=emissions,
            grams_to_cover=grams_to_cover(period),
            lines=lines,
            supersedes=None,
        )
        return _store(period, stated, signer, allocations, now), True


def _store(
    period: BillingPeriod,
    stated: Receipt,
    signer: Signer,
    allocations: list[CreditAllocation],
    now: datetime,
) -> CarbonReceipt:
    payload = _sound_payload(period, stated)
    payload_digest = digest(payload)
    receipt = CarbonReceipt.objects.create(
        public_id=stated.receipt_id,
        workspace=period.workspace,
        period=period,
        payload=canonicalize(payload).decode(),
        payload_sha256=payload_digest,
        signature=sign_digest(signer.seed, payload_digest),
        key=signer.key,
        issued_at=stated.issued_at,
    )
    index = append(receipt, entries_of(payload_digest, allocations), now=now)
    log.info(
        "receipt_signed",
        receipt_id=receipt.public_id,
        period_id=period.public_id,
        key_version=signer.key.key_version,
        log_index=index,
    )
    return receipt


def _sound_payload(period: BillingPeriod, stated: Receipt) -> dict[str, Any]:
    """The payload, unless it contradicts itself or is more than a reader would read."""
    try:
        payload = receipt_payload(stated)
    except ValueError as fault:
        raise ReceiptRefusedError(str(fault), period=period.public_id) from fault
    if faults := inconsistencies(payload):
        raise ReceiptRefusedError("; ".join(faults), period=period.public_id)
    size = len(canonicalize(payload))
    if size > MAX_BYTES - _ROOM_FOR_PROOF:
        raise ReceiptRefusedError(
            f"The receipt would have {size} bytes, more than verifiers read",
            period=period.public_id,
        )
    return payload


def _issue_time(signer: Signer, now: datetime) -> datetime:
    """Whole seconds, never before the key was valid nor before the key's last receipt."""
    last = CarbonReceipt.objects.filter(key=signer.key).order_by("-issued_at").first()
    earliest = [signer.key.valid_from] + ([last.issued_at] if last else [])
    return max(now.replace(microsecond=0), *earliest)
