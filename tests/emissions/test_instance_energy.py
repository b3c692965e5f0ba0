"""An instance's hour in Decimal: the figures of the ranking, and what cannot be meant."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.emissions.calc.compute import compute_estimate
from apps.emissions.calc.instance_energy import InstanceFactors, instance_rates, watts_at
from apps.emissions.cloud import Instance, catalogue
from apps.emissions.optimizer.power import embodied_grams, energy_kwh, watts
from apps.emissions.services.compute_catalogue import (
    LOWER_BOUND,
    catalogue_name,
    instance_valuation,
    pue_used,
)

INSTANCES = st.sampled_from(catalogue().instances)
REGIONS = {region.provider: region for region in catalogue().regions}
LOADS = st.decimals(0, 1, places=4)
HOURS = st.decimals("0.000001", "100000", places=6)
INTENSITIES = st.decimals(0, 1500, places=4)
CURVE = (Decimal(2), Decimal(4), Decimal(12), Decimal(22))


def about(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-15)


@given(INSTANCES, LOADS, HOURS, INTENSITIES)
def test_it_is_what_the_ranking_says_of_the_same_hours(
    instance: Instance, load: Decimal, hours: Decimal, intensity: Decimal
) -> None:
    region = REGIONS[instance.provider]
    found = instance_valuation(
        region.provider,
        region.region,
        instance.instance_type,
        utilization=load,
        unit="instance_hour",
    )
    assert found is not None

    estimate = compute_estimate(hours, found.rates, intensity)

    ranked = energy_kwh(instance, hours=float(hours), pue=region.pue, utilisation=float(load))
    made = embodied_grams(instance, hours=float(hours))
    low, central, high = (getattr(ranked.interval, bound) for bound in ("low", "central", "high"))
    assert [*map(float, estimate.energy_kwh)] == [about(low), about(central), about(high)]
    assert [*map(float, estimate.operational_co2e_grams)] == [
        about(kwh * float(intensity)) for kwh in (low, central, high)
    ]
    assert [*map(float, estimate.embodied_co2e_grams)] == [
        about(made.interval.low),
        about(made.interval.central),
        about(made.interval.high),
    ]
    assert found.factor_set.endswith(LOWER_BOUND) is not instance.power_complete


@given(INSTANCES, LOADS)
def test_the_curve_is_the_ranking_s_curve(instance: Instance, load: Decimal) -> None:
    points = tuple(Decimal(str(point)) for point in instance.watts)

    assert float(watts_at(points, load)) == about(watts(instance, float(load)))


@pytest.mark.parametrize(
    ("load", "expected"),
    [("0", 2), ("0.05", 3), ("0.1", 4), ("0.2", 6), ("0.5", 12), ("0.75", 17), ("1", 22)],
)
def test_watts_are_linear_between_the_points(load: str, expected: int) -> None:
    assert watts_at(CURVE, Decimal(load)) == expected


@pytest.mark.parametrize("load", ["-0.0001", "1.0001"])
def test_there_is_no_such_load(load: str) -> None:
    with pytest.raises(ValueError, match="utilization"):
        watts_at(CURVE, Decimal(load))


def test_an_hour_by_hand() -> None:
    factors = InstanceFactors(CURVE, (Decimal(3), Decimal(6)), Decimal(5), (Decimal(1),))

    rates = instance_rates(
        factors, unit="instance_minute", utilization=Decimal(1), pue=Decimal("1.5")
    )

    estimate = compute_estimate(Decimal(120), rates, Decimal(100))
    assert estimate.normalized_usage_amount == 2
    # 22 W x 2 h x 1.5; the others are a quarter and a half of it, as they are at half load
    assert estimate.energy_kwh == (Decimal("0.0165"), Decimal("0.066"), Decimal("0.066"))
    assert estimate.operational_co2e_grams.central == Decimal("6.6")
    assert estimate.embodied_co2e_grams == (Decimal(2), Decimal(10), Decimal(10))


def test_an_instance_of_which_no_power_is_known_keeps_no_ratio() -> None:
    factors = InstanceFactors((Decimal(),) * 4, (Decimal(3),), Decimal(5), ())

    rates = instance_rates(
        factors, unit="instance_hour", utilization=Decimal("0.5"), pue=Decimal("1.5")
    )

    assert rates.energy_kwh == (Decimal(0),) * 3
    assert rates.embodied_co2e_grams == (Decimal(5),) * 3


def test_the_region_s_pue_is_used_and_the_provider_s_where_no_region_has_one() -> None:
    ireland = pue_used(catalogue_name(), provider="AWS", region="EU-West-1")
    nowhere = pue_used(catalogue_name(), provider="Amazon Web Services", region="atlantis-1")

    region = catalogue().region("aws:eu-west-1")
    assert region is not None
    assert ireland is not None
    assert nowhere is not None
    assert float(ireland.central) == region.pue
    assert nowhere == (Decimal("1.135"),) * 3


def test_the_pue_of_an_earlier_catalogue_is_not_made_up() -> None:
    assert pue_used("cloud-2025.1.1", provider="aws", region="eu-west-1") is None
