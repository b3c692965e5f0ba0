import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.receipts.canonical import (
    MAX_BYTES,
    CanonicalError,
    StrictJsonError,
    canonicalize,
    digest,
    strict_loads,
)
from tests.receipts.vectors import load

DOCUMENTS = load("jcs_documents")

texts = st.text(st.characters(codec="utf-8"), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
objects = st.dictionaries(texts, values, max_size=4)


@pytest.mark.parametrize("case", DOCUMENTS["canonical"], ids=lambda case: case["name"])
def test_a_document_has_the_published_canonical_bytes(case: dict[str, str]) -> None:
    assert canonicalize(json.loads(case["json"])).hex() == case["canonical_hex"]


def test_numbers_are_printed_as_a_javascript_engine_prints_them() -> None:
    for bits, printed in load("jcs_numbers"):
        number = struct.unpack(">d", bytes.fromhex(bits))[0]
        if printed is None:
            with pytest.raises(CanonicalError):
                canonicalize(number)
        else:
            assert canonicalize(number).decode() == printed


@pytest.mark.parametrize("case", DOCUMENTS["refused"], ids=lambda case: case["name"])
def test_a_document_that_two_readers_may_read_differently_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(StrictJsonError) as refusal:
        strict_loads(case["json"].encode("utf-8"))

    assert refusal.value.code == "malformed"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"a":1.0}', "malformed"),
        (b'{"a":1e2}', "malformed"),
        (b'{"a":-Infinity}', "malformed"),
        (b'{"a":' + b"9" * 5000 + b"}", "malformed"),
        (b'{"a":-9007199254740992}', "malformed"),
        (b'{"a":1,"\\u0061":2}', "malformed"),
        (b'{"a":{"b":1,"b":1}}', "malformed"),
        (b'{"a":[["\\udc00"]]}', "malformed"),
        (b'{"a":' * 16 + b'"\\ud800"' + b"}" * 16, "malformed"),
        (b"[1]", "malformed"),
        (b"null", "malformed"),
        (b"", "malformed"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "malformed"),
        (b'{"a":' + b"[" * 16 + b"]" * 16 + b"}", "malformed"),
        (b'{"a":' + b"[" * 100_000, "malformed"),
        (b'{"a":' * 40_000 + b"1" + b"}" * 40_000, "malformed"),
        (b'{"a":"\xff"}', "not_utf8"),
        (b'{"a":"\xed\xa0\x80"}', "not_utf8"),
        (b'{"a":"\xc0\xaf"}', "not_utf8"),
        (b" " * (MAX_BYTES - 1) + b"{}", "too_large"),
    ],
    ids=lambda value: value[:24] if isinstance(value, bytes) else value,
)
def test_bytes_that_are_no_document_of_ours_are_refused_with_a_code(data: bytes, code: str) -> None:
    with pytest.raises(StrictJsonError) as refusal:
        strict_loads(data)

    assert refusal.value.code == code


def test_the_limits_themselves_are_still_read() -> None:
    deepest = b'{"a":' * 16 + b'"\xf0\x9f\x98\x80"' + b"}" * 16

    assert canonicalize(strict_loads(deepest)) == deepest
    assert strict_loads(b" " * (MAX_BYTES - 2) + b"{}") == {}
    assert strict_loads(b'{"a":9007199254740991}') == {"a": 2**53 - 1}
    assert strict_loads(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}


@pytest.mark.parametrize("value", ["\ud800", {"\udc00": 1}, 2**53, float("nan"), {1: 2}])
def test_a_value_without_a_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(CanonicalError):
        canonicalize(value)


def test_a_digest_is_taken_over_the_canonical_bytes() -> None:
    for receipt in load("receipt_v1")["receipts"]:
        payload = receipt["envelope"]["payload"]

        assert canonicalize(payload).hex() == receipt["canonical_hex"]
        assert digest(payload).hex() == receipt["sha256"]


@given(objects)
def test_canonicalizing_twice_is_canonicalizing_once(document: dict[str, Any]) -> None:
    once = canonicalize(document)

    assert strict_loads(once) == document
    assert canonicalize(strict_loads(once)) == once


@given(objects)
def test_the_order_of_members_and_the_spacing_do_not_matter(document: dict[str, Any]) -> None:
    reordered = json.dumps(dict(reversed(document.items())), indent=3).encode()

    assert canonicalize(strict_loads(reordered)) == canonicalize(document)


@given(st.binary(max_size=60) | st.text(st.characters(codec="utf-8"), max_size=60).map(str.encode))
def test_no_bytes_at_all_make_the_reader_fail_otherwise(data: bytes) -> None:
    try:
        document = strict_loads(data)
    except StrictJsonError:
        return
    assert strict_loads(canonicalize(document)) == document
