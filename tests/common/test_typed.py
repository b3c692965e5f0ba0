"""Bodies that are read straight into a struct: what is read, and what is refused where."""

import json
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import InvalidError, PayloadTooLargeError
from apps.common.strict_json import MOST_BYTES
from apps.common.typed import decode, fault_below, fault_in, read


class Row(msgspec.Struct):
    model: Annotated[str, msgspec.Meta(max_length=5)]
    tokens: Annotated[int, msgspec.Meta(ge=0, le=10**12)]
    share: float = 0.0
    method: Literal["token", "hardware"] = "token"


class Rows(msgspec.Struct):
    items: Annotated[list[Row], msgspec.Meta(max_length=4)]
    note: str | None = None


def refusal(body: str | bytes, kind: type = Rows) -> InvalidError:
    with pytest.raises(InvalidError) as raised:
        decode(body.encode() if isinstance(body, str) else body, kind)
    return raised.value


def with_row(**members: Any) -> str:
    row = {"model": "a", "tokens": 1, **members}
    return json.dumps({"items": [{"model": "a", "tokens": 1}, row]})


@pytest.mark.parametrize("number", ["3", "3.0", "3e0", "30E-1", "0.3e1"])
def test_an_integer_may_be_written_in_any_way_that_json_has(number: str) -> None:
    body = f'{{"model": "a", "tokens": {number}, "share": 2}}'.encode()

    assert decode(body, Row) == Row("a", 3, 2.0)


def test_members_that_nobody_asked_for_are_ignored() -> None:
    body = b'{"model": "a", "tokens": 1, "more": {"deep": [1, null, "x"]}}'

    assert decode(body, Row) == Row("a", 1)


@pytest.mark.parametrize(
    ("members", "field", "words"),
    [
        ({"tokens": 3.5}, "items.1.tokens", "Expected a whole number, got a number."),
        ({"tokens": True}, "items.1.tokens", "Expected a whole number, got true or false."),
        ({"tokens": "3"}, "items.1.tokens", "Expected a whole number, got a text."),
        ({"tokens": -1}, "items.1.tokens", "Expected a whole number >= 0."),
        ({"tokens": 10**12 + 1}, "items.1.tokens", "Expected a whole number <= 1000000000000."),
        ({"tokens": 10**30}, "items.1.tokens", "Expected a whole number <= 1000000000000."),
        ({"tokens": None}, "items.1.tokens", "Expected a whole number, got null."),
        ({"model": 3}, "items.1.model", "Expected a text, got a whole number."),
        ({"model": "abcdef"}, "items.1.model", "Expected a text of length <= 5."),
        ({"method": "x" * 99}, "items.1.method", "Not one of the values that are allowed here."),
    ],
)
def test_a_member_at_fault_is_named_by_its_path(
    members: dict[str, Any], field: str, words: str
) -> None:
    fault = refusal(with_row(**members))

    assert (fault.code, fault.status) == ("validation_error", 400)
    assert fault.details == {"fields": {field: [words]}}
    assert fault.message == f"{field}: {words}"


def test_a_missing_member_is_named_where_it_should_stand() -> None:
    assert refusal('{"items": [{"model": "a"}]}').details == {
        "fields": {"items.0.tokens": ["This field is required."]}
    }
    assert refusal("{}").details == {"fields": {"items": ["This field is required."]}}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "not valid JSON"),
        ("null", "must be a JSON object"),
        ("[]", "Expected an object, got a list"),
        ('{"items": [}', "line 1, column 12"),
        ('{"items": [], "note": "\\u0000"}', "NUL"),
        ('{"items": [], "more": "\\u0000"}', "NUL"),
        ('{"items": [], "\\u0000": 1}', "NUL"),
        ('{"items": [], "note": "\\ud800"}', "surrogate"),
        ('{"items": [], "more": "\\udc00"}', "surrogate"),
        ('{"items": [], "items": []}', "same member twice"),
        ('{"items": [], "more": {"a": 1, "\\u0061": 2}}', "same member twice"),
        ('{"items": [], "more": NaN}', "NaN is not a number"),
        ('{"items": [], "more": ' + "9" * 5000 + "}", "too long"),
        ('{"items": [], "more": ' + "[" * 100_000 + "}", "deeper than 32"),
        ("[" * 100_000, "deeper than 32"),
        (b'{"items": [], "note": "\xff"}', "UTF-8"),
        (b'{"items": [], "more": "\xed\xa0\x80"}', "UTF-8"),
        ("\ufeff{}", "not valid JSON"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(body: str | bytes, words: str) -> None:
    fault = refusal(body)

    assert words in fault.message
    assert fault.details == {}


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert decode(b'{"items": [], "note": "\\\\u0000"}', Rows).note == "\\u0000"


def test_a_body_has_a_largest_size() -> None:
    note = "x" * (MOST_BYTES - len('{"items": [], "note": ""}'))
    largest = json.dumps({"items": [], "note": note})

    assert decode(largest.encode(), Rows).note == note
    with pytest.raises(PayloadTooLargeError):
        decode(largest.encode() + b" ", Rows)


def test_a_part_nested_without_end_is_refused() -> None:
    part: list[Any] = []
    for _ in range(100_000):
        part = [part]

    with pytest.raises(InvalidError, match="nested"):
        read({"model": "a", "tokens": 1, "more": part}, Row)


def test_a_fault_of_a_part_is_told_of_the_whole() -> None:
    named = fault_below("items.3", fault_in("model", "Not known."))
    whole = fault_below("items.3", fault_in("", "Expected an object, got null."))

    assert named.details == {"fields": {"items.3.model": ["Not known."]}}
    assert whole.message == "items.3: Expected an object, got null."


_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)


@given(st.lists(st.tuples(_TEXTS, st.integers(0, 10**12), st.booleans()), max_size=4))
def test_every_body_of_the_kind_is_read_as_it_was_written(
    rows: list[tuple[str, int, bool]],
) -> None:
    body = json.dumps(
        {
            "items": [
                {"model": name, "tokens": float(count) if is_float else count}
                for name, count, is_float in rows
            ]
        }
    )

    assert decode(body.encode(), Rows).items == [Row(name, count) for name, count, _ in rows]


@given(st.binary(max_size=40))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    try:
        decode(body, Rows)
    except InvalidError as fault:
        assert fault.message  # noqa: PT017 - a refusal is one of the two good ends
