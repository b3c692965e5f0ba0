"""The optimizer's published examples over a real socket: each request, and each field they show."""

import json
import urllib.request
from typing import Any

import pytest
import time_machine

from devstack.simulator.testing import RunningSimulator
from tests.emissions.optimizing import NOW, grids

__all__ = ["grids"]  # a fixture

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER = (int, float)
WINDOW = {
    "start_time": str,
    "end_time": str,
    "avg_carbon_intensity": NUMBER,
    "duration_hours": NUMBER,
}
RECOMMENDATION = {
    "workload_type": str,
    "priority": str,
    "timestamp": str,
    "recommendations": [
        {
            "region": str,
            "zone": str,
            "instance_type": str,
            "carbon_intensity_gco2_kwh": NUMBER,
            "renewable_percentage": NUMBER,
            "estimated_co2_emissions_kg": NUMBER,
            "estimated_co2_emissions_g": NUMBER,
            "power_consumption_kwh": NUMBER,
            "duration_hours": NUMBER,
        }
    ],
    "carbon_savings": {
        "potential_savings_kg": NUMBER,
        "potential_savings_percentage": NUMBER,
        "comparison": str,
    },
    "service_optimizations": [str],
    "metadata": {
        "total_regions_analyzed": int,
        "duration_hours": NUMBER,
        "api_data_freshness": str,
    },
}
REGION = {
    "region": str,
    "zone": str,
    "carbon_intensity": NUMBER,
    "renewable_percentage": NUMBER,
    "is_estimate": bool,
}
DETAILS = {
    "region": str,
    "zone": str,
    "current_carbon_intensity": NUMBER,
    "renewable_percentage": NUMBER,
    "fossil_free_percentage": NUMBER,
    "forecast_24h": {"average": NUMBER, "minimum": NUMBER, "maximum": NUMBER},
    "optimal_hours_utc": [int],
    "timestamp": str,
}
CALCULATION = {
    "instance_type": str,
    "power_consumption_kwh": NUMBER,
    "co2_emissions_g": NUMBER,
    "co2_emissions_kg": NUMBER,
    "duration_hours": NUMBER,
    "carbon_intensity_used": NUMBER,
    "region": str,
    "zone": str,
    "carbon_intensity_gco2_kwh": NUMBER,
}
OPTION = {
    "region": str,
    "zone": str,
    "instance_type": str,
    "carbon_intensity_gco2_kwh": NUMBER,
    "co2_emissions_kg": NUMBER,
    "co2_emissions_g": NUMBER,
    "power_consumption_kwh": NUMBER,
    "renewable_percentage": NUMBER,
}
COMPARISON = {
    "comparisons": [OPTION],
    "analysis": {
        "best_option": OPTION,
        "worst_option": OPTION,
        "difference_kg": NUMBER,
        "difference_percentage": NUMBER,
        "total_options_compared": int,
    },
}
SCHEDULE = {
    "region": str,
    "zone": str,
    "optimal_window": WINDOW,
    "current_intensity": NUMBER,
    "savings_potential": {"current_vs_optimal_gco2_kwh": NUMBER},
}
EAST, WEST, CANADA, PARIS = "us-east-1", "us-west-2", "ca-central-1", "eu-west-3"

EXAMPLES: list[tuple[str, dict[str, Any] | None, dict[str, Any]]] = [
    (
        "optimize",
        {"workload": "training", "priority": "carbon", "region": WEST, "duration_hours": 24},
        {"recommendation": RECOMMENDATION},
    ),
    (
        "optimize",
        {"workload": "training", "priority": "carbon", "duration_hours": 48},
        {"recommendation": RECOMMENDATION},
    ),
    ("regions", None, {"timestamp": str, "total_regions": int, "regions": [REGION]}),
    (f"regions/{WEST}", None, {"region_details": DETAILS}),
    (
        "calculate",
        {"region": EAST, "instance_type": "p4d.24xlarge", "duration_hours": 24},
        {"calculation": CALCULATION},
    ),
    (
        "compare",
        {
            "options": [
                {"region": region, "instance_type": "p4d.24xlarge"}
                for region in (EAST, WEST, CANADA)
            ],
            "duration_hours": 24,
        },
        COMPARISON,
    ),
    (
        "compare",
        {
            "options": [
                {"region": region, "instance_type": "inf2.xlarge"}
                for region in (EAST, PARIS, CANADA)
            ],
            "duration_hours": 720,
        },
        COMPARISON,
    ),
    ("schedule", {"region": WEST, "duration_hours": 4}, SCHEDULE),
    ("schedule", {"region": "eu-west-1", "duration_hours": 6}, SCHEDULE),
]


def asked(url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers)  # noqa: S310 - the test's own server
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - likewise
        assert answer.status == 200
        found: dict[str, Any] = json.load(answer)
    return found


def holds(found: Any, shape: Any, path: str = "answer") -> None:
    """Every member that the shape names is there and of its type; a list has at least one."""
    if isinstance(shape, dict):
        for name, member in shape.items():
            assert name in found, f"{path}.{name}"
            holds(found[name], member, f"{path}.{name}")
    elif isinstance(shape, list):
        assert found, path
        for each in found:
            holds(each, shape[0], f"{path}[]")
    else:
        assert isinstance(found, shape), f"{path}: {found!r}"


@pytest.fixture
def site(live_server: Any, grids: RunningSimulator) -> Any:  # noqa: ARG001 - the grids are on
    with time_machine.travel(NOW, tick=False):
        yield live_server.url


def test_health_tells_what_the_examples_show(site: str) -> None:
    found = asked(f"{site}/health")

    holds(found, {"service": str, "timestamp": str})
    assert (found["status"], found["api_configured"]) == ("healthy", True)


def test_each_published_example_is_answered_with_every_field_it_shows(site: str) -> None:
    for method, body, shape in EXAMPLES:
        found = asked(f"{site}/api/v1/{method}", body)

        assert found["status"] == "success"
        assert found["request_id"].startswith("carbon_req_")
        holds(found, shape, method)
        for each in found.get("recommendation", {}).get("recommendations", []):
            if each["optimal_time_window"] is None:  # a zone that is not forecast says why
                holds(each["window"], {"why_none": str, "reason": str})
            else:
                holds(each["optimal_time_window"], WINDOW)


def test_the_published_comparison_is_in_order_and_adds_up(site: str) -> None:
    options = [
        {"region": region, "instance_type": "p4d.24xlarge"} for region in (EAST, WEST, CANADA)
    ]

    found = asked(f"{site}/api/v1/compare", {"options": options, "duration_hours": 24})

    grams = [each["co2_emissions_g"] for each in found["comparisons"]]
    analysis = found["analysis"]
    assert grams == sorted(grams)
    assert analysis["best_option"] == found["comparisons"][0]
    assert analysis["worst_option"] == found["comparisons"][-1]
    assert analysis["difference_kg"] * 1000 == pytest.approx(grams[-1] - grams[0])
    assert analysis["total_options_compared"] == 3
