"""Telling about an alert: each recipient at least once, tried for about a day.

Whoever delivers first moves the next attempt behind the longest that a task may take. Killed in
between, the message is sent again after that: twice is possible, and known by its id.
"""

import smtplib
from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

import structlog
from django.conf import settings
from django.db.models import F, QuerySet

from apps.common import webhooks
from apps.common.secrets import SecretsError
from apps.telemetry.models import AlertDelivery
from apps.telemetry.services import alert_messages
from apps.telemetry.services.budgets import reveal_webhook_secret

log = structlog.get_logger(__name__)

WAITS: Final = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 30, 2 * 60, 5 * 60, 8 * 60, 8 * 60)
)
"""After each attempt that failed; after the one that follows the last wait it is given up."""
MOST_ATTEMPTS: Final = len(WAITS) + 1
LEASE: Final = timedelta(minutes=10)
"""A task is killed before it has worked that long."""


class UndeliveredError(Exception):
    """Why an attempt failed. `str()` is fit to be shown and stored."""

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final


def deliver(delivery_id: int, *, now: datetime, clock: Callable[[], datetime]) -> None:
    """Try one delivery that is due; nothing where another worker has it. Safe to repeat."""
    delivery = _claimed(delivery_id, now)
    if delivery is None:
        return
    try:
        _refuse_unwanted(delivery)
        _send(delivery, now=now)
    except UndeliveredError as failure:
        _put_off(delivery, failure, now=clock())
    else:
        _mine(delivery).update(delivered_at=clock(), next_attempt_at=None, last_error="")
        _log("alert_delivered", delivery)


def _claimed(delivery_id: int, now: datetime) -> AlertDelivery | None:
    """The delivery with this attempt counted, if it is due and nobody else was quicker."""
    due = AlertDelivery.objects.filter(pk=delivery_id, delivered_at=None, next_attempt_at__lte=now)
    found = due.select_related("alert__budget__workspace", "alert__budget__project").first()
    if found is None:
        return None
    is_last = found.attempts + 1 >= MOST_ATTEMPTS
    is_mine = due.filter(attempts=found.attempts).update(
        attempts=F("attempts") + 1, next_attempt_at=None if is_last else now + LEASE
    )
    found.attempts += 1
    return found if is_mine else None


def _refuse_unwanted(delivery: AlertDelivery) -> None:
    budget = delivery.alert.budget
    wanted = {*budget.emails, budget.webhook_url}
    if budget.archived_at is not None or delivery.target not in wanted:
        raise UndeliveredError("The budget names this recipient no more.", is_final=True)


def _send(delivery: AlertDelivery, *, now: datetime) -> None:
    if delivery.channel == AlertDelivery.Channel.EMAIL:
        _send_email(delivery)
    else:
        _send_webhook(delivery, now=now)


def _send_email(delivery: AlertDelivery) -> None:
    try:
        alert_messages.email(delivery).send()
    except smtplib.SMTPResponseException as refusal:
        raise UndeliveredError(f"The mail server answered {refusal.smtp_code}.") from None
    except smtplib.SMTPRecipientsRefused:
        raise UndeliveredError("The mail server refused the recipient.") from None
    except (smtplib.SMTPException, OSError) as fault:
        raise UndeliveredError(f"The mail could not be sent: {type(fault).__name__}.") from None


def _send_webhook(delivery: AlertDelivery, *, now: datetime) -> None:
    try:
        status = webhooks.send(
            delivery.target,
            alert_messages.webhook(delivery),
            reveal_webhook_secret(delivery.alert.budget),
            now=now,
            may_be_local=settings.WEBHOOKS_MAY_BE_LOCAL,
        )
    except webhooks.WebhookError as failure:
        raise UndeliveredError(str(failure)) from None
    except SecretsError:
        raise UndeliveredError("The signing secret cannot be opened here.") from None
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise UndeliveredError(
            f"The receiver answered {status}.", is_final=status == HTTPStatus.GONE
        )


def _put_off(delivery: AlertDelivery, failure: UndeliveredError, *, now: datetime) -> None:
    is_over = failure.is_final or delivery.attempts >= MOST_ATTEMPTS
    wait = None if is_over else WAITS[delivery.attempts - 1]
    _mine(delivery).update(
        next_attempt_at=None if wait is None else now + wait, last_error=str(failure)
    )
    _log("alert_given_up" if wait is None else "alert_put_off", delivery, reason=str(failure))


def _mine(delivery: AlertDelivery) -> QuerySet[AlertDelivery]:
    """The row, unless the attempt after this one has begun."""
    return AlertDelivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts)


def _log(event: str, delivery: AlertDelivery, **facts: str) -> None:
    log.info(
        event,
        delivery_id=delivery.public_id,
        channel=delivery.channel,
        attempts=delivery.attempts,
        **facts,
    )
