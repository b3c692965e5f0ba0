"""JSON as RFC 8259 means it: what two readers could understand differently is refused.

https://datatracker.ietf.org/doc/html/rfc8259 section 4 leaves duplicate names open, and I-JSON
(RFC 7493) closes that hole; PostgreSQL can store neither NUL nor half a surrogate pair.
"""

import json
import math
from typing import IO, Any, NoReturn

from rest_framework.parsers import BaseParser

from apps.common.errors import InvalidError, PayloadTooLargeError

MOST_BYTES = 2 * 1024 * 1024
DEEPEST = 32


def parse(body: bytes) -> Any:
    """The object or list in `body`. Raises InvalidError with a message that quotes nothing."""
    try:
        value = _DECODER.decode(body.decode())
    except UnicodeDecodeError:
        raise InvalidError("The body is not UTF-8.") from None
    except RecursionError:
        raise _TOO_DEEP from None
    except json.JSONDecodeError as fault:
        place = f"line {fault.lineno}, column {fault.colno}"
        raise InvalidError(f"The body is not valid JSON: {fault.msg} at {place}.") from None
    except ValueError:  # an integer of thousands of digits
        raise InvalidError("The body holds a number that is too long.") from None
    if not isinstance(value, dict | list):
        raise InvalidError("The body must be a JSON object.")
    _check_contents(value)
    return value


class StrictJSONParser(BaseParser):
    """Reads `application/json`, at most `MOST_BYTES` of it."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: Any = None, parser_context: Any = None) -> Any:
        body = stream.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise PayloadTooLargeError("The body is too large.", most_bytes=MOST_BYTES)
        return parse(body)


_TOO_DEEP = InvalidError(f"The body is nested deeper than {DEEPEST} levels.")


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidError("An object in the body has the same member twice.")
    return members


def _refuse_constant(word: str) -> NoReturn:
    raise InvalidError(f"The body is not valid JSON: {word} is not a number.")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise InvalidError("The body holds a number that is too large.")
    return number


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_members, parse_constant=_refuse_constant, parse_float=_finite
)


def _check_contents(value: Any) -> None:
    """Depth and texts, without recursion."""
    level = [value]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for container in level:
            if isinstance(container, dict):
                for name in container:
                    _check_text(name)
            for member in container.values() if isinstance(container, dict) else container:
                if isinstance(member, str):
                    _check_text(member)
                elif isinstance(member, dict | list):
                    below.append(member)
        if not below:
            return
        level = below
    raise _TOO_DEEP


def _check_text(text: str) -> None:
    if "\0" in text:
        raise InvalidError("A text in the body holds a NUL character.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidError("A text in the body holds half a surrogate pair.") from None
