"""Importing an AWS bill: a month of a mixed account as CUR 2.0, from the file to the last rollup.

"again" is another delivery of the same month: every line is read and looked up, none is stored.
`python -m benchmarks.import_usage FILE LINES` writes such an export, of any length.
"""

import csv
import random
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

LINES: Final = 100_000
HOUR: Final = timedelta(hours=1)
MONTH: Final = datetime(2026, 9, 1, tzinfo=UTC)
REGIONS: Final = (("eu-central-1", "EUC1-"), ("us-east-1", ""), ("eu-west-1", "EU-"))
HEADER: Final = (
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
    "product",
    "product_instance_type",
    "product_region_code",
    "product_sku",
    "resource_tags",
)
USES: Final = (
    # service, usage type, unit, instance type, operation, how many of a hundred lines
    ("AmazonEC2", "BoxUsage:m5.large", "Hrs", "m5.large", "RunInstances", 20),
    ("AmazonEC2", "SpotUsage:c5.2xlarge", "Hrs", "c5.2xlarge", "RunInstances:SV001", 10),
    ("AmazonEC2", "EBS:VolumeUsage.gp3", "GB-Mo", "", "CreateVolume-Gp3", 20),
    ("AmazonEC2", "DataTransfer-Out-Bytes", "GB", "", "RunInstances", 8),
    ("AmazonEC2", "DataTransfer-Regional-Bytes", "GB", "", "InterZone-Out", 7),
    ("AWSLambda", "Lambda-GB-Second", "Lambda-GB-Second", "", "Invoke", 8),
    ("AWSLambda", "Request", "Requests", "", "Invoke", 5),
    ("AmazonRDS", "InstanceUsage:db.r5.large", "Hrs", "db.r5.large", "CreateDBInstance:0014", 5),
    ("AmazonS3", "TimedStorage-ByteHrs", "GB-Mo", "", "StandardStorage", 7),
    ("AmazonS3", "Requests-Tier1", "Requests", "", "PutObject", 5),
    ("AmazonECS", "Fargate-vCPU-Hours:perCPU", "hours", "", "FargateTask", 5),
)


def run() -> Iterator["Result"]:
    """One million lines take ten times as long: the memory is that of a batch."""
    with tempfile.TemporaryDirectory(prefix="carbon-bench-") as folder:
        first = write_export(Path(folder) / "first.csv", LINES, delivery="first")
        later = write_export(Path(folder) / "later.csv", LINES, delivery="later")
        rates: dict[str, list[float]] = {"first": [], "again": []}
        for _ in range(REPETITIONS):
            workspace = new_workspace()
            rates["first"].append(LINES / seconds_of(lambda: _import(workspace, first)))  # noqa: B023
            rates["again"].append(LINES / seconds_of(lambda: _import(workspace, later)))  # noqa: B023
    for case, each in rates.items():
        measured = Rates(each)
        yield Result(
            "import_usage", f"CUR 2.0, {case}", measured.median, "lines/s", measured.spread
        )


def write_export(path: Path, lines: int, *, delivery: str = "first") -> Path:
    """The same lines for every delivery, but for the row ids, as AWS has it."""
    chance = random.Random(20260901)  # noqa: S311 - the same file in every run
    uses = [use for use in USES for _ in range(use[-1])]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(lines):
            writer.writerow(_line(number, chance, chance.choice(uses), delivery))
    return path


def _line(
    number: int, chance: random.Random, use: tuple[str, str, str, str, str, int], delivery: str
) -> tuple[object, ...]:
    service, usage_type, unit, instance_type, operation, _ = use
    region, prefix = chance.choice(REGIONS)
    since = MONTH + HOUR * (number % 720)
    start, end = f"{since:%Y-%m-%dT%H:%M:%S.000Z}", f"{since + HOUR:%Y-%m-%dT%H:%M:%S.000Z}"
    return (
        "123456789012",
        f"{delivery}{number:040d}",
        f"{start}/{end}",
        f"{region}a",
        f"{usage_type} in {region}",
        "Usage",
        operation,
        service,
        f"arn:aws:any:{region}:210987654321:{number % 5000:017x}",
        "0.0231000000",
        "210987654321",
        f"{chance.randint(1, 10**9) / 10**8:.10f}",
        end,
        start,
        prefix + usage_type,
        "OnDemand",
        unit,
        '{"servicename":"Amazon","vcpu":"2"}',
        instance_type,
        region,
        "ABCDEFGHIJKLMNOP",
        '{"user_team":"web"}',
    )


def _import(workspace: "Workspace", path: Path) -> None:
    import_usage(
        workspace,
        path,
        format_name="cur2",
        is_dry_run=False,
        clock=lambda: datetime.now(UTC),
        progress=lambda _done, _total: None,
    )


if __name__ == "__main__":
    write_export(Path(sys.argv[1]), int(sys.argv[2]))
else:  # only where settings name a database
    from apps.telemetry.services.usage_import import import_usage
    from apps.workspaces.models import Workspace
    from benchmarks.measuring import REPETITIONS, Rates, Result, seconds_of
    from benchmarks.workspace import new_workspace
