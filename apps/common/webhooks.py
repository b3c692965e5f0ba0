"""Webhooks of ours: signed as Standard Webhooks say, sent to public addresses only.

The receiver proves the sender by `webhook-signature`, an HMAC-SHA256 over `id.timestamp.body`; the
id stays the same over every attempt, so that a repetition is known.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import certifi
import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from apps.common.deadline import POOLS, Deadline
from apps.common.http import USER_AGENT
from apps.common.public_address import AddressError, Place, addresses, place_of
from apps.common.secrets import Secret

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
CONNECT_S: Final = 5.0
READ_S: Final = 10.0
TOTAL_S: Final = 20.0


class WebhookError(Exception):
    """It was not taken to the receiver, or nobody knows. `str()` is fit to be shown and stored."""


@dataclass(frozen=True, slots=True)
class Message:
    """One webhook: the same id and body at every attempt."""

    id: str
    body: bytes


def new_secret() -> Secret:
    return Secret(PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def signature(message: Message, secret: Secret, timestamp: int) -> str:
    """`v1,` and the base64 of the HMAC-SHA256 over `id.timestamp.body`."""
    key = base64.b64decode(secret.reveal().removeprefix(PREFIX))
    signed = b".".join((message.id.encode(), str(timestamp).encode(), message.body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def send(
    url: str, message: Message, secret: Secret, *, now: datetime, may_be_local: bool = False
) -> int:
    """POST it once and give the answer's status. A redirect is an answer and is not followed."""
    try:
        place = place_of(url, may_be_local=may_be_local)
        found = addresses(place, may_be_local=may_be_local)
    except AddressError as refusal:
        raise WebhookError(str(refusal)) from None
    headers = _headers(place, message, secret, now)
    with Deadline(TOTAL_S) as deadline:
        for address in found:
            outcome = _attempt(place, address, message.body, headers)
            if deadline.is_over:
                break
            if outcome is not None:
                return outcome
    raise WebhookError("The receiver could not be reached or did not answer in time.")


def _headers(place: Place, message: Message, secret: Secret, now: datetime) -> dict[str, str]:
    timestamp = int(now.timestamp())
    return {
        "Host": place.authority,
        "User-Agent": USER_AGENT,
        "Content-Type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(message, secret, timestamp),
    }


def _attempt(place: Place, address: str, body: bytes, headers: dict[str, str]) -> int | None:
    """The status; None where no connection was made and another address may be tried."""
    tls: dict[str, Any] = {}
    if place.scheme == "https":
        tls = {"server_hostname": place.host, "assert_hostname": place.host}
        tls |= {"cert_reqs": "CERT_REQUIRED", "ca_certs": certifi.where()}
    timeout = urllib3.Timeout(connect=CONNECT_S, read=READ_S)
    try:
        with POOLS[place.scheme](address, place.port, timeout=timeout, **tls) as pool:
            answer = pool.urlopen(
                "POST",
                place.target,
                body=body,
                headers=headers,
                retries=False,
                redirect=False,
                preload_content=False,  # nothing in the body is of interest
            )
            answer.close()
            return int(answer.status)
    except (NewConnectionError, ConnectTimeoutError):
        return None
    except (HTTPError, OSError) as fault:
        # The fault's own text is never used: it may quote the request.
        raise WebhookError(f"The receiver broke off: {type(fault).__name__}.") from None
