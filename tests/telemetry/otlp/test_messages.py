"""Bodies of either form: what is read, what is bad data, what is too much."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.telemetry.otlp import messages
from apps.telemetry.otlp.attributes import MOST_ATTRIBUTES
from apps.telemetry.otlp.errors import BadDataError, TooLargeError, UnsupportedError
from apps.telemetry.otlp.messages import JSON, MOST_ITEMS, PROTOBUF, Kind, decoded
from apps.telemetry.otlp.signals import Mapped
from tests.telemetry.otlp.sending import (
    CHAT,
    any_value,
    counter,
    load,
    metrics,
    only,
    point,
    received,
    received_binary,
    span,
    traces,
)

KINDS: tuple[Kind, ...] = ("traces", "metrics", "logs")
NOTHING = Mapped()


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_export_is_valid(kind: Kind) -> None:
    assert received(kind, {}) == received_binary(kind, b"") == NOTHING


@pytest.mark.parametrize(
    "body",
    [
        {"resourceSpans": None},
        {"resourceSpans": [{}]},
        {"resourceSpans": [{"resource": None, "scopeSpans": [{"scope": None, "spans": None}]}]},
        {"resourceSpans": [{"scopeSpans": [{"spans": [{}, {"attributes": [{}]}]}]}]},
    ],
)
def test_members_may_be_missing(body: dict[str, Any]) -> None:
    assert received("traces", body) == NOTHING


def test_unknown_members_are_passed_over() -> None:
    sent = traces({**span(CHAT), "kind": 3, "events": [{"name": "x"}], "new": {"deep": [1]}})

    assert received("traces", {**sent, "more": 1}) == received("traces", traces(span(CHAT)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"resourceSpans": {}}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": 5}]}]}]}',
        b'{"resourceSpans": "\xff"}',
        b"[" * 100_000,
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": 1' + b"0" * 5000 + b"}]}]}]}",
        b'{"x":' * 100_000,
    ],
)
def test_what_is_not_an_export_is_bad_data(body: bytes) -> None:
    with pytest.raises(BadDataError) as refusal:
        received("traces", body)

    assert str(refusal.value) == "The body is not an export of traces in OTLP's JSON."


@given(kind=st.sampled_from(KINDS), body=st.binary(max_size=60))
def test_any_bytes_are_an_export_or_bad_data(kind: Kind, body: bytes) -> None:
    for read in (received, received_binary):
        try:
            read(kind, body)
        except BadDataError:
            continue


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["key", "value", "stringValue", "intValue"]), inner)
    ),
    max_leaves=8,
)


@given(
    member=st.sampled_from(["traceId", "name", "startTimeUnixNano", "attributes"]),
    value=json_values,
)
def test_a_member_of_any_form_is_read_rejected_or_bad_data(member: str, value: Any) -> None:
    try:
        mapped = received("traces", traces(span(CHAT, **{member: value})))
    except BadDataError:
        return

    assert len(mapped.usages) + mapped.rejected <= 1


@given(value=st.integers() | st.floats() | st.text(max_size=20))
def test_a_count_of_any_form_is_read_or_rejected(value: Any) -> None:
    values = {**CHAT, "gen_ai.usage.input_tokens": value}

    mapped = received("traces", traces(span(values)))

    assert len(mapped.usages) + mapped.rejected == 1


@pytest.mark.parametrize(
    "content_type", ["text/plain", "", "application/grpc", "multipart/form-data"]
)
def test_other_types_are_not_spoken(content_type: str) -> None:
    with pytest.raises(UnsupportedError):
        decoded("traces", b"{}", content_type)


@pytest.mark.parametrize(
    "content_type", [JSON, "Application/JSON; charset=utf-8", f"{JSON};charset=UTF-8"]
)
def test_a_type_may_have_parameters(content_type: str) -> None:
    assert decoded("traces", b"{}", content_type).kind == "traces"


def test_too_many_items_are_too_large() -> None:
    spans: list[dict[str, Any]] = [{}] * (MOST_ITEMS - 1)  # and two groups
    with pytest.raises(TooLargeError):
        received("traces", traces(*spans))

    points = counter(*[{}] * (MOST_ITEMS - 2))
    with pytest.raises(TooLargeError):
        received("metrics", metrics(points))
    with pytest.raises(TooLargeError):
        received_binary("logs", b"\x0a\x00" * (MOST_ITEMS + 1))

    assert received("traces", traces(*spans[1:])) == NOTHING


def test_too_many_objects_are_too_large() -> None:
    with pytest.raises(TooLargeError):
        decoded("traces", b'{"resourceSpans":[' + b"{}," * 1_000_001 + b"{}]}", JSON)


@pytest.mark.parametrize("more", [0, 1])
def test_an_item_with_too_many_attributes_is_rejected(more: int) -> None:
    padding = {f"x{number}": "" for number in range(MOST_ATTRIBUTES - len(CHAT) + more)}

    mapped = received("traces", traces(span({**padding, **CHAT})))

    assert (len(mapped.usages), mapped.rejected) == (1 - more, more)


def test_a_sender_with_too_many_attributes_has_all_its_items_rejected() -> None:
    resource = {f"x{number}": "" for number in range(MOST_ATTRIBUTES + 1)}

    mapped = received("traces", traces(span(CHAT), span(CHAT), resource=resource))

    assert (len(mapped.usages), mapped.rejected) == (0, 2)


@pytest.mark.parametrize(("depth", "rejected"), [(8, 0), (9, 1), (200, 1)])
def test_a_value_nested_too_deeply_is_rejected(depth: int, rejected: int) -> None:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    sent = point({"type": "input"}, 5)
    sent["attributes"].append({"key": "deep", "value": any_value(value)})

    mapped = received("metrics", metrics(counter(sent)))

    assert (len(mapped.usages), mapped.rejected) == (1 - rejected, rejected)


def test_a_long_text_is_cut_and_what_cannot_be_stored_replaced() -> None:
    values = {**CHAT, "gen_ai.request.model": "m" * 500, "session.id": "a\0b"}

    used = only(received("traces", traces(span(values)))).usage

    assert used.model == "m" * 200
    assert used.session_id == "a\ufffdb"
    assert len(used.facts["request_model"]) == 200


@given(data=st.data())
def test_any_split_of_an_export_gives_the_same_usages(data: st.DataObject) -> None:
    exports = load("exports")
    kind = data.draw(st.sampled_from(KINDS))
    found = [case["body"] for case in exports.values() if case["kind"] == kind]
    member = {"traces": "resourceSpans", "metrics": "resourceMetrics", "logs": "resourceLogs"}[kind]
    groups = [group for body in found for group in body[member]]
    order = data.draw(st.permutations(groups))
    cut = data.draw(st.integers(0, len(order)))

    whole = received(kind, {member: groups})
    parts = [received(kind, {member: part}) for part in (order[:cut], order[cut:])]

    assert {repr(one) for one in whole.usages} == {repr(o) for part in parts for o in part.usages}
    assert {repr(one) for one in whole.series} == {repr(o) for part in parts for o in part.series}


def test_binary_and_written_ids_are_one() -> None:
    forms = messages.WIRES
    assert forms[JSON].identifier("5B8E") == forms[PROTOBUF].identifier(b"\x5b\x8e") == "5b8e"
