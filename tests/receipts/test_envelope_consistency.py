import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.receipts.consistency import inconsistencies
from apps.receipts.envelope import receipt_payload
from tests.receipts.examples import (
    PAYLOAD,
    SECOND_ENVELOPE,
    changed,
    changed_line,
    line,
    receipt,
)


def members_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    paths = []
    for name, member in inner:
        paths.append((*path, name))
        if isinstance(member, dict | list):
            paths += members_of(member, (*path, name))
    return paths


MEMBERS = members_of(PAYLOAD)
NAMED = [path for path in MEMBERS if isinstance(path[-1], str)]


def place_of(payload: Any, path: tuple[Any, ...]) -> Any:
    for step in path[:-1]:
        payload = payload[step]
    return payload


@pytest.mark.parametrize("payload", [PAYLOAD, SECOND_ENVELOPE["payload"]])
def test_the_published_receipts_agree_with_themselves(payload: dict[str, Any]) -> None:
    assert inconsistencies(payload) == []


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ({"emissions__co2e_grams": "12358.674"}, "between its bounds"),
        ({"emissions__co2e_grams_high": "17655.24"}, "between its bounds"),
        ({"emissions__co2e_grams_low": "-1"}, "co2e_grams_low is not written"),
        ({"emissions__energy_kwh": "-0.1"}, "energy_kwh is not written"),
        ({"period__start": "2026-11-01T00:00:00Z"}, "ends before it starts"),
        ({"period__end": "2026-11-03T00:12:42Z"}, "before its period ended"),
        ({"retirement__allocated_grams": "17655"}, "do not sum"),
        ({"retirement__uncovered_grams": "1"}, "exactly when the status is covered"),
        ({"retirement__status": "partly_covered"}, "exactly when the status is covered"),
        ({"retirement__status": "pending"}, "pending exactly when"),
        ({"retirement__status": "none"}, "credits are listed"),
        ({"retirement__lines": []}, "no credits are listed"),
        ({"emissions__co2e_grams": "17656.1"}, "neither retired nor uncovered"),
        ({"statement": "carbon-neutral/1"}, "fixed sentences"),
        ({"statement": "footprint-only/1"}, "does not fit"),
    ],
)
def test_a_receipt_that_breaks_a_rule_is_found(broken: dict[str, Any], fault: str) -> None:
    assert fault in "; ".join(inconsistencies(changed(PAYLOAD, **broken)))


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ({"gram_start": "3017656"}, "range is empty"),
        ({"gram_start": "2999999"}, "lie in serials 941467009 to 941467010"),
        ({"serial_first": "941467007"}, "lie in serials"),
        ({"serial_last": None}, "lie in serials"),
        ({"gram_end": "425000001"}, "not inside"),
        ({"project_id": "VCS1341"}, "of project VCS1340"),
        ({"vintage_start": "2019-01-01"}, "of vintage 2020-01-01"),
        ({"vintage_start": "2021-01-01"}, "the vintage ends before"),
        (
            {"serial_range": "19385-2-1-VCS-VCU-1-VER-ET-1-1-01012020-31122020-1"},
            "before it starts",
        ),
        ({"retired_on": "2026-11-04"}, "retired after"),
        ({"retired_on": None}, "pending exactly when"),
        ({"registry_url": None}, "without the registry's page"),
    ],
)
def test_a_line_that_breaks_a_rule_is_found(broken: dict[str, Any], fault: str) -> None:
    assert fault in "; ".join(inconsistencies(changed_line(PAYLOAD, **broken)))


def test_a_receipt_may_be_issued_in_the_second_its_period_ends() -> None:
    payload = changed(PAYLOAD, period__end="2026-11-03T00:12:41Z")

    assert inconsistencies(payload) == []


def test_more_than_the_high_bound_is_never_allocated() -> None:
    most = receipt_payload(receipt(lines=(line(gram_end=3_022_952),)))
    more = receipt_payload(receipt(lines=(line(gram_end=3_022_953),)))

    assert inconsistencies(most) == []
    assert inconsistencies(more) == ["more is allocated than was emitted"]


def test_two_lines_may_touch_and_not_overlap() -> None:
    first = line(gram_end=3_010_000)
    touching = receipt_payload(receipt(lines=(line(gram_start=3_010_000), first)))
    overlapping = receipt_payload(receipt(lines=(line(gram_start=3_009_999), first)))

    assert inconsistencies(touching) == []
    assert "two lines share grams of one credit" in inconsistencies(overlapping)


def test_one_credit_named_by_two_ranges_is_still_one_credit() -> None:
    payload = receipt_payload(receipt(lines=(line(gram_end=3_010_000), line(gram_start=3_010_000))))
    second = payload["retirement"]["lines"][1]
    second["serial_range"] = second["serial_range"].replace("941467007-", "941467008-")
    second.update(gram_start="2009999", gram_end="2017655")

    assert inconsistencies(payload) == ["two lines share grams of one credit"]


@pytest.mark.parametrize("path", NAMED, ids=lambda path: ".".join(map(str, path)))
def test_no_member_may_be_missing(path: tuple[Any, ...]) -> None:
    payload = copy.deepcopy(PAYLOAD)
    del place_of(payload, path)[path[-1]]

    assert any("is missing" in fault for fault in inconsistencies(payload))


@pytest.mark.parametrize("path", MEMBERS, ids=lambda path: ".".join(map(str, path)))
def test_no_member_may_be_a_number_that_is_not_one(path: tuple[Any, ...]) -> None:
    payload = copy.deepcopy(PAYLOAD)
    place_of(payload, path)[path[-1]] = 2

    assert inconsistencies(payload) != []


@pytest.mark.parametrize("path", [(), *(p for p in NAMED if p[-1] in {"period", "emissions"})])
def test_no_member_may_be_added(path: tuple[Any, ...]) -> None:
    payload = copy.deepcopy(PAYLOAD)
    place = place_of(payload, path)[path[-1]] if path else payload
    place["more"] = "x"

    assert any("more is not known" in fault for fault in inconsistencies(payload))


@pytest.mark.parametrize(
    "broken",
    [
        {"version": True},
        {"version": 2},
        {"type": "credit-note"},
        {"nonce": "AAAA"},
        {"nonce": "not base64"},
        {"issued_at": "2026-11-03T00:12:41+00:00"},
        {"issued_at": "2026-11-31T00:12:41Z"},
        {"emissions__co2e_grams": "017655.25"},
        {"emissions__co2e_grams": "1.765525e4"},
        {"emissions__co2e_grams": "+17655.25"},
        {"emissions__co2e_grams": "17655."},
        {"emissions__co2e_grams": "\u0661"},
        {"emissions__co2e_grams": "9" * 31},
        {"emissions__factor_sha256": "sha256:" + "A" * 64},
        {"retirement__allocated_grams": "17656.0"},
        {"retirement__lines": {}},
        {"retirement__lines": ["line"]},
        {"emissions": []},
        {"workspace__name": ""},
    ],
    ids=str,
)
def test_a_value_in_another_form_is_found(broken: dict[str, Any]) -> None:
    assert inconsistencies(changed(PAYLOAD, **broken)) != []


@pytest.mark.parametrize(
    "broken",
    [
        {"retired_on": "20261103"},
        {"retired_on": "2026-02-30"},
        {"mitigation": "offset"},
        {"corresponding_adjustment": "maybe"},
        {"labels": ["ok", 1]},
        {"registry_url": ""},
    ],
    ids=str,
)
def test_a_value_of_a_line_in_another_form_is_found(broken: dict[str, Any]) -> None:
    assert inconsistencies(changed_line(PAYLOAD, **broken)) != []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.sampled_from(MEMBERS), json_values)
def test_whatever_stands_in_a_member_is_judged_and_never_raises(
    path: tuple[Any, ...], value: Any
) -> None:
    payload = copy.deepcopy(PAYLOAD)
    place_of(payload, path)[path[-1]] = value

    assert isinstance(inconsistencies(payload), list)
    assert inconsistencies(value) != []
