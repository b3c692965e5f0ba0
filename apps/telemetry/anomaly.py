"""Whether a day is far above what its weekday usually is. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from statistics import median
from typing import Final

WEEKS: Final = 8
"""How many earlier days of the same weekday a day is compared with."""
LEAST_USED: Final = 6
"""How many of them must have been used at all: what is younger or sparser says nothing."""
LEAST_EXCESS: Final = Decimal(100)
"""Grams of CO2e above the median below which nobody needs to be told."""
LEAST_FACTOR: Final = 2
SPREADS: Final = 5
NORMAL_MAD: Final = Decimal("1.4826")
"""Turns the MAD of normally spread values into their standard deviation."""
LEAST_SPREAD: Final = Decimal("0.1")
"""Of the median: days as alike as no days are would make a trifle an anomaly."""


def is_anomalous(
    history: Sequence[Decimal], value: Decimal, *, least_excess: Decimal = LEAST_EXCESS
) -> bool:
    """Compare a day with the same weekday of earlier weeks, none of them below zero.

    With `m` the median of the history, `MAD` the median of `|x - m|` and
    `s = max(1.4826 x MAD, 0.1 x m)`, the day is anomalous when all of these hold:

    - at least 6 days of the history are above zero;
    - `value > m + 5 x s`;
    - `value >= 2 x m`;
    - `value - m >= least_excess`.

    Median and MAD are not moved by one earlier anomaly. As the MAD of values that are not negative
    never exceeds their median, ten times the median is always past the second line.
    """
    if sum(1 for day in history if day > 0) < LEAST_USED:
        return False
    usual = median(history)
    spread = max(NORMAL_MAD * median(abs(day - usual) for day in history), LEAST_SPREAD * usual)
    return (
        value > usual + SPREADS * spread
        and value >= LEAST_FACTOR * usual
        and value - usual >= least_excess
    )
