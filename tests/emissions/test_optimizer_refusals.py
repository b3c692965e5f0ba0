"""What the optimizer refuses, by the name of the member at fault."""

from typing import Any

import pytest

from tests.contract import ContractClient
from tests.emissions.optimizing import OPTIMIZE, TRAINING, client, fault

__all__ = ["client"]  # a fixture

P4D = {"instance_type": "p4d.24xlarge"}


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"duration_hours": 0}, "duration_hours"),
        ({"duration_hours": -1}, "duration_hours"),
        ({"duration_hours": 8761}, "duration_hours"),
        ({"duration_hours": int("9" * 30)}, "duration_hours"),
        ({"duration_hours": "1"}, "duration_hours"),
        ({"count": 0}, "count"),
        ({"count": 1.5}, "count"),
        ({"utilization": 1.01}, "utilization"),
        ({"utilization": -0.1}, "utilization"),
        ({"limit": 51}, "limit"),
        ({"workload": "mining"}, "workload"),
        ({"priority": "cheap"}, "priority"),
        ({"cloud": "oracle"}, "cloud"),
        ({"cloud": ["aws", "oracle"]}, "cloud.1"),
        ({"cloud": []}, "cloud"),
        ({"region": "us-moon-1"}, "region"),
        ({"start_region": "us-moon-1"}, "start_region"),
        ({"instance_type": "m99.huge"}, "instance_type"),
        ({"region": "us-east-1", "cloud": "gcp"}, "region"),
        ({"instance_type": "m5.large", "cloud": "azure"}, "instance_type"),
        ({"instance_type": "m5.large", "region": "europe-west1"}, "instance_type"),
        ({"allowed_countries": ["FRA"]}, "allowed_countries.0"),
        ({"min_vcpus": -1}, "min_vcpus"),
        ({"max_usd_per_hour": -1}, "max_usd_per_hour"),
        ({"deadline": "2026-11-18T10:30:00Z"}, "deadline"),
        ({"deadline": "2026-11-19T10:30:00"}, "deadline"),
        ({"deadline": "tomorrow"}, "deadline"),
    ],
)
def test_a_bad_member_is_named(client: ContractClient, members: dict[str, Any], name: str) -> None:
    assert fault(client, "/optimize", {**TRAINING, **members}) == name


def test_a_missing_or_misplaced_name_is_named_too(client: ContractClient) -> None:
    assert fault(client, "/optimize", {"workload": "training"}) == "priority"
    assert fault(client, "/calculate", {"region": "us-east-1"}) == "instance_type"
    assert fault(client, "/calculate", {"region": "westeurope", **P4D}) == "instance_type"
    options = [{"region": "us-east-1", **P4D}, {"region": "nowhere", **P4D}]
    assert fault(client, "/compare", {"options": options}) == "options.1.region"


def test_not_a_number_is_no_body(client: ContractClient) -> None:
    for number in ("NaN", "Infinity", "1e999"):
        body = f'{{"workload": "training", "priority": "carbon", "duration_hours": {number}}}'
        answer = client.post(OPTIMIZE, body.encode())

        assert answer.status_code == 400
