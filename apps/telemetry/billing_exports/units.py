"""Units as bills write them: "GB-Mo", "Hrs", "GiB-Months", "byte-seconds", "100 Hours".

Multiples of a byte are binary, as the clouds bill them and the factor sets count them: FOCUS
writes decimal ones as "GB", but its exporters pass on what they bill. A month has 730 hours.
"""

import functools
import re
from fractions import Fraction
from typing import Final, Literal, NamedTuple

Dimension = Literal["hours", "gb", "gb_hours", "gb_months", "months", "count"]
HOURS_IN_A_MONTH: Final = 730
_GB: Final = 1024**3
_SIZES: Final = {
    name: Fraction(1024**power, _GB)
    for power, names in enumerate(
        (
            ("b", "byte"),
            ("kb", "kib", "kilobyte", "kibibyte"),
            ("mb", "mib", "megabyte", "mebibyte"),
            ("gb", "gib", "gigabyte", "gibibyte"),
            ("tb", "tib", "terabyte", "tebibyte"),
            ("pb", "pib", "petabyte", "pebibyte"),
        )
    )
    for name in names
}
_HOURS: Final = {
    name: hours
    for hours, names in (
        (Fraction(1, 3600), ("s", "sec", "second")),
        (Fraction(1, 60), ("min", "minute")),
        (Fraction(1), ("h", "hr", "hour")),
        (Fraction(24), ("d", "day")),
        (Fraction(HOURS_IN_A_MONTH), ("mo", "month")),
    )
    for name in names
}
_QUANTITY: Final = re.compile(r"^([\d,]+)(k|m)?(?=\W|$)")
_GLUED: Final = re.compile(r"^(byte|gb)(hr|hour|second|mo|month)s?$")


class Unit(NamedTuple):
    """How many of the dimension's own unit one of this is."""

    dimension: Dimension
    factor: Fraction


@functools.lru_cache(maxsize=4096)
def unit(text: str) -> Unit:
    """The unit of a text; whatever is no size and no time counts things."""
    words = _GLUED.sub(r"\1-\2", text.strip().lower())
    quantity = Fraction(1)
    if found := _QUANTITY.match(words):
        quantity = Fraction(found[1].replace(",", "") or "0")
        quantity *= {"k": 1000, "m": 1_000_000}.get(found[2] or "", 1)
        words = words[found.end() :]
    names = [_singular(word) for word in re.split(r"[\s/*-]+", words) if word]
    sizes = [_SIZES[name] for name in names if name in _SIZES]
    times = [name for name in names if name in _HOURS]
    if len(sizes) > 1 or len(times) > 1:
        return Unit("count", quantity)
    return _of(quantity, sizes[0] if sizes else None, times[0] if times else None)


def _of(quantity: Fraction, size: Fraction | None, time: str | None) -> Unit:
    is_month = time in {"mo", "month"}
    if size is not None:
        if time is None:
            return Unit("gb", quantity * size)
        if is_month:
            return Unit("gb_months", quantity * size)
        return Unit("gb_hours", quantity * size * _HOURS[time])
    if time is None:
        return Unit("count", quantity)
    return Unit("months", quantity) if is_month else Unit("hours", quantity * _HOURS[time])


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 1 and word.endswith("s") else word
