"""The form of a version 1 payload: which members there are, and how their values are written."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

from apps.receipts.signing import decode_base64

Check: TypeAlias = Callable[[Any], bool]
Shape: TypeAlias = Mapping[str, "Check | Shape | list[Shape]"]

_NONCE_BYTES = 16
_UNSIGNED = r"(?:0|[1-9][0-9]{0,29})(?:\.[0-9]{1,30})?"


def shape_faults(payload: Any) -> list[str]:
    """Every member that is missing, unknown or not written in its form."""
    return _faults(payload, _PAYLOAD, "payload")


def parse_time(text: str) -> datetime:
    """Read `YYYY-MM-DDTHH:MM:SSZ`, and no other spelling."""
    if not _TIME.fullmatch(text):
        raise ValueError(f"{text[:40]} is not a UTC time to the second")
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _faults(value: Any, shape: Shape, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path} is not an object"]
    found = [f"{path}.{name} is missing" for name in shape if name not in value]
    found += [f"{path}.{str(name)[:40]} is not known" for name in value if name not in shape]
    for name, form in shape.items():
        if name in value:
            found += _member_faults(value[name], form, f"{path}.{name}")
    return found


def _member_faults(value: Any, form: "Check | Shape | list[Shape]", path: str) -> list[str]:
    if isinstance(form, Mapping):
        return _faults(value, form, path)
    if isinstance(form, list):
        if not isinstance(value, list):
            return [f"{path} is not a list"]
        return [
            fault
            for number, item in enumerate(value)
            for fault in _faults(item, form[0], f"{path}[{number}]")
        ]
    return [] if form(value) else [f"{path} is not written in its form"]


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(_text(item) for item in value)


def _written(pattern: str) -> Check:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _one_of(*allowed: str) -> Check:
    return lambda value: isinstance(value, str) and value in allowed


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _nonce(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(decode_base64(value)) == _NONCE_BYTES
    except ValueError:
        return False


def _day(value: Any) -> bool:
    return _reads(date.fromisoformat, value) and bool(_DAY.fullmatch(value))


def _time(value: Any) -> bool:
    return _reads(parse_time, value)


def _reads(reader: Callable[[str], object], value: Any) -> bool:
    try:
        return isinstance(value, str) and reader(value) is not None
    except ValueError:
        return False


_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_quantity = _written(_UNSIGNED)
_signed_quantity = _written("-?" + _UNSIGNED)
_count = _written(r"0|[1-9][0-9]{0,29}")
_hash = _written(r"sha256:[0-9a-f]{64}")

_LINE: Shape = {
    "registry": _text,
    "project_id": _text,
    "project_name": _text,
    "methodology": _text,
    "vintage_start": _day,
    "vintage_end": _day,
    "mitigation": _one_of("reduction", "removal", "mixed"),
    "serial_range": _text,
    "serial_first": _or_null(_count),
    "serial_last": _or_null(_count),
    "gram_start": _count,
    "gram_end": _count,
    "retired_on": _or_null(_day),
    "beneficiary": _text,
    "registry_url": _or_null(_text),
    "labels": _texts,
    "corresponding_adjustment": _one_of("none", "authorized", "applied", "unknown"),
}

_PAYLOAD: Shape = {
    "type": _one_of("carbon-receipt"),
    "version": lambda value: type(value) is int and value == 1,
    "receipt_id": _text,
    "nonce": _nonce,
    "issuer": {"name": _text, "url": _text},
    "workspace": {"id": _text, "name": _text},
    "period": {"start": _time, "end": _time},
    "issued_at": _time,
    "emissions": {
        "co2e_grams": _quantity,
        "co2e_grams_low": _quantity,
        "co2e_grams_high": _quantity,
        "energy_kwh": _quantity,
        "adjustments_grams": _signed_quantity,
        "factor_version": _text,
        "factor_sha256": _hash,
        "inputs_sha256": _hash,
        "boundary": _text,
    },
    "retirement": {
        "status": _one_of("none", "partly_covered", "covered", "pending"),
        "allocated_grams": _count,
        "uncovered_grams": _quantity,
        "lines": [_LINE],
    },
    "supersedes": _or_null(_text),
    "statement": _text,
}
