"""Amounts as samples hold them: 18 digits, six of them after the point, rounded half up once."""

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Final

from apps.telemetry.billing_exports.understanding import Measure

PLACES: Final = 6
STEP: Final = Decimal(1).scaleb(-PLACES)
BELOW: Final = Decimal(10) ** 12
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_UP)


class UnreadableAmountError(Exception):
    """No number, or none that a bill can mean."""


def read_amount(text: str) -> Decimal:
    """The number, exactly as it is written."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise UnreadableAmountError("unreadable amount") from None
    if not amount.is_finite() or abs(amount.adjusted()) > _EXACT.prec // 2:
        raise UnreadableAmountError("unreadable amount")
    return amount


def exact(amount: Decimal, measure: Measure) -> Decimal:
    """The amount in the measure's unit, to 60 digits."""
    product = _EXACT.multiply(amount, measure.numerator)
    return product if measure.denominator == 1 else _EXACT.divide(product, measure.denominator)


def rounded(amount: Decimal) -> Decimal:
    """What a sample can hold of it; zero where it is less than half a millionth."""
    return _EXACT.quantize(amount, STEP)
