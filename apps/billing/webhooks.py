"""Stripe's door: verify, store, answer; what an event means is worked out afterwards."""

from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.http.request import RawPostDataException
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.billing import tasks
from apps.billing.services import events
from apps.billing.stripe_facts import StripeShapeError, delivery
from apps.billing.stripe_gateway import SignatureError, verify
from apps.common import clock
from apps.common.bell import ring
from apps.common.envelope import domain_error_response
from apps.common.errors import DomainError, InvalidError, PayloadTooLargeError, UnavailableError
from apps.common.secrets import Secret

MOST_BYTES = 256 * 1024


@csrf_exempt
@require_POST
def stripe(request: HttpRequest) -> JsonResponse:
    """POST /webhooks/stripe. The signature is the authentication; a refusal stores nothing."""
    now = clock.now()
    try:
        body = _verified_body(request, now)
        told = delivery(body)
    except DomainError as refusal:
        return domain_error_response(refusal)
    except StripeShapeError as fault:
        return domain_error_response(InvalidError(f"This is not an event: {fault}."))
    events.store(told, body, now=now)
    ring(tasks.process_event, told.id)  # where no worker hears it, the next sweep takes it up
    return JsonResponse({"received": True})


def _verified_body(request: HttpRequest, now: datetime) -> bytes:
    secret = Secret(settings.STRIPE_WEBHOOK_SECRET)
    if not secret.reveal():
        raise UnavailableError("This installation takes no events from Stripe")
    body = _body(request)
    try:
        verify(body, request.headers.get("Stripe-Signature", ""), secret, now=now)
    except SignatureError as refusal:
        raise InvalidError(str(refusal)) from None
    return body


def _body(request: HttpRequest) -> bytes:
    """The raw bytes: the signature is over these, before anything parses them."""
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > MOST_BYTES:
        raise PayloadTooLargeError("An event has at most 256 KiB")
    try:
        body = request.read(MOST_BYTES + 1)
    except (OSError, RawPostDataException):
        raise InvalidError("The body could not be read") from None
    if len(body) > MOST_BYTES:
        raise PayloadTooLargeError("An event has at most 256 KiB")
    return body
