"""Stripe: signatures of what it sends, and reading what it knows. The only importer of `stripe`.

https://docs.stripe.com/webhooks and https://docs.stripe.com/api, version 2026-10-28.endive.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

import stripe

from apps.billing.stripe_facts import (
    PaidRenewal,
    Snapshot,
    StripeShapeError,
    paid_renewal,
    snapshot,
)
from apps.common.outside import BusyError, RefusedError, RefusedKind
from apps.common.secrets import Secret

TOLERANCE: Final = timedelta(seconds=300)
"""How far a signature's time may lie from ours, in either direction."""
CONNECT_S, READ_S = 5.0, 15.0
PAGE: Final = 100
MOST_LISTED: Final = 10_000
# Without the product a price whose plan stands in the product's metadata would name none.
EXPANDED: Final = ["items.data.price.product"]
_Fact = TypeVar("_Fact", Snapshot, PaidRenewal | None)
_TIMESTAMP = re.compile(r"t=[0-9]{1,12}")
_REFUSALS: dict[int, RefusedKind] = {
    401: "auth",
    402: "billing",
    403: "permission",
    404: "not_found",
}


class SignatureError(Exception):
    """A body that Stripe did not sign, or signed too long ago."""


def verify(body: bytes, header: str, secret: Secret, *, now: datetime) -> None:
    """Check the signature over the raw bytes; raise SignatureError.

    The library refuses an old time by its own clock and accepts any future one, so the time is
    checked here, both ways.
    """
    try:
        stripe.WebhookSignature.verify_header(body, header, secret.reveal(), tolerance=None)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        raise SignatureError("The signature does not match the body.") from None
    signed_at = _signed_at(header)
    if abs(now.timestamp() - signed_at) > TOLERANCE.total_seconds():
        raise SignatureError("The signature's time is too far from ours.")


def _signed_at(header: str) -> int:
    """The one time that the header names: of two, the library and we could each read another."""
    named = [part for part in header.split(",") if part.startswith("t=")]
    if len(named) != 1 or not _TIMESTAMP.fullmatch(named[0]):
        raise SignatureError("The signature's header does not name one time.")
    return int(named[0][2:])


@dataclass(frozen=True, slots=True)
class StripeGateway:
    """Stripe's API with one key. Raises BusyError or RefusedError of apps.common.outside."""

    api_key: Secret
    api_base: str
    retries: int = 2
    _client: stripe.StripeClient | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        key = self.api_key.reveal()
        client = None
        if key:
            client = stripe.StripeClient(
                key,
                base_addresses={"api": self.api_base},
                max_network_retries=self.retries,
                http_client=stripe.RequestsClient(timeout=(CONNECT_S, READ_S)),
            )
        object.__setattr__(self, "_client", client)

    @property
    def is_live(self) -> bool:
        """Whether the key belongs to live mode; what comes from the other mode is not acted on."""
        return self.api_key.reveal().startswith(("sk_live_", "rk_live_"))

    def subscription(self, subscription_id: str, *, now: datetime) -> Snapshot:
        """The subscription as it is now."""
        found = self._asked(
            lambda v1: v1.subscriptions.retrieve(subscription_id, {"expand": EXPANDED})
        )
        return _read(lambda: snapshot(found.last_response.data, as_of=now))

    def subscriptions(self, *, now: datetime) -> Iterator[Snapshot]:
        """Every subscription, ended ones too, newest first."""
        first = self._asked(
            lambda v1: v1.subscriptions.list(
                {"status": "all", "limit": PAGE, "expand": [f"data.{name}" for name in EXPANDED]}
            )
        )
        for about in self._pages(first):
            yield _read(partial(snapshot, about, as_of=now))

    def paid_renewals(self, *, since: datetime) -> Iterator[PaidRenewal]:
        """Paid invoices of renewals that were made since a moment, newest first."""
        first = self._asked(
            lambda v1: v1.invoices.list(
                {"status": "paid", "created": {"gte": int(since.timestamp())}, "limit": PAGE}
            )
        )
        for about in self._pages(first):
            renewal = _read(partial(paid_renewal, about))
            if renewal is not None:
                yield renewal

    def _pages(self, first: Any) -> Iterator[dict[str, Any]]:
        page, listed = first, 0
        while True:
            for about in page.last_response.data["data"]:
                listed += 1
                yield about
            if not page.last_response.data.get("has_more") or listed >= MOST_LISTED:
                return
            page = self._asked(partial(_next_page, page))

    def _asked(self, ask: Callable[[Any], Any]) -> Any:
        if self._client is None:
            raise RefusedError("auth", "No Stripe key is configured.")
        with _mapped_errors():
            return ask(self._client.v1)


def _next_page(page: Any, _: Any) -> Any:
    return page.next_page()


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except stripe.RateLimitError as failure:
        raise BusyError("rate_limited", "Stripe asks to slow down.", **_known(failure)) from None
    except stripe.APIConnectionError:
        raise BusyError("transient", "Stripe cannot be reached.") from None
    except stripe.StripeError as failure:
        status = failure.http_status or 0
        if status < 400 or status == 409 or status >= 500:  # noqa: PLR2004 - HTTP's own numbers
            raise BusyError("transient", "Stripe is not answering.", **_known(failure)) from None
        kind = _REFUSALS.get(status, "bad_request")
        raise RefusedError(kind, f"Stripe refused: {status}.", **_known(failure)) from None


def _known(failure: stripe.StripeError) -> dict[str, Any]:
    return {
        "status": failure.http_status,
        "request_id": failure.request_id,
        "code": failure.code,
    }


def _read(read: Callable[[], _Fact]) -> _Fact:
    try:
        return read()
    except (StripeShapeError, KeyError, TypeError, AttributeError, IndexError, ValueError) as fault:
        raise BusyError(
            "malformed_response", f"Stripe's answer cannot be read: {type(fault).__name__}."
        ) from fault
