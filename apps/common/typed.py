"""JSON bodies read straight into a `msgspec.Struct`, for the doors that are asked most.

The schema is the type: reading and checking are one pass, some thirty times quicker than a
serializer. What is refused, and in which words' place, is as in `strict_json` and `envelope`.
"""

import json
import re
from typing import Any, ClassVar, TypeVar

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse
from rest_framework.exceptions import UnsupportedMediaType

from apps.common.api import ApiView
from apps.common.errors import InvalidError, PayloadTooLargeError
from apps.common.strict_json import MOST_BYTES, parse

Kind = TypeVar("Kind")

REQUIRED = "This field is required."
_JSON = "application/json"
_TOO_LARGE = "The body is too large."
_MOST_EXACT = 2**53
"""Whole numbers up to here are the same number as a float."""

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
}
_FAULT = re.compile(r"(?P<told>.*?)(?: - at `(?:key in )?\$(?P<path>[^`]*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]*)`")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_TICKED = re.compile(r"`([^`]*)`")


class RowFault(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal without its request: `details.fields` names the member."""

    code: str
    message: str
    details: dict[str, Any]

    @classmethod
    def of(cls, fault: InvalidError) -> "RowFault":
        return cls(code=fault.code, message=fault.message, details=fault.details)


class TypedApi(ApiView):
    """A view whose Input and Output are structs. Mix in before the kind that says who may call."""

    unreadable_is_invalid: ClassVar[bool] = False
    """Whether a wrong content type and too large a body are 400, where others say 415 and 413."""

    def typed(self, kind: type[Kind]) -> Kind:
        """The body as this kind. Members that the kind does not have are ignored."""
        try:
            return decode(self._json_body(), kind)
        except (RequestDataTooBig, PayloadTooLargeError, UnsupportedMediaType) as fault:
            if not self.unreadable_is_invalid:
                raise
            is_media_type = isinstance(fault, UnsupportedMediaType)
            message = f"The body must be {_JSON}." if is_media_type else _TOO_LARGE
            raise InvalidError(message) from fault

    def _json_body(self) -> bytes:
        media_type = self.request.content_type or ""
        if media_type.partition(";")[0].strip().lower() != _JSON:
            raise UnsupportedMediaType(media_type)
        body: bytes = self.request.body
        return body

    @staticmethod
    def answer(output: msgspec.Struct, status: int = 200) -> HttpResponse:
        return HttpResponse(msgspec.json.encode(output), content_type=_JSON, status=status)


def decode(body: bytes, kind: type[Kind]) -> Kind:
    """`body` as this kind. Raises InvalidError, with `fields` naming the member at fault.

    What the quick reader does not like is read once more by the strict one, which says why, and
    which knows that JSON Schema calls 3.0 an integer.
    """
    if len(body) > MOST_BYTES:
        raise PayloadTooLargeError(_TOO_LARGE, most_bytes=MOST_BYTES)
    try:
        text = body.decode()
        value = msgspec.json.decode(body, type=kind)
        is_plain = "\\u0000" not in text
        _UNIQUE.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        is_plain = False
    return value if is_plain else read(parse(body), kind)


def fault_in(name: str, told: str) -> InvalidError:
    """A member that its type allows and the rest of the body does not."""
    if not name:
        return InvalidError(told)
    return InvalidError(f"{name}: {told}", fields={name: [told]})


def fault_below(place: str, fault: InvalidError) -> InvalidError:
    """What was found wrong in a part of the body, told of the whole of it."""
    fields = fault.details.get("fields") or {"": [fault.message]}
    name, (told, *_) = next(iter(fields.items()))
    return fault_in(".".join(filter(None, (place, name))), told)


def read(value: Any, kind: type[Kind]) -> Kind:
    """A part of a body that was decoded already. Raises InvalidError likewise."""
    try:
        return msgspec.convert(_with_whole_numbers(value), kind)
    except RecursionError:
        raise InvalidError("The body is nested too deeply.") from None
    except msgspec.ValidationError as fault:
        raise _translated(str(fault)) from None


def read_row(place: str, row: Any, kind: type[Kind]) -> Kind:
    """The same for one row of a list, which stands at `place` in the body."""
    try:
        return read(row, kind)
    except InvalidError as fault:
        raise fault_below(place, fault) from None


def _with_whole_numbers(value: Any) -> Any:
    """3.0 as 3."""
    if isinstance(value, dict):
        return {name: _with_whole_numbers(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(member) for member in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= _MOST_EXACT:
        return int(value)
    return value


def _translated(fault: str) -> InvalidError:
    found = _FAULT.fullmatch(fault)
    told, path = (found["told"], found["path"] or "") if found else (fault, "")
    steps = [name or index for name, index in _STEP.findall(path)]
    if missing := _MISSING.fullmatch(told):
        return fault_in(".".join((*steps, missing["name"])), REQUIRED)
    if told.startswith("Invalid enum value"):  # and then the value, however long
        return fault_in(".".join(steps), "Not one of the values that are allowed here.")
    return fault_in(".".join(steps), f"{_TICKED.sub(_in_words, told)}.")


def _in_words(ticked: re.Match[str]) -> str:
    return " or ".join(_WORDS.get(word, word) for word in ticked[1].split(" | "))


def _refuse_twins(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise InvalidError("An object in the body has the same member twice.")


_UNIQUE = json.JSONDecoder(object_pairs_hook=_refuse_twins)
