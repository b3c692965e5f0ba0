"""The published example, and the published table of reference cases."""

from typing import Any, NamedTuple

EXAMPLE: dict[str, Any] = {
    "provider": "sample-cloud",
    "region": "sample-region-1",
    "resource_type": "vcpu",
    "usage_amount": "10",
    "usage_unit": "vcpu_hour",
    "measured_at": "2026-01-01T12:00:00Z",
    "carbon_intensity_grams_co2e_per_kwh": "400",
}
LOOKED_UP: dict[str, Any] = {
    "provider": "aws",
    "region": "eu-west-1",
    "resource_type": "vcpu",
    "usage_amount": "10",
    "usage_unit": "vcpu_hour",
    "measured_at": "2026-01-01T12:00:00Z",
}


class Case(NamedTuple):
    """A sample, and its value in the published places."""

    resource_type: str
    usage_amount: str
    usage_unit: str
    intensity: str
    normalized: str
    energy_kwh: str
    grams: str


CASES = [
    Case("vcpu", "10", "vcpu_hour", "400", "10.000000", "0.500000", "200.0000"),
    Case("vcpu", "120", "vcpu_minute", "100", "2.000000", "0.100000", "10.0000"),
    Case("vcpu", "10.5", "vcpu_minute", "400", "0.175000", "0.008750", "3.5000"),
    Case("vcpu", "1", "vcpu_hour", "333.3333", "1.000000", "0.050000", "16.6667"),
    Case("memory", "100", "gb_hour", "400", "100.000000", "0.050000", "20.0000"),
    Case("memory", "120", "gb_minute", "1000", "2.000000", "0.001000", "1.0000"),
    Case("storage", "1000", "gb_month", "400", "1000.000000", "0.100000", "40.0000"),
    Case("storage", "2", "tb_month", "100", "2048.000000", "0.204800", "20.4800"),
    Case("storage", "1.5", "tb_month", "400", "1536.000000", "0.153600", "61.4400"),
    Case("network", "50", "gb", "400", "50.000000", "0.100000", "40.0000"),
    Case("network", "512", "mb", "1000", "0.500000", "0.001000", "1.0000"),
    Case("network", "1", "mb", "400", "0.000977", "0.000002", "0.0008"),
]
