"""What each kind of billed line measures, by the rules that the product comes with."""

from decimal import Decimal

import pytest

from apps.telemetry.billing_exports.amounts import exact
from apps.telemetry.billing_exports.lines import USAGE, Metered
from apps.telemetry.billing_exports.understanding import Meaning, understand
from apps.telemetry.services.usage_import_chunk import known_instance

GB = 1024**3


def meaning(
    provider: str,
    service: str,
    usage_type: str,
    unit: str = "",
    *,
    instance_type: str = "",
    category: str = "",
    kind: str = USAGE,
) -> Meaning:
    metered = Metered(provider, service, category, usage_type, unit, instance_type, kind)
    return understand(metered, known_instance)


def measured(found: Meaning, amount: str = "1") -> list[tuple[str, str | None, str]]:
    """Resource, instance type and amount, to nine places."""
    assert found.unknown is None, found.unknown
    return [
        (one.resource_type, one.instance_type, f"{exact(Decimal(amount), one):.9f}".rstrip("0"))
        for one in found.measures
    ]


@pytest.mark.parametrize(
    ("service", "usage_type", "unit", "resource", "amount"),
    [
        ("AmazonEC2", "EBS:VolumeUsage.gp3", "GB-Mo", "storage", "1."),
        ("AmazonEC2", "EUC1-EBS:SnapshotUsage", "GB-Mo", "storage", "1."),
        ("AmazonECS", "EUC1-Fargate-vCPU-Hours:perCPU", "hours", "vcpu", "1."),
        ("AmazonECS", "EUC1-Fargate-ARM-GB-Hours", "hours", "memory", "1."),
        ("AmazonECS", "USE1-SpotUsage-Fargate-vCPU-Hours:perCPU", "hours", "vcpu", "1."),
        ("AmazonEKS", "EUC1-Fargate-vCPU-Hours:perCPU", "hours", "vcpu", "1."),
        ("AmazonECS", "Fargate-EphemeralStorage-GB-Hours", "GB-Hours", "storage", "0.001369863"),
        ("AWSLambda", "Lambda-Storage-GB-Second", "Seconds", "storage", "0.000000381"),
        ("AmazonS3", "EUC1-TimedStorage-ByteHrs", "GB-Mo", "storage", "1."),
        ("AmazonS3", "TimedStorage-SIA-ByteHrs", "GB-Mo", "storage", "1."),
        ("AmazonS3", "TimedStorage-ByteHrs", "", "storage", "1."),
        ("AmazonRDS", "RDS:GP3-Storage", "GB-Mo", "storage", "1."),
        ("AmazonRDS", "EU-RDS:Multi-AZ-GP2-Storage", "GB-Mo", "storage", "1."),
        ("AmazonRDS", "Aurora:ServerlessV2Usage", "ACU-Hr", "vcpu", "0.25"),
        ("AmazonElastiCache", "ElastiCache:BackupUsage", "GB-Mo", "storage", "1."),
        ("AmazonEC2", "EUC1-DataTransfer-Out-Bytes", "GB", "network", "1."),
        ("AmazonS3", "EUC1-USE1-AWS-Out-Bytes", "GB", "network", "1."),
    ],
)
def test_aws_by_the_amount(
    service: str, usage_type: str, unit: str, resource: str, amount: str
) -> None:
    assert measured(meaning("aws", service, usage_type, unit)) == [(resource, None, amount)]


@pytest.mark.parametrize(
    ("service", "usage_type", "name", "hours"),
    [
        ("AmazonEC2", "BoxUsage:m5.large", "m5.large", "1."),
        ("AmazonEC2", "EUC1-SpotUsage:c5.2xlarge", "c5.2xlarge", "1."),
        ("AmazonEC2", "EU-HeavyUsage:r5.xlarge", "r5.xlarge", "1."),
        ("AmazonEC2", "USE2-DedicatedUsage:m5.large", "m5.large", "1."),
        ("AmazonRDS", "EUC1-InstanceUsage:db.r5.large", "db.r5.large", "1."),
        ("AmazonRDS", "EUC1-Multi-AZUsage:db.r5.large", "db.r5.large", "2."),
        ("AmazonRDS", "Multi-AZClusterUsage:db.r6i.large", "db.r6i.large", "3."),
        ("AmazonElastiCache", "EUC1-NodeUsage:cache.r4.16xlarge", "cache.r4.16xlarge", "1."),
        ("AmazonES", "EUC1-ESInstance:m5.large", "m5.large", "1."),
        ("AmazonMSK", "EUC1-Kafka.m5.large", "m5.large", "1."),
        ("AmazonSageMaker", "EUC1-Host:ml.m5.large", "m5.large", "1."),
    ],
)
def test_aws_by_the_instance(service: str, usage_type: str, name: str, hours: str) -> None:
    assert measured(meaning("aws", service, usage_type, "Hrs")) == [("instance", name, hours)]


def test_the_column_names_the_instance_where_the_usage_type_does_not() -> None:
    found = meaning("aws", "AmazonEC2", "EUC1-BoxUsage", "Hrs", instance_type="m5.large")

    assert measured(found) == [("instance", "m5.large", "1.")]


def test_lambda_is_a_vcpu_for_each_1769_mb_and_its_memory() -> None:
    found = meaning("aws", "AWSLambda", "EUC1-Lambda-GB-Second-ARM", "Lambda-GB-Second")

    # 1769 MB for two hours are 1769/1024 x 7200 GB-seconds
    assert measured(found, "12438.28125") == [
        ("vcpu", None, "2."),
        ("memory", None, "3.455078125"),
    ]


@pytest.mark.parametrize(
    ("usage_type", "service", "skipped"),
    [
        ("EUC1-DataTransfer-In-Bytes", "AmazonEC2", "traffic that comes in or stays in its region"),
        (
            "DataTransfer-Regional-Bytes",
            "AmazonEC2",
            "traffic that comes in or stays in its region",
        ),
        ("EUC1-USE1-AWS-In-Bytes", "AmazonS3", "traffic that comes in or stays in its region"),
        ("Requests-Tier1", "AmazonS3", "requests and messages"),
        ("EUC1-Request", "AWSLambda", "requests and messages"),
        ("EUC1-UnusedBox:m5.large", "AmazonEC2", "capacity that was reserved and not used"),
        ("EBS:VolumeP-IOPS.gp3", "AmazonEC2", "surcharges on what other lines count"),
        ("RDS:PIOPS", "AmazonRDS", "surcharges on what other lines count"),
        ("Aurora:StorageIOUsage", "AmazonRDS", "surcharges on what other lines count"),
        ("EarlyDelete-ByteHrs", "AmazonS3", "fees by object or by retrieval"),
    ],
)
def test_aws_lines_that_count_nothing_on_purpose(
    usage_type: str, service: str, skipped: str
) -> None:
    assert meaning("aws", service, usage_type, "GB") == Meaning(skipped=skipped)


def test_what_no_rule_knows_is_named() -> None:
    found = meaning("aws", "AmazonVPC", "EUC1-NatGateway-Hours", "Hrs")

    assert found == Meaning(unknown="unknown usage type: AmazonVPC EUC1-NatGateway-Hours")


def test_an_instance_that_the_catalogue_lacks_is_named() -> None:
    found = meaning("aws", "AmazonEC2", "EUC1-BoxUsage:x99.huge", "Hrs")

    assert found == Meaning(unknown="instance type not in the catalogue: aws x99.huge")


def test_an_instance_of_another_cloud_is_none() -> None:
    found = meaning("aws", "AmazonEC2", "BoxUsage:n2-highmem-8", "Hrs")

    assert found.unknown == "instance type not in the catalogue: aws n2-highmem-8"


def test_a_unit_that_does_not_fit_is_named() -> None:
    found = meaning("aws", "AmazonEC2", "BoxUsage:m5.large", "Requests")

    assert found.unknown == "unit 'Requests' does not fit: AmazonEC2 BoxUsage:m5.large"


@pytest.mark.parametrize(
    ("service", "meter", "unit", "amount", "expected"),
    [
        ("Virtual Machines", "D4s v3", "Hours", "24", ("instance", "Standard_D4s_v3", "24.")),
        ("Virtual Machines", "D4s v3 Spot", "1 Hour", "24", ("instance", "Standard_D4s_v3", "24.")),
        ("Storage", "P10 LRS Disk", "1/Month", "0.5", ("storage", None, "64.")),
        ("Storage", "Hot LRS Data Stored", "1 GB/Month", "3", ("storage", None, "3.")),
        ("SQL Database", "vCore", "1 Hour", "3", ("vcpu", None, "3.")),
        (
            "Container Instances",
            "Standard Memory Duration",
            "1 GB Hour",
            "3",
            ("memory", None, "3."),
        ),
        ("Bandwidth", "Standard Data Transfer Out", "GB", "3", ("network", None, "3.")),
    ],
)
def test_azure(
    service: str, meter: str, unit: str, amount: str, expected: tuple[str, str | None, str]
) -> None:
    found = meaning("azure", service, meter, unit, instance_type=meter)

    assert measured(found, amount) == [expected]


@pytest.mark.parametrize(
    ("service", "sku", "unit", "amount", "expected"),
    [
        ("Compute Engine", "N2 Instance Core running in Frankfurt", "seconds", 7200, "vcpu 2."),
        ("Compute Engine", "Spot Preemptible E2 Instance Core", "hour", 2, "vcpu 2."),
        (
            "Compute Engine",
            "N2 Instance Ram running in Frankfurt",
            "byte-seconds",
            3600 * GB,
            "memory 1.",
        ),
        ("Compute Engine", "SSD backed PD Capacity", "byte-seconds", 730 * 3600 * GB, "storage 1."),
        ("Cloud Storage", "Standard Storage Frankfurt", "gibibyte month", 5, "storage 5."),
        ("Cloud Run", "CPU Allocation Time", "seconds", 3600, "vcpu 1."),
        ("Cloud Run", "Memory Allocation Time", "byte-seconds", 3600 * GB, "memory 1."),
        ("Compute Engine", "Network Internet Egress from Frankfurt", "bytes", GB, "network 1."),
    ],
)
def test_google(service: str, sku: str, unit: str, amount: int, expected: str) -> None:
    ((resource, _, found),) = measured(meaning("gcp", service, sku, unit), str(amount))

    assert f"{resource} {found}" == expected


def test_an_instance_type_in_the_details_serves_where_no_rule_knows_the_service() -> None:
    found = meaning(
        "azure",
        "Some Service",
        "A meter",
        "Hours",
        instance_type="Standard_D4s_v3",
        category="Compute",
    )

    assert measured(found) == [("instance", "Standard_D4s_v3", "1.")]
