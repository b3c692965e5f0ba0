"""Samples of whole instances: their hours, their load, and what is refused."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from apps.emissions.cloud import catalogue
from apps.emissions.services.compute_catalogue import catalogue_name
from apps.telemetry.models import UsageSample, UsageSampleRollup
from apps.workspaces.models import Workspace
from tests.telemetry.samples.conftest import samples_of

pytestmark = pytest.mark.django_db
Send = Callable[..., Any]
INSTANCE: dict[str, Any] = {
    "provider": "aws",
    "region": "eu-west-1",
    "resource_type": "instance",
    "instance_type": "m5.large",
    "usage_amount": "48",
    "usage_unit": "instance_hour",
    "measured_at": "2026-01-01T12:00:00Z",
    "carbon_intensity_grams_co2e_per_kwh": "100",
}
INCOMPLETE = {"instance_type": "inf2.xlarge"}


def pue_of(region: str) -> Decimal:
    found = catalogue().region(region)
    assert found is not None
    return Decimal(str(found.pue))


def test_hours_are_watts_at_the_load_with_the_region_s_overhead(send: Send) -> None:
    body = send(INSTANCE).json()

    instance = catalogue().instance("m5.large")
    assert instance is not None
    kwh = Decimal(str(instance.watts[2])) / 1000 * 48 * pue_of("aws:eu-west-1")
    grams = Decimal(str(instance.embodied_gco2e_per_hour)) * 48
    assert Decimal(body["energy_kwh_bounds"]["central"]) == kwh
    assert Decimal(body["operational_co2e_grams"]["central"]) == kwh * 100
    assert Decimal(body["embodied_co2e_grams"]["central"]) == grams
    assert body["pue"]["central"] == str(pue_of("aws:eu-west-1"))
    assert (body["instance_type"], body["utilization"]) == ("m5.large", "0.5")
    assert (body["normalized_usage_unit"], body["factor_source"]) == (
        "instance_hour",
        catalogue_name(),
    )
    assert body["warnings"] == []


def test_bounds_are_those_of_the_methods(send: Send) -> None:
    bounds = send(INSTANCE).json()["energy_kwh_bounds"]

    low, central, high = (Decimal(bounds[name]) for name in ("low", "central", "high"))
    assert 0 < low < central == high  # the whole board, against processors alone


def test_minutes_are_sixtieths_and_a_load_counts(send: Send) -> None:
    hours = send(INSTANCE | {"utilization": "1"}).json()
    minutes = send(
        INSTANCE | {"usage_amount": "2880", "usage_unit": "instance_minute", "utilization": 1}
    ).json()

    assert hours["energy_kwh"] == minutes["energy_kwh"] > send(INSTANCE).json()["energy_kwh"]
    assert minutes["normalized_usage_amount"] == "48.000000"


def test_names_are_found_without_case_and_kept_as_the_provider_writes_them(send: Send) -> None:
    body = send(
        INSTANCE | {"provider": "Amazon Web Services", "instance_type": " M5.Large "}
    ).json()

    assert (body["provider"], body["instance_type"]) == ("Amazon Web Services", "m5.large")


def test_an_unknown_region_has_the_provider_s_overhead(send: Send) -> None:
    assert send(INSTANCE | {"region": "atlantis-1"}).json()["pue"]["central"] == "1.135"


def test_a_type_whose_accelerators_are_unknown_is_stored_as_a_lower_bound(
    send: Send, program: Any, workspace: Workspace
) -> None:
    body = send(INSTANCE | INCOMPLETE).json()

    (warning,) = body["warnings"]
    assert "lower bound" in warning
    assert body["factor_source"] == f"{catalogue_name()}-lower-bound"
    assert program.get(samples_of(workspace)).json()["results"] == [body]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"instance_type": None}, "instance_type"),
        ({"instance_type": " "}, "instance_type"),
        ({"instance_type": "x" * 65}, "instance_type"),
        ({"instance_type": "m5.gigantic"}, "instance_type"),
        ({"instance_type": "n2-standard-4"}, "instance_type"),
        ({"provider": "gcp"}, "instance_type"),
        ({"provider": "nobody"}, "instance_type"),
        ({"utilization": "-0.1"}, "utilization"),
        ({"utilization": "1.0001"}, "utilization"),
        ({"utilization": "0.12345"}, "utilization"),
        ({"utilization": "1e-9999999"}, "utilization"),
        ({"utilization": "NaN"}, "utilization"),
        ({"utilization": True}, "utilization"),
        ({"usage_unit": "vcpu_hour"}, "usage_unit"),
        ({"usage_unit": "gb"}, "usage_unit"),
        ({"factor_set": "compute-2026.11.1"}, "factor_set"),
        ({"resource_type": "vcpu", "usage_unit": "vcpu_hour"}, "instance_type"),
        (
            {"resource_type": "vcpu", "usage_unit": "vcpu_hour", "instance_type": None}
            | {"utilization": "0.5"},
            "utilization",
        ),
        ({"resource_type": "vcpu", "instance_type": None}, "usage_unit"),
    ],
)
def test_an_instance_that_cannot_be_meant_is_refused(
    send: Send, changes: dict[str, Any], field: str
) -> None:
    answer = send(INSTANCE | changes)

    assert answer.status_code == 422
    assert list(answer.json()["error"]["details"]["fields"]) == [field]
    assert not UsageSample.objects.exists()


def test_a_list_mixes_instances_and_shares_of_them(send: Send) -> None:
    share = {"resource_type": "vcpu", "usage_unit": "vcpu_hour", "instance_type": None}

    body = send([INSTANCE, INSTANCE | share, INSTANCE | INCOMPLETE]).json()

    assert [row["sample"]["instance_type"] for row in body["results"]] == [
        "m5.large",
        None,
        "inf2.xlarge",
    ]
    assert [len(row["sample"]["warnings"]) for row in body["results"]] == [0, 0, 1]
    assert UsageSampleRollup.objects.get(resource_type="instance").samples == 2


def test_a_name_again_is_the_same_instance_at_the_same_load(send: Send) -> None:
    named = INSTANCE | {"external_id": "a"}
    first = send(named).json()

    assert send(named | {"utilization": "0.50"}).json() == first
    assert send(named | {"utilization": "0.6"}).status_code == 409
    assert send(named | {"instance_type": "m5.xlarge"}).status_code == 409


def test_the_hour_s_intensity_is_looked_up_for_an_instance_too(send: Send) -> None:
    body = send({k: v for k, v in INSTANCE.items() if not k.startswith("carbon")}).json()

    assert body["intensity_source"] == "Electricity Maps, IE, the mean of 2025, estimated"
    assert body["factor_source"] == catalogue_name()
