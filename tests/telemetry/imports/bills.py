"""Billing exports as the providers document their columns, with invented use in them.

CUR 2.0: docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2-line-item.html and the
pages beside it. FOCUS: focus.finops.org/focus-specification/v1-2, with the additions of AWS
(…/cur/latest/userguide/table-dictionary-focus-1-2-aws-columns.html), of Azure
(learn.microsoft.com/azure/cost-management-billing/dataset-schema/cost-usage-details-focus) and of
Google Cloud (docs.cloud.google.com/billing/docs/how-to/export-data-bigquery-tables/focus-export).
"""

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, str]

CUR2_COLUMNS = (
    "bill_bill_type",
    "bill_billing_period_start_date",
    "bill_invoice_id",
    "bill_payer_account_id",
    "identity_line_item_id",
    "identity_time_interval",
    "line_item_availability_zone",
    "line_item_line_item_description",
    "line_item_line_item_type",
    "line_item_operation",
    "line_item_product_code",
    "line_item_resource_id",
    "line_item_unblended_cost",
    "line_item_usage_account_id",
    "line_item_usage_amount",
    "line_item_usage_end_date",
    "line_item_usage_start_date",
    "line_item_usage_type",
    "pricing_term",
    "pricing_unit",
    "product_instance_type",
    "product_region_code",
    "product_sku",
    "reservation_reservation_a_r_n",
    "resource_tags",
    "savings_plan_savings_plan_a_r_n",
)
FOCUS_COLUMNS = (
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "CapacityReservationStatus",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountId",
    "CommitmentDiscountStatus",
    "ConsumedQuantity",
    "ConsumedUnit",
    "PricingCategory",
    "ProviderName",
    "RegionId",
    "ResourceId",
    "ServiceCategory",
    "ServiceName",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "Tags",
)
ACCOUNT = "210987654321"
_numbers = iter(range(10**9))


def cur2(**changes: str) -> Row:
    """An hour of an m5.large in Frankfurt; its id is new in every delivery, as AWS makes them."""
    start = changes.get("line_item_usage_start_date", "2026-10-05T10:00:00.000Z")
    end = changes.get("line_item_usage_end_date", "2026-10-05T11:00:00.000Z")
    row = {
        "bill_bill_type": "Anniversary",
        "bill_billing_period_start_date": "2026-10-01T00:00:00.000Z",
        "bill_payer_account_id": "123456789012",
        "identity_line_item_id": f"delivery-{next(_numbers)}",
        "identity_time_interval": f"{start}/{end}",
        "line_item_line_item_type": "Usage",
        "line_item_operation": "RunInstances",
        "line_item_product_code": "AmazonEC2",
        "line_item_resource_id": "i-0123456789abcdef0",
        "line_item_unblended_cost": "0.115",
        "line_item_usage_account_id": ACCOUNT,
        "line_item_usage_amount": "1",
        "line_item_usage_end_date": end,
        "line_item_usage_start_date": start,
        "line_item_usage_type": "EUC1-BoxUsage:m5.large",
        "pricing_term": "OnDemand",
        "pricing_unit": "Hrs",
        "product_instance_type": "m5.large",
        "product_region_code": "eu-central-1",
    }
    return dict.fromkeys(CUR2_COLUMNS, "") | row | changes


def focus(**changes: str) -> Row:
    """The same hour in FOCUS 1.2 as AWS exports it."""
    row = {
        "BilledCost": "0.115",
        "BillingAccountId": "123456789012",
        "ChargeCategory": "Usage",
        "ChargeDescription": "$0.115 per On Demand Linux m5.large Instance Hour",
        "ChargePeriodStart": "2026-10-05T10:00:00Z",
        "ChargePeriodEnd": "2026-10-05T11:00:00Z",
        "ConsumedQuantity": "1",
        "ConsumedUnit": "Hours",
        "PricingCategory": "Standard",
        "ProviderName": "AWS",
        "RegionId": "eu-central-1",
        "ResourceId": "i-0123456789abcdef0",
        "ServiceCategory": "Compute",
        "ServiceName": "Amazon Elastic Compute Cloud",
        "SkuId": "SKU1",
        "SkuMeter": "EUC1-BoxUsage:m5.large",
        "SkuPriceId": "SKU1.PRICE",
        "SubAccountId": ACCOUNT,
        "x_ServiceCode": "AmazonEC2",
        "x_Operation": "RunInstances",
    }
    return dict.fromkeys(FOCUS_COLUMNS, "") | row | changes


def azure(**changes: str) -> Row:
    """A day of a virtual machine in Dublin, in FOCUS as Azure exports it."""
    row = focus(
        ChargeDescription="Virtual Machines Dsv3 Series - D4s v3 - EU North",
        ChargePeriodStart="2026-10-05T00:00:00Z",
        ChargePeriodEnd="2026-10-06T00:00:00Z",
        ConsumedQuantity="24",
        ProviderName="Microsoft",
        RegionId="northeurope",
        ResourceId="/subscriptions/0/resourcegroups/web/providers/microsoft.compute/vm/web",
        ServiceName="Virtual Machines",
        SkuMeter="",
        x_SkuMeterCategory="Virtual Machines",
        x_SkuMeterName="D4s v3",
    )
    del row["x_ServiceCode"], row["x_Operation"]
    return row | changes


def google(**changes: str) -> Row:
    """Two vCPUs for a day in Frankfurt, in FOCUS as Google Cloud exports it."""
    row = focus(
        ChargeDescription="N2 Instance Core running in Frankfurt",
        ChargePeriodStart="2026-10-05 00:00:00 UTC",
        ChargePeriodEnd="2026-10-06 00:00:00 UTC",
        ConsumedQuantity="172800",
        ConsumedUnit="seconds",
        ProviderName="Google Cloud",
        RegionId="europe-west3",
        ResourceId="//compute.googleapis.com/projects/web/instances/1",
        ServiceName="Compute Engine",
        SkuMeter="",
    )
    del row["x_ServiceCode"], row["x_Operation"]
    return row | changes


def as_csv(path: Path, rows: Sequence[Row], *, bom: bool = False) -> Path:
    """Packed where the name ends so."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    content = text.getvalue().encode("utf-8-sig" if bom else "utf-8")
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def as_parquet(path: Path, rows: Sequence[Row], **types: pa.DataType) -> Path:
    """With these types of columns, the others being texts, and null in place of nothing."""
    fields = [pa.field(name, types.get(name, pa.string())) for name in rows[0]]
    columns = [
        pa.array([row[field.name] or None for row in rows], pa.string()).cast(field.type)
        for field in fields
    ]
    pq.write_table(pa.Table.from_arrays(columns, schema=pa.schema(fields)), path)
    return path
