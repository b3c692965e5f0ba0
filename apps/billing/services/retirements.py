"""Having ordered tonnes retired: ask the registry, or take an operator's record of it."""

import re
from datetime import date, datetime
from typing import Final

import structlog
from django.db import transaction

from apps.billing.allocation import GRAMS_PER_TONNE
from apps.billing.errors import RetirementNotPendingError
from apps.billing.models import CreditBatch, RetirementOrder
from apps.billing.registry import (
    Confirmation,
    RegistryAnswerError,
    RetirementRequest,
    request_retirement,
)
from apps.common.errors import InvalidError
from apps.common.outside import BusyError, RefusedError

log = structlog.get_logger(__name__)

SHA256: Final = re.compile(r"[0-9a-f]{64}")


def request_pending(registry_url: str, *, now: datetime) -> int:
    """Ask the registry for every order it has not confirmed; answer how many it did now.

    Without a registry address the orders wait for an operator. A failure is noted on its order and
    the next run asks again under the same id, so nothing is retired twice.
    """
    if not registry_url:
        return 0
    confirmed = 0
    pending = RetirementOrder.objects.filter(status=RetirementOrder.Status.REQUESTED)
    for order in pending.select_related("batch").order_by("requested_at", "pk"):
        try:
            answer = request_retirement(registry_url, retirement_request(order))
            _refuse_pretence(order, answer)
        except (BusyError, RefusedError, RegistryAnswerError) as failure:
            RetirementOrder.objects.filter(
                pk=order.pk, status=RetirementOrder.Status.REQUESTED
            ).update(problem=str(failure)[:500])
            log.warning("retirement_not_confirmed", order_id=order.public_id, problem=str(failure))
            continue
        confirmed += _confirm(order.pk, answer, now=now)
    return confirmed


def confirm_by_hand(
    order: RetirementOrder,
    *,
    retirement_id: str,
    retired_on: date,
    registry_url: str,
    evidence_sha256: str,
    now: datetime,
) -> None:
    """Record what the registry's account shows, as the operator read it there."""
    if not retirement_id.strip():
        raise InvalidError("A confirmation names the registry's retirement", field="retirement_id")
    if retired_on > now.date():
        raise InvalidError("A retirement that is confirmed lies not ahead", field="retired_on")
    if not registry_url.startswith(("https://", "http://")):
        raise InvalidError("The registry's page is a web address", field="registry_url")
    if evidence_sha256 and not SHA256.fullmatch(evidence_sha256):
        raise InvalidError("The evidence is named by 64 hex digits", field="evidence_sha256")
    confirmation = Confirmation(retirement_id, retired_on, registry_url, evidence_sha256)
    if not _confirm(order.pk, confirmation, now=now):
        raise RetirementNotPendingError("This order was confirmed before", order=order.public_id)


def retirement_request(order: RetirementOrder) -> RetirementRequest:
    """The order in the registry's own words: which serials of which project."""
    first, last = serials(order.batch, order.grams.lower, order.grams.upper)
    return RetirementRequest(
        order_id=order.public_id,
        registry=order.batch.registry,
        project_id=order.batch.project_ref,
        serial_range=order.batch.serial_range,
        serial_first=first,
        serial_last=last,
        tonnes=last - first + 1,
        beneficiary=order.beneficiary,
        reason=order.reason,
    )


def serials(batch: CreditBatch, gram_start: int, gram_end: int) -> tuple[int, int]:
    """First and last serial that hold the grams `[gram_start, gram_end)` of the common space."""
    offset = batch.grams.lower
    first = int(batch.serial_first)
    return (
        first + (gram_start - offset) // GRAMS_PER_TONNE,
        first + (gram_end - 1 - offset) // GRAMS_PER_TONNE,
    )


def _refuse_pretence(order: RetirementOrder, answer: Confirmation) -> None:
    """A demonstration registry cannot retire credits that are real."""
    if answer.is_demonstration and not order.batch.is_demonstration:
        raise RegistryAnswerError("a demonstration registry confirmed credits that are real")


@transaction.atomic
def _confirm(order_id: int, confirmation: Confirmation, *, now: datetime) -> bool:
    order = RetirementOrder.objects.select_for_update().get(pk=order_id)
    if order.status == RetirementOrder.Status.CONFIRMED:
        return False
    order.status = RetirementOrder.Status.CONFIRMED
    order.retirement_id = confirmation.retirement_id
    order.retired_on = confirmation.retired_on
    order.registry_url = confirmation.registry_url
    order.evidence_sha256 = confirmation.certificate_sha256
    order.confirmed_at = now
    order.problem = ""
    order.save()
    log.info("retirement_confirmed", order_id=order.public_id, retirement_id=order.retirement_id)
    return True
