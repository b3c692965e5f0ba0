"""Reading single values of a provider's row: counts, names, and a raw copy fit to be stored."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from apps.emissions.calc.usage import MOST_TOKENS

LARGEST_COUNT = MOST_TOKENS  # what the calculation takes
LONGEST_NAME = 200
_DEEPEST = 8
_WHOLE = re.compile(r"([+-]?[0-9]{1,30})(?:\.0*)?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}\.[0-9]{1,30}")
_AMOUNT = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?")
_MOST_MONEY = Decimal(10) ** 12
_EMAIL = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\"]+")
_KEY_SHAPED = re.compile(r"\b(?:sk|rk)[-_][A-Za-z0-9_-]{16,}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL's text has no NUL, UTF-8 no surrogate


class UnusableRowError(ValueError):
    """A value that cannot be counted: its row is set aside, the rest of the bucket stays."""

    def __init__(self, reason: str, field: str, value: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field
        self.value = value


def count(row: Mapping[str, Any], field: str) -> int:
    """A count that must be there. `"12"` and `3.0` are counts, too."""
    value = row.get(field)
    if value is None:
        raise UnusableRowError("missing_count", field, None)
    whole = _whole(value, field)
    if whole < 0:
        raise UnusableRowError("negative_count", field, value)
    if whole > LARGEST_COUNT:
        raise UnusableRowError("count_too_large", field, value)
    return whole


def optional_count(row: Mapping[str, Any], field: str) -> int | None:
    return None if row.get(field) is None else count(row, field)


def _whole(value: object, field: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, Decimal):
        # Compared by magnitude first: the integer of 1e999999999 would fill the memory.
        if value.adjusted() > len(str(LARGEST_COUNT)):
            return LARGEST_COUNT + 1 if value > 0 else -1
        if value == int(value):
            return int(value)
        raise UnusableRowError("negative_count" if value < 0 else "fractional_count", field, value)
    if isinstance(value, str):
        if whole := _WHOLE.fullmatch(value.strip()):
            return int(whole[1])
        if _NUMBER.fullmatch(value.strip()):
            raise UnusableRowError("fractional_count", field, value)
    raise UnusableRowError("not_a_count", field, value)


def money(row: Mapping[str, Any], field: str) -> Decimal:
    """An amount that must be there, as number or text; a credit is negative. Never a float."""
    value = row.get(field)
    if isinstance(value, str) and _AMOUNT.fullmatch(value.strip()):
        value = Decimal(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise UnusableRowError("not_an_amount", field, value)
    amount = Decimal(value)
    if not amount.is_finite() or abs(amount) > _MOST_MONEY:
        raise UnusableRowError("not_an_amount", field, value)
    return amount


def optional_money(row: Mapping[str, Any], field: str) -> Decimal | None:
    return None if row.get(field) is None else money(row, field)


def name(row: Mapping[str, Any], field: str) -> str | None:
    """A dimension's value as text; null and empty are the same: not attributed."""
    value = row.get(field)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        value = str(value)
    if value is not None and not isinstance(value, str):
        raise UnusableRowError("not_a_name", field, value)
    text = _storable(value or "").strip()
    if len(text) > LONGEST_NAME:
        raise UnusableRowError("name_too_long", field, text)
    return text or None


def dimensions(row: Mapping[str, Any], grouping: tuple[str, ...]) -> dict[str, str | None]:
    return {field: name(row, field) for field in grouping}


def storable(value: Any, depth: int = _DEEPEST) -> Any:
    """A copy for the raw store: no e-mail address, no key, numbers with a fraction as text."""
    if isinstance(value, Mapping | list) and depth == 0:
        return "[nested too deeply]"
    if isinstance(value, Mapping):
        return {storable(member): storable(inner, depth - 1) for member, inner in value.items()}
    if isinstance(value, list):
        return [storable(inner, depth - 1) for inner in value]
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, str):
        return _storable(_KEY_SHAPED.sub("[key removed]", _EMAIL.sub("[address removed]", value)))
    return value


def quarantine(row: Mapping[str, Any], fault: UnusableRowError) -> dict[str, Any]:
    """What is kept of a row that cannot be counted, so that a person can see why."""
    return {
        "reason": fault.reason,
        "field": fault.field,
        "value": storable(fault.value),
        "row": storable(row),
    }


def _storable(text: str) -> str:
    return _UNSTORABLE.sub("\ufffd", text)
