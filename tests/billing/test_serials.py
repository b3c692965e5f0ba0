import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.billing.serials import SerialError, SerialRange, disagreements, parse

CASES = json.loads(
    (Path(__file__).parents[1] / "data" / "vectors" / "serials.json").read_text("utf-8")
)
VERRA = "19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1"
ACR = "ACR-US-802-2022-3027-5392 to 5540"


def acr(first: int, last: int) -> SerialRange:
    return parse("acr", f"ACR-US-802-2022-3027-{first} to {last}")


@pytest.mark.parametrize("case", CASES["ranges"], ids=lambda case: case["serial"])
def test_a_range_of_a_registry_is_read(case: dict[str, Any]) -> None:
    serial = parse(case["registry"], case["serial"], units=case["units"])

    assert serial == SerialRange(
        registry=case["registry"],
        text=case["serial"],
        stem=serial.stem,
        parsed=True,
        units=case["units"],
        first=case["first"],
        last=case["last"],
        project_id=case["project_id"],
        country=case["country"],
        vintage_start=date.fromisoformat(case["vintage_start"]),
        vintage_end=date.fromisoformat(case["vintage_end"]),
    )
    assert serial.part(case["first"], case["last"]) == case["serial"]


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: case["why"])
def test_a_range_that_contradicts_itself_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(SerialError):
        parse(case["registry"], case["serial"])


@pytest.mark.parametrize("registry", ["verra", "gold_standard", "isometric", "unheard_of"])
@pytest.mark.parametrize("text", [CASES["unparsed"][0]["serial"], "iss_1GX4", "ABC/12"])
def test_an_unknown_form_is_kept_as_it_stands(registry: str, text: str) -> None:
    serial = parse(registry, text, units=3)

    assert serial == SerialRange(registry, text, stem=text, parsed=False, units=3)


@pytest.mark.parametrize(
    ("registry", "text"),
    [
        ("verra", VERRA.replace("-1340-", "-x-")),
        ("verra", VERRA.replace("941467007", "0941467007")),
        ("verra", VERRA + "\n"),
        ("verra", VERRA.replace("941467007", "\u0661")),
        ("gold_standard", "GS1-1-KE-GS11603-16-0000-30256-110-5463"),
        ("gold_standard", "GS1-1-KE-GS11603-16-2025-30256-110"),
        ("car", "CAR-1-MX-1984-42-2075-EM-2024-9479-0 to 4588"),
        ("art", "FCPF-CI-130-2022-18-1-46403"),
        ("puro", "PURO_PR_CORC100+_FI_577166_2020_055a3fbe_1-100"),
        ("isometric", ""),
        ("isometric", "x" * 301),
        ("isometric", "two\nlines"),
        ("isometric", "+1"),
        ("isometric", "@SUM(A1)"),
    ],
)
def test_a_text_that_no_registry_writes_is_refused(registry: str, text: str) -> None:
    with pytest.raises(SerialError):
        parse(registry, text)


@pytest.mark.parametrize("units", [148, 150, 0, -1])
def test_a_quantity_that_is_not_the_ranges_is_refused(units: int) -> None:
    with pytest.raises(SerialError):
        parse("acr", ACR, units=units)


def test_a_part_is_written_as_the_registry_would() -> None:
    assert parse("acr", ACR).part(5400, 5401) == "ACR-US-802-2022-3027-5400 to 5401"
    assert parse("verra", VERRA).part(941467010, 941467010) == VERRA.replace(
        "941467007-941467431", "941467010-941467010"
    )


@pytest.mark.parametrize(("first", "last"), [(5391, 5400), (5400, 5541), (5401, 5400)])
def test_a_part_outside_its_range_is_refused(first: int, last: int) -> None:
    with pytest.raises(SerialError):
        parse("acr", ACR).part(first, last)


@pytest.mark.parametrize(
    ("gram_start", "gram_end", "serials"),
    [
        (0, 1, (5392, 5392)),
        (0, 1_000_000, (5392, 5392)),
        (999_999, 1_000_001, (5392, 5393)),
        (1_000_000, 1_000_001, (5393, 5393)),
        (0, 149_000_000, (5392, 5540)),
        (148_999_999, 149_000_000, (5540, 5540)),
    ],
)
def test_a_gram_lies_in_the_serial_of_its_tonne(
    gram_start: int, gram_end: int, serials: tuple[int, int]
) -> None:
    assert parse("acr", ACR).serials_at(gram_start, gram_end) == serials


@pytest.mark.parametrize(
    ("gram_start", "gram_end"), [(-1, 1), (5, 5), (6, 5), (148_999_999, 149_000_001)]
)
def test_grams_outside_the_range_lie_in_no_serial(gram_start: int, gram_end: int) -> None:
    with pytest.raises(SerialError):
        parse("acr", ACR).serials_at(gram_start, gram_end)


def test_an_unparsed_range_has_neither_serials_nor_parts() -> None:
    opaque = parse("isometric", "iss_1")

    with pytest.raises(SerialError):
        opaque.serials_at(0, 1)
    with pytest.raises(SerialError):
        opaque.part(1, 1)


@given(*[st.integers(1, 12)] * 4)
def test_two_ranges_overlap_when_they_share_a_serial(a: int, b: int, c: int, d: int) -> None:
    one, other = acr(min(a, b), max(a, b)), acr(min(c, d), max(c, d))
    shared = set(range(min(a, b), max(a, b) + 1)) & set(range(min(c, d), max(c, d) + 1))

    assert one.overlaps(other) is bool(shared)
    assert other.overlaps(one) is bool(shared)


def test_ranges_of_different_stems_never_overlap() -> None:
    assert not parse("acr", ACR).overlaps(parse("acr", ACR.replace("-2022-", "-2023-")))
    assert not parse("a", "iss_1").overlaps(parse("b", "iss_1"))
    assert not parse("a", "iss_1").overlaps(parse("a", "iss_2"))
    assert parse("a", "iss_1").overlaps(parse("a", "iss_1"))


@pytest.mark.parametrize(
    ("registry", "text", "project_id", "vintage", "count"),
    [
        ("verra", VERRA, "VCS1340", ("2020-01-01", "2020-12-31"), 0),
        ("verra", VERRA, "VCS1340", ("2020-02-01", "2020-12-31"), 1),
        ("verra", VERRA, "1340", ("2020-01-01", "2020-12-30"), 2),
        ("acr", ACR, "ACR802", ("2022-01-01", "2022-12-31"), 0),
        ("acr", ACR, "ACR802", ("2022-03-01", "2022-10-31"), 0),
        ("acr", ACR, "ACR802", ("2021-12-31", "2022-10-31"), 1),
        ("acr", ACR, "ACR802", ("2022-10-31", "2022-03-01"), 1),
        ("isometric", "iss_1", "anything", ("1999-01-01", "2030-01-01"), 0),
    ],
)
def test_the_stated_project_and_vintage_must_be_the_serials(
    registry: str, text: str, project_id: str, vintage: tuple[str, str], count: int
) -> None:
    start, end = map(date.fromisoformat, vintage)

    found = disagreements(
        parse(registry, text), project_id=project_id, vintage_start=start, vintage_end=end
    )

    assert len(found) == count


@given(st.sampled_from(["verra", "acr", "puro", "isometric"]), st.text(max_size=40))
def test_any_text_is_read_kept_or_refused(registry: str, text: str) -> None:
    try:
        serial = parse(registry, text)
    except SerialError:
        return
    assert serial.text == text


def test_a_range_of_the_demonstration_registry_is_read() -> None:
    serial = parse("demo", "DEMO-ZZ-1-2023-1-30", units=30)

    assert (serial.project_id, serial.country, serial.first, serial.last) == ("DEMO-1", "ZZ", 1, 30)
    assert serial.part(2, 3) == "DEMO-ZZ-1-2023-2-3"
