"""One JSON text, one byte string: RFC 8785 (JCS), and the strict reader in front of it.

Python's own reader takes duplicate members, NaN and lone surrogates without a word; a document
that two readers understand differently must not be signed, so the reader here refuses them.
"""

import hashlib
import json
from typing import Any, NoReturn

import rfc8785

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_INTEGER = 2**53 - 1  # RFC 7493 2.2: beyond it, two readers may see two numbers
_MAX_INTEGER_DIGITS = 17  # with a sign; longer texts are refused before they become numbers


class CanonicalError(ValueError):
    """The value has no canonical form: NaN, a lone surrogate, an integer beyond 2^53 - 1."""


class StrictJsonError(ValueError):
    """The bytes are no document of ours. `code` is `too_large`, `not_utf8` or `malformed`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def canonicalize(obj: Any) -> bytes:
    """The RFC 8785 bytes of a value made of dicts, lists, strings, numbers, booleans and None."""
    try:
        return rfc8785.dumps(obj)
    except (ValueError, RecursionError) as refusal:
        raise CanonicalError(str(refusal) or "nested too deeply") from refusal


def digest(payload: Any) -> bytes:
    """SHA-256 over the canonical bytes: 32 raw bytes, the message that gets signed."""
    return hashlib.sha256(canonicalize(payload)).digest()


def strict_loads(data: bytes) -> dict[str, Any]:
    """Read one JSON object, refusing whatever another reader could understand differently."""
    if len(data) > MAX_BYTES:
        raise StrictJsonError("too_large", f"{len(data)} bytes; at most {MAX_BYTES} are read")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise StrictJsonError("not_utf8", f"byte {fault.start} is not UTF-8") from fault
    try:
        document = json.loads(
            text,
            object_pairs_hook=_object_without_duplicates,
            parse_int=_small_integer,
            parse_float=_refuse_float,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as fault:
        raise StrictJsonError("malformed", f"not JSON: {fault}") from fault
    except RecursionError as fault:
        raise StrictJsonError("malformed", f"nested deeper than {MAX_DEPTH}") from fault
    if not isinstance(document, dict):
        raise StrictJsonError("malformed", "not a JSON object")
    _refuse_depth_and_surrogates(document)
    return document


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise StrictJsonError("malformed", "a member name appears twice in one object")
    return members


def _small_integer(text: str) -> int:
    if len(text) > _MAX_INTEGER_DIGITS or abs(int(text)) > MAX_INTEGER:
        raise StrictJsonError("malformed", f"an integer is beyond {MAX_INTEGER}")
    return int(text)


def _refuse_float(text: str) -> NoReturn:
    raise StrictJsonError("malformed", f"{text[:40]} is not an integer; quantities are strings")


def _refuse_constant(text: str) -> NoReturn:
    raise StrictJsonError("malformed", f"{text} is not JSON")


def _refuse_depth_and_surrogates(document: dict[str, Any]) -> None:
    level: list[Any] = [document]
    for depth in range(MAX_DEPTH + 1):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, str) and not _is_unicode(value):
                raise StrictJsonError("malformed", "a string holds half a surrogate pair")
            if isinstance(value, dict | list) and depth == MAX_DEPTH:
                raise StrictJsonError("malformed", f"nested deeper than {MAX_DEPTH}")
            if isinstance(value, dict):
                inner += value.keys()
                inner += value.values()
            elif isinstance(value, list):
                inner += value
        level = inner


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
