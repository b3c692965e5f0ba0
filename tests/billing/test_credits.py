"""Loading files of credits: all of one or nothing, and every fault by line and column."""

from pathlib import Path

import pytest

from apps.billing import check
from apps.billing.credit_rows import COLUMNS
from apps.billing.errors import CreditFileError
from apps.billing.models import CreditBatch
from apps.billing.services import credits as stock
from tests.billing.stock import LOADED, ROW, csv_of, load

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[2]
VERRA = ROW | {
    "registry": "verra",
    "project_id": "VCS1340",
    "country": "ET",
    "vintage_start": "2020-01-01",
    "vintage_end": "2020-12-31",
    "serial_range": "19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1",
    "quantity_tonnes": "425",
    "is_demonstration": "false",
}
HALF = VERRA["serial_range"].replace("941467431", "941467200")


def refusal(content: bytes) -> CreditFileError:
    before = CreditBatch.objects.count()
    with pytest.raises(CreditFileError) as refused:
        stock.load(content, now=LOADED)
    assert CreditBatch.objects.count() == before
    return refused.value


def places(content: bytes) -> list[tuple[int, str]]:
    faults = refusal(content).details["faults"]
    return [(fault["line"], fault["column"]) for fault in faults]


def test_batches_lie_side_by_side_in_the_gram_space() -> None:
    stock.load(csv_of([VERRA, ROW]), now=LOADED)
    load(3, name="DEMO-9")

    spans = [(batch.grams.lower, batch.grams.upper) for batch in CreditBatch.objects.order_by("pk")]
    assert spans == [(0, 425_000_000), (425_000_000, 445_000_000), (445_000_000, 448_000_000)]
    assert check.invariant_violations() == []


def test_a_parsed_range_keeps_its_numbers_and_an_unknown_form_counts_from_one() -> None:
    stock.load(csv_of([VERRA, ROW]), now=LOADED)

    verra, demo = CreditBatch.objects.order_by("pk")
    assert [int(verra.serial_first), int(verra.serial_last)] == [941467007, 941467431]
    assert [int(demo.serial_first), int(demo.serial_last)] == [1, 20]
    assert (verra.is_serial_parsed, demo.is_serial_parsed) == (True, False)


@pytest.mark.parametrize("name", ["docs/examples/credits.csv", "devstack/demo_credits.csv"])
def test_the_files_of_the_repository_can_be_loaded(name: str) -> None:
    loaded = stock.load((ROOT / name).read_bytes(), now=LOADED)

    assert loaded.batches == 2


def test_the_demonstration_credits_say_so_everywhere() -> None:
    loaded = stock.load((ROOT / "devstack/demo_credits.csv").read_bytes(), now=LOADED)

    assert loaded.tonnes == 50
    assert not CreditBatch.objects.exclude(is_demonstration=True, registry="demo").exists()


def test_a_dry_run_writes_nothing() -> None:
    assert stock.load(csv_of([VERRA]), now=LOADED, is_dry_run=True).tonnes == 425

    assert CreditBatch.objects.count() == 0


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("registry", ""),
        ("registry", "Verra"),
        ("project_id", "VCS1341"),
        ("project_name", ""),
        ("project_name", "x" * 201),
        ("project_url", "javascript:alert(1)"),
        ("country", "Ethiopia"),
        ("country", "DE"),
        ("methodology", ""),
        ("mitigation", "avoidance"),
        ("vintage_start", "01.01.2020"),
        ("vintage_start", "2020-02-01"),
        ("vintage_end", "2019-12-31"),
        ("vintage_end", "2020-02-30"),
        ("serial_range", ""),
        ("serial_range", "=HYPERLINK()"),
        ("serial_range", VERRA["serial_range"].replace("941467431", "941467006")),
        ("serial_range", VERRA["serial_range"][:-2]),
        ("quantity_tonnes", "424"),
        ("quantity_tonnes", "425.5"),
        ("quantity_tonnes", "-425"),
        ("quantity_tonnes", "0"),
        ("quantity_tonnes", ""),
        ("corresponding_adjustment", "yes"),
        ("is_demonstration", "perhaps"),
    ],
)
def test_a_fault_names_its_line_and_column_and_nothing_is_loaded(column: str, value: str) -> None:
    found = places(csv_of([ROW, {**VERRA, column: value}]))

    # a serial that disagrees is the serial's fault, whichever cell is wrong
    shared = {"project_id", "vintage_start", "quantity_tonnes"}
    assert (2 + 1, column) in found or (column in shared and found == [(3, "serial_range")])


def test_overlapping_serials_in_one_file_are_refused() -> None:
    half = {**VERRA, "serial_range": HALF, "quantity_tonnes": "194"}

    assert places(csv_of([VERRA, half])) == [(3, "serial_range")]


def test_serials_that_overlap_a_batch_loaded_before_are_refused() -> None:
    stock.load(csv_of([VERRA]), now=LOADED)
    half = {**VERRA, "serial_range": HALF, "quantity_tonnes": "194"}

    assert places(csv_of([ROW, half])) == [(3, "serial_range")]


def test_the_same_file_again_is_refused_as_such() -> None:
    stock.load(csv_of([VERRA, ROW]), now=LOADED)

    assert "loaded before" in refusal(csv_of([VERRA, ROW])).message


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"registry\n",
        csv_of([]),
        csv_of([ROW], [*COLUMNS, "price"]),
        csv_of([ROW], COLUMNS[::-1]),
        b"\xff\xfe",
        csv_of([ROW])[:-20] + b"\n",
        csv_of([ROW]) + b'"open',
        csv_of([{**ROW, "registry": "demo", "is_demonstration": "false"}]),
    ],
)
def test_a_file_of_another_shape_is_refused(content: bytes) -> None:
    refusal(content)


def test_a_file_saved_by_a_spreadsheet_is_read() -> None:
    content = b"\xef\xbb\xbf" + csv_of([VERRA]).replace(b"\n", b"\r\n") + b"\r\n"

    assert stock.load(content, now=LOADED).batches == 1
