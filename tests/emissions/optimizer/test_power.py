"""Energy of an instance: the curve, what it grows with, and the methods that bound it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.emissions.cloud import CloudCatalogue, catalogue
from apps.emissions.optimizer.offers import Instance
from apps.emissions.optimizer.power import embodied_grams, energy_kwh, watts

INSTANCES = st.sampled_from(catalogue().instances)
LOADS = st.floats(min_value=0, max_value=1)
AMOUNTS = st.floats(min_value=0, max_value=1e5)
ALMOST = 1 + 1e-12  # room for the last bit of a float


@pytest.fixture
def m5(cloud: CloudCatalogue) -> Instance:
    found = cloud.instance("m5.large")
    assert found is not None
    return replace(found, watts=(2.0, 4.0, 12.0, 22.0))


@pytest.mark.parametrize(
    ("load", "expected"),
    [(0, 2), (0.05, 3), (0.1, 4), (0.2, 6), (0.5, 12), (0.75, 17), (1, 22)],
)
def test_watts_are_linear_between_the_points(m5: Instance, load: float, expected: float) -> None:
    assert watts(m5, load) == pytest.approx(expected)


@pytest.mark.parametrize("load", [-0.01, 1.01, float("nan")])
def test_there_is_no_such_load(m5: Instance, load: float) -> None:
    with pytest.raises(ValueError, match="utilisation"):
        watts(m5, load)


@pytest.mark.parametrize("job", [{"hours": -1.0}, {"hours": 1.0, "count": -1.0}])
def test_no_job_is_of_negative_length(m5: Instance, job: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="negative"):
        embodied_grams(m5, **job)


def test_energy_is_power_by_time_by_count_by_overhead(m5: Instance) -> None:
    used = energy_kwh(m5, hours=10, pue=1.5, count=3)

    assert used.interval.central == pytest.approx(12 / 1000 * 10 * 3 * 1.5)


@pytest.mark.parametrize(
    ("name", "kwh"),
    [("p4d.24xlarge", 90.8), ("g4dn.xlarge", 1.83), ("m5.large", 0.338)],
)
def test_a_day_at_half_load_is_what_teads_measured(
    cloud: CloudCatalogue, name: str, kwh: float
) -> None:
    instance = cloud.instance(name)
    assert instance is not None

    assert energy_kwh(instance, hours=24, pue=1).interval.central == pytest.approx(kwh, rel=5e-3)


def test_the_methods_of_the_bounds_are_named(cloud: CloudCatalogue) -> None:
    small, large = cloud.instance("m5.large"), cloud.instance("p4d.24xlarge")
    assert small is not None
    assert large is not None

    energy = energy_kwh(small, hours=1000, pue=1)
    assert (energy.low_method, energy.central_method, energy.high_method) == (
        "boavizta",
        "teads",
        "teads",
    )
    assert (energy.interval.low, energy.interval.high) == pytest.approx((3.61, 14.1))
    assert energy_kwh(large, hours=1, pue=1).low_method == "ccf"  # Boavizta leaves GPUs out
    assert embodied_grams(small, hours=1).low_method == "boavizta"


def test_another_method_can_be_the_upper_bound(m5: Instance) -> None:
    used = energy_kwh(replace(m5, watts_50_ccf=30.0), hours=1000, pue=1)

    assert used.high_method == "ccf"
    assert used.interval.high == pytest.approx(30.0)


def test_power_that_is_incomplete_says_so(cloud: CloudCatalogue) -> None:
    inferentia = cloud.instance("inf2.xlarge")
    assert inferentia is not None

    assert not energy_kwh(inferentia, hours=1, pue=1).is_complete
    assert embodied_grams(inferentia, hours=1).is_complete


@given(instance=INSTANCES, loads=st.tuples(LOADS, LOADS))
def test_more_load_never_draws_less(instance: Instance, loads: tuple[float, float]) -> None:
    less, more = sorted(loads)

    assert watts(instance, less) <= watts(instance, more) * ALMOST


@given(
    instance=INSTANCES,
    load=LOADS,
    hours=st.tuples(AMOUNTS, AMOUNTS),
    count=st.tuples(AMOUNTS, AMOUNTS),
)
def test_longer_and_more_never_costs_less_and_bounds_enclose(
    instance: Instance, load: float, hours: tuple[float, float], count: tuple[float, float]
) -> None:
    (short, long), (few, many) = sorted(hours), sorted(count)
    less = energy_kwh(instance, hours=short, pue=1.2, count=few, utilisation=load).interval
    more = energy_kwh(instance, hours=long, pue=1.2, count=many, utilisation=load).interval
    made_less = embodied_grams(instance, hours=short, count=few).interval
    made_more = embodied_grams(instance, hours=long, count=many).interval

    for smaller, larger in ((less, more), (made_less, made_more)):
        assert 0 <= smaller.low <= smaller.central <= smaller.high
        assert smaller.low <= larger.low * ALMOST
        assert smaller.central <= larger.central * ALMOST
        assert smaller.high <= larger.high * ALMOST
