"""Files that are no billing exports, and lines that cannot be read: said, and nothing half done."""

import gzip
from pathlib import Path

import pytest
from django.core.management import CommandError

from apps.telemetry.models import UsageImport, UsageSample
from tests.telemetry.imports.bills import CUR2_COLUMNS, as_csv, as_parquet, cur2, focus
from tests.telemetry.imports.conftest import Import

pytestmark = pytest.mark.django_db


def cut(path: Path, bytes_left_out: int) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[:-bytes_left_out])
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "nothing.csv", "does not exist"),
        (lambda folder: folder, "is not a file"),
        (lambda folder: written(folder / "a.csv", b""), "is empty"),
        (lambda folder: written(folder / "a.csv", b"\n\n"), "has no header"),
        (lambda folder: written(folder / "a.csv", b"a,b\n1,\xff\n"), "UTF-8"),
        (lambda folder: written(folder / "a.csv", "a,b\n1,2\n".encode("utf-16")), "UTF-8"),
        (lambda folder: written(folder / "a.csv", b"a,b,a\n1,2,3\n"), "twice: a"),
        (lambda folder: written(folder / "a.csv", b"a,b\n1,2\n"), "AWS CUR 2.0 needs line_item_"),
        (lambda folder: written(folder / "a.csv", b"PAR1 and no more"), "not a whole Parquet"),
        (lambda folder: cut(as_parquet(folder / "a.parquet", [cur2()]), 9), "not a whole Parquet"),
        (lambda folder: cut(as_csv(folder / "a.csv.gz", [cur2()]), 9), "cut off"),
        (lambda folder: written(folder / "a.csv.gz", gzip.compress(b"")), "has no header"),
        (lambda folder: written(folder / "a.csv.gz", b"\x1f\x8b\x08\x00broken"), "gzip"),
    ],
)
def test_a_file_that_is_no_export_is_refused_and_named(
    tmp_path: Path, run_import: Import, make: object, said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        run_import(make(tmp_path))  # type: ignore[operator] # the table's functions

    assert not UsageImport.objects.exists()


def test_the_columns_that_are_missing_are_named(tmp_path: Path, run_import: Import) -> None:
    row = focus()
    del row["ConsumedUnit"], row["RegionId"]

    with pytest.raises(CommandError, match="FOCUS needs ConsumedUnit, RegionId"):
        run_import(as_csv(tmp_path / "a.csv", [row]))


def test_the_other_format_is_refused_when_one_is_said(tmp_path: Path, run_import: Import) -> None:
    with pytest.raises(CommandError, match="FOCUS needs ChargeCategory"):
        run_import(as_csv(tmp_path / "a.csv", [cur2()]), "--format", "focus")


@pytest.mark.parametrize("ends", [b"", b"\n", b"\r\n"])
def test_a_header_alone_is_an_import_of_nothing(
    tmp_path: Path, run_import: Import, ends: bytes
) -> None:
    run = run_import(written(tmp_path / "a.csv", ",".join(CUR2_COLUMNS).encode() + ends))

    assert "Lines read: 0\n" in run.said
    assert run.code == 0


def test_lines_that_cannot_be_read_are_counted_and_the_others_stored(
    tmp_path: Path, run_import: Import
) -> None:
    rows = [
        cur2(),
        cur2(line_item_usage_start_date="yesterday"),
        cur2(line_item_usage_amount="many"),
        cur2(line_item_usage_amount="NaN"),
        cur2(line_item_usage_amount="1e999999"),
        cur2(line_item_usage_amount="1000000000000"),
        cur2(product_region_code="mars-north-1"),
        cur2(product_region_code=""),
        cur2(line_item_usage_type="EUC1-BoxUsage:x99.huge"),
        cur2(line_item_usage_type="EUC1-Mystery"),
    ]

    run = run_import(as_csv(tmp_path / "a.csv", rows))

    assert UsageSample.objects.count() == 1
    assert run.code == 3
    assert UsageImport.objects.get().tally["not_understood"] == {
        "unreadable time": [1, 2],
        "unreadable amount": [3, 3],
        "amount too large: AmazonEC2 EUC1-BoxUsage:m5.large": [1, 6],
        "unknown region: aws mars-north-1": [1, 7],
        "no region: AmazonEC2 EUC1-BoxUsage:m5.large": [1, 8],
        "instance type not in the catalogue: aws x99.huge": [1, 9],
        "unknown usage type: AmazonEC2 EUC1-Mystery": [1, 10],
    }


def test_lines_with_other_fields_than_the_header_are_counted(
    tmp_path: Path, run_import: Import
) -> None:
    path = as_csv(tmp_path / "a.csv", [cur2(), cur2(line_item_resource_id="i-2")])
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\r\n".join([*lines[:2], b"too,few", lines[2] + b",too,many", lines[2]]))

    run = run_import(path)

    reason = "another number of fields than the header has"
    assert UsageSample.objects.count() == 2
    assert UsageImport.objects.get().tally["not_understood"] == {reason: [2, 2]}
    assert run.code == 3


def test_line_ends_inside_a_text_do_not_break_the_line(tmp_path: Path, run_import: Import) -> None:
    run = run_import(as_csv(tmp_path / "a.csv", [cur2(resource_tags='{"a":\n"b"}'), cur2()]))

    assert "Lines read: 2\n" in run.said
    assert UsageSample.objects.count() == 2


def test_a_report_shows_no_account_and_no_resource(tmp_path: Path, run_import: Import) -> None:
    rows = [
        cur2(line_item_resource_id="arn:aws:ec2:eu-central-1:210987654321:instance/i-77"),
        cur2(line_item_usage_type="EUC1-Mystery"),
        cur2(line_item_line_item_type="Tax"),
        cur2(line_item_usage_amount="x"),
    ]

    run = run_import(as_csv(tmp_path / "a.csv", rows))

    assert "210987654321" not in run.said
    assert "123456789012" not in run.said
    assert "i-77" not in run.said
    assert "EUC1-Mystery" in run.said
