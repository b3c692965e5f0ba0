"""Both formats, each as CSV and as Parquet: what is read, and which lines count."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.telemetry.models import UsageImport, UsageSample
from tests.telemetry.imports.bills import Row, as_csv, as_parquet, azure, cur2, focus, google
from tests.telemetry.imports.conftest import Import

pytestmark = pytest.mark.django_db
STAMP = pa.timestamp("ms", tz="UTC")
CUR2_TYPES = {
    "line_item_usage_amount": pa.float64(),
    "line_item_usage_start_date": STAMP,
    "line_item_usage_end_date": STAMP,
}
FOCUS_TYPES = {
    "ConsumedQuantity": pa.decimal128(38, 18),
    "ChargePeriodStart": STAMP,
    "ChargePeriodEnd": STAMP,
}


@pytest.mark.parametrize(
    ("row", "types"),
    [
        (cur2(line_item_usage_amount="0.1"), CUR2_TYPES),
        (focus(ConsumedQuantity="0.1"), FOCUS_TYPES),
        (azure(ConsumedQuantity="0.1"), FOCUS_TYPES),
    ],
)
def test_csv_packed_csv_and_parquet_are_the_same_lines(
    tmp_path: Path, run_import: Import, row: Row, types: dict[str, Any]
) -> None:
    plain = run_import(as_csv(tmp_path / "a.csv", [row], bom=True))
    packed = run_import(as_csv(tmp_path / "a.csv.gz", [row]))
    table = run_import(as_parquet(tmp_path / "a.parquet", [row], **types))

    assert UsageSample.objects.get().usage_amount == Decimal("0.1")
    assert [plain.code, packed.code, table.code] == [0, 0, 0]
    assert "Samples stored: 1\n" in plain.said
    assert "Samples known before: 1\n" in packed.said
    assert "Samples known before: 1\n" in table.said


def test_tags_are_the_same_as_a_map_and_as_json(tmp_path: Path, run_import: Import) -> None:
    tags = '{"user_team": "web", "user_app": "shop"}'
    row = cur2(line_item_resource_id="", resource_tags=tags)
    path = as_parquet(tmp_path / "a.parquet", [row])
    table = pq.read_table(path)
    place = table.schema.get_field_index("resource_tags")
    kind = pa.map_(pa.string(), pa.string())
    pairs = pa.array([[("user_app", "shop"), ("user_team", "web")]], kind)
    pq.write_table(table.set_column(place, pa.field("resource_tags", kind), pairs), path)

    run_import(as_csv(tmp_path / "a.csv", [row]))
    run_import(path)

    assert UsageSample.objects.count() == 1


def test_the_clouds_of_focus(tmp_path: Path, run_import: Import) -> None:
    for number, row in enumerate((focus(), azure(), google())):
        run = run_import(as_csv(tmp_path / f"{number}.csv", [row]))
        assert run.code == 0, run.said

    rows = UsageSample.objects.order_by("provider").values_list(
        "provider", "region", "resource_type", "instance_type", "usage_amount"
    )
    assert list(rows) == [
        ("aws", "eu-central-1", "instance", "m5.large", Decimal(1)),
        ("azure", "northeurope", "instance", "Standard_D4s_v3", Decimal(24)),
        ("gcp", "europe-west3", "vcpu", None, Decimal(48)),
    ]


def test_what_runs_at_another_host_counts_there(tmp_path: Path, run_import: Import) -> None:
    row = focus(ProviderName="A Database", HostProviderName="Amazon Web Services")

    run_import(as_csv(tmp_path / "a.csv", [row]))

    assert UsageSample.objects.get().provider == "aws"


@pytest.mark.parametrize(
    "kind",
    [
        "SavingsPlanNegation",
        "SavingsPlanUpfrontFee",
        "SavingsPlanRecurringFee",
        "RIFee",
        "Fee",
        "Tax",
        "Credit",
        "Refund",
        "BundledDiscount",
        "EdpDiscount",
        "PrivateRateDiscount",
        "Discount",
        "SomethingNew",
    ],
)
def test_cur_lines_that_would_count_a_use_twice_never_count(
    tmp_path: Path, run_import: Import, kind: str
) -> None:
    run = run_import(as_csv(tmp_path / "a.csv", [cur2(line_item_line_item_type=kind)]))

    assert not UsageSample.objects.exists()
    assert run.code == (3 if kind == "SomethingNew" else 0), run.said


def test_a_share_of_an_instance_is_not_counted_beside_it(
    tmp_path: Path, run_import: Import
) -> None:
    share = cur2(
        line_item_product_code="AmazonECS",
        line_item_resource_id="arn:aws:ecs:eu-central-1:210987654321:task/web/1",
        line_item_usage_type="EUC1-ECS-EC2-vCPU-Hours",
        split_line_item_parent_resource_id="i-0123456789abcdef0",
    )
    whole = cur2(split_line_item_parent_resource_id="")

    run = run_import(as_csv(tmp_path / "a.csv", [whole, share]))

    assert UsageSample.objects.get().resource_type == "instance"
    assert "  1  shares of instances that other lines count" in run.said
    assert run.code == 0


@pytest.mark.parametrize("kind", ["Usage", "DiscountedUsage", "SavingsPlanCoveredUsage"])
def test_cur_lines_that_are_a_use_count(tmp_path: Path, run_import: Import, kind: str) -> None:
    run_import(as_csv(tmp_path / "a.csv", [cur2(line_item_line_item_type=kind)]))

    assert UsageSample.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"ChargeCategory": "Purchase"}, "purchases"),
        ({"ChargeCategory": "Tax"}, "taxes"),
        ({"ChargeCategory": "Credit"}, "credits"),
        ({"ChargeClass": "Correction"}, "corrections of an earlier bill"),
        ({"CommitmentDiscountStatus": "Unused"}, "capacity that was reserved and not used"),
        ({"CapacityReservationStatus": "Unused"}, "capacity that was reserved and not used"),
        ({"ConsumedQuantity": ""}, "lines without an amount"),
        ({"ConsumedQuantity": "0"}, "amounts of zero"),
        ({"ConsumedQuantity": "-1"}, "negative amounts"),
    ],
)
def test_focus_lines_that_are_no_use_are_counted_by_kind(
    tmp_path: Path, run_import: Import, changes: dict[str, str], kind: str
) -> None:
    run = run_import(as_csv(tmp_path / "a.csv", [focus(**changes)]))

    assert not UsageSample.objects.exists()
    assert list(UsageImport.objects.get().tally["without_usage"]) == [kind]
    assert run.code == 0


def test_the_zone_tells_the_region_where_the_column_is_empty(
    tmp_path: Path, run_import: Import
) -> None:
    row = cur2(product_region_code="", line_item_availability_zone="eu-west-1b")

    run_import(as_csv(tmp_path / "a.csv", [row]))

    assert UsageSample.objects.get().region == "eu-west-1"


def test_the_instance_type_of_the_details_wins(tmp_path: Path, run_import: Import) -> None:
    row = azure(SkuPriceDetails='{"InstanceType": "Standard_E48_v4"}')

    run_import(as_csv(tmp_path / "a.csv", [row]))

    assert UsageSample.objects.get().instance_type == "Standard_E48_v4"


def test_the_format_can_be_said(tmp_path: Path, run_import: Import) -> None:
    run_import(as_csv(tmp_path / "a.csv", [cur2()]), "--format", "cur2")

    assert UsageImport.objects.get().format == "cur2"
