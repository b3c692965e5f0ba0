"""What a budget may say: its checks, field by field."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from apps.common.errors import refuse_fields
from apps.common.public_address import AddressError, place_of

DEFAULT_THRESHOLDS: Final = (50, 80, 100)
MOST_THRESHOLDS: Final = 20
HIGHEST_THRESHOLD: Final = 1000
MOST_EMAILS: Final = 20
LONGEST_NAME: Final = 120
LONGEST_URL: Final = 500
AMOUNT_DIGITS: Final = 24
AMOUNT_PLACES: Final = 9
LEAST_AMOUNT: Final = Decimal(1).scaleb(-AMOUNT_PLACES)
MOST_AMOUNT: Final = Decimal(10) ** (AMOUNT_DIGITS - AMOUNT_PLACES)
Fault = tuple[str, str]
"""A field and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What of a budget may be changed, as it is asked for."""

    name: str
    monthly_amount: Decimal
    thresholds: tuple[int, ...]
    emails: tuple[str, ...]
    webhook_url: str


def checked(stated: Stated) -> Stated:
    """The same without stray spaces. Raises InvalidError with every fault by its field."""
    tidied = replace(
        stated,
        name=stated.name.strip(),
        emails=tuple(email.strip() for email in stated.emails),
        webhook_url=stated.webhook_url.strip(),
    )
    refuse_fields([*_faults(tidied), *_threshold_faults(tidied), *_recipient_faults(tidied)])
    return tidied


def _faults(stated: Stated) -> Iterator[Fault]:
    if not 1 <= len(stated.name) <= LONGEST_NAME or not stated.name.isprintable():
        yield "name", f"1 to {LONGEST_NAME} characters, without line breaks."
    amount = stated.monthly_amount
    if not amount.is_finite() or not LEAST_AMOUNT <= amount < MOST_AMOUNT:
        yield "monthly_amount", f"A number above 0 and below {MOST_AMOUNT:f}."


def _threshold_faults(stated: Stated) -> Iterator[Fault]:
    thresholds = list(stated.thresholds)
    if not 1 <= len(thresholds) <= MOST_THRESHOLDS:
        yield "thresholds", f"1 to {MOST_THRESHOLDS} of them."
    if any(not 1 <= threshold <= HIGHEST_THRESHOLD for threshold in thresholds):
        yield "thresholds", f"Whole percents from 1 to {HIGHEST_THRESHOLD}."
    if thresholds != sorted(set(thresholds)):
        yield "thresholds", "In ascending order, each once."


def _recipient_faults(stated: Stated) -> Iterator[Fault]:
    if len(stated.emails) > MOST_EMAILS:
        yield "emails", f"{MOST_EMAILS} at most."
    if len({email.lower() for email in stated.emails}) < len(stated.emails):
        yield "emails", "Each once."
    if not all(map(_is_email, stated.emails)):
        yield "emails", "Each an email address."
    if len(stated.webhook_url) > LONGEST_URL:
        yield "webhook_url", f"{LONGEST_URL} characters at most."
    elif stated.webhook_url:
        try:
            place_of(stated.webhook_url, may_be_local=settings.WEBHOOKS_MAY_BE_LOCAL)
        except AddressError as refusal:
            yield "webhook_url", str(refusal)


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return text.isascii() and text.isprintable()
