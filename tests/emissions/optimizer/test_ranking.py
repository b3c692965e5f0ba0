"""Regions and instances in order: scores, what is left out, and what may not be compared."""

from dataclasses import replace
from typing import Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.emissions.cloud import CloudCatalogue, catalogue, shortlists
from apps.emissions.optimizer.caveats import caveats
from apps.emissions.optimizer.errors import MixedIntensitiesError
from apps.emissions.optimizer.frontier import frontier
from apps.emissions.optimizer.limits import Limits
from apps.emissions.optimizer.offers import WorkloadKind, ZoneIntensity
from apps.emissions.optimizer.ranking import Option, Priority, Ranking, candidates, rank
from apps.emissions.optimizer.units import size_in, unit_of

KINDS: tuple[WorkloadKind, ...] = get_args(WorkloadKind)
PRIORITIES: tuple[Priority, ...] = get_args(Priority)

Intensities = dict[str, ZoneIntensity]


def ranking(
    cloud: CloudCatalogue,
    intensities: Intensities,
    *,
    kind: WorkloadKind = "general",
    priority: Priority = "carbon",
    limits: Limits | None = None,
    hours: float = 1.0,
) -> Ranking:
    unit, limits = unit_of(kind), limits or Limits()
    among = candidates(cloud.regions, shortlists().of(kind, unit, limits), limits)
    return rank(among, intensities, priority=priority, unit=unit, hours=hours)


def fixed(
    cloud: CloudCatalogue, intensities: Intensities, name: str, *regions: str, hours: float = 1.0
) -> Ranking:
    instance = cloud.instance(name)
    assert instance is not None
    limits = Limits(regions=frozenset(regions))
    among = candidates(cloud.regions, [instance], limits)
    return rank(among, intensities, priority="carbon", unit="instance_hour", hours=hours)


def places(options: tuple[Option, ...]) -> list[str]:
    return [option.run.region.key for option in options]


@pytest.mark.parametrize("kind", KINDS)
def test_no_instance_anywhere_emits_less_than_the_first(
    cloud: CloudCatalogue, yearly: Intensities, kind: WorkloadKind
) -> None:
    unit = unit_of(kind)
    least = min(
        (
            instance.watts[2] / 1000 * region.pue * yearly[region.zone].gco2e_per_kwh
            + instance.embodied_gco2e_per_hour
        )
        / size_in(unit, instance)
        for region in cloud.regions
        for instance in cloud.instances
        if instance.provider == region.provider
        and region.status == "operational"
        and kind in instance.kinds
        and instance.power_complete
        and size_in(unit, instance)
    )

    first = ranking(cloud, yearly, kind=kind).options[0]

    assert first.grams_per_unit == pytest.approx(least)
    assert first.score == 1.0


def test_every_region_of_three_clouds_can_be_ranked(
    cloud: CloudCatalogue, yearly: Intensities
) -> None:
    every = frozenset(region.key for region in cloud.regions)

    ranked = ranking(cloud, yearly, kind="training", limits=Limits(regions=every))

    assert len(every) == 157
    assert set(places(ranked.options)) == every


def test_announced_regions_have_to_be_asked_for(cloud: CloudCatalogue, yearly: Intensities) -> None:
    announced = {region.key for region in cloud.regions if region.status == "announced"}
    asked = ranking(cloud, yearly, limits=Limits(regions=frozenset(announced)))

    assert len(announced) == 11
    assert not announced & set(places(ranking(cloud, yearly).options))
    assert set(places(asked.options)) == announced


@pytest.mark.parametrize("priority", PRIORITIES)
@pytest.mark.parametrize("kind", KINDS)
def test_incomplete_power_never_wins(
    cloud: CloudCatalogue, yearly: Intensities, kind: WorkloadKind, priority: Priority
) -> None:
    ranked = ranking(cloud, yearly, kind=kind, priority=priority)

    assert ranked.options
    assert all(option.run.instance.power_complete for option in ranked.options)
    assert not any(option.run.instance.power_complete for option in ranked.lower_bounds)
    assert bool(ranked.lower_bounds) == (kind in {"training", "inference"})


def test_an_inferentia_is_shown_apart_and_still_compares_places(
    cloud: CloudCatalogue, yearly: Intensities
) -> None:
    ranked = fixed(
        cloud, yearly, "inf2.xlarge", "aws:us-east-1", "aws:eu-west-3", "aws:ca-central-1"
    )

    assert not ranked.options
    assert places(ranked.lower_bounds) == ["aws:eu-west-3", "aws:ca-central-1", "aws:us-east-1"]
    assert "power_is_lower_bound" in caveats(ranked.lower_bounds[0].run)


def test_a_fixed_instance_is_compared_by_its_own_hours(
    cloud: CloudCatalogue, yearly: Intensities
) -> None:
    ranked = fixed(cloud, yearly, "p4d.24xlarge", "aws:us-east-1", "aws:eu-north-1", hours=24)
    best = ranked.options[0]

    assert places(ranked.options) == ["aws:eu-north-1", "aws:us-east-1"]
    kwh = 3.7818 * 24 * best.run.region.pue
    assert best.run.energy_kwh.interval.central == pytest.approx(kwh)
    assert best.run.operational_co2e_grams.central == pytest.approx(kwh * 20)
    assert best.run.embodied_co2e_grams.interval.central == pytest.approx(133.47 * 24)
    assert best.run.co2e_grams.central == pytest.approx(best.grams_per_unit * 24)
    assert best.run.usd == pytest.approx(21.95764 * 24)


@pytest.mark.parametrize("priority", PRIORITIES)
def test_scores_fall_and_are_made_of_their_terms(
    cloud: CloudCatalogue, yearly: Intensities, priority: Priority
) -> None:
    options = ranking(cloud, yearly, kind="training", priority=priority).options
    scores = [option.score for option in options]

    assert scores == sorted(scores, reverse=True)
    for option in options:
        carbon, speed, price = option.terms.carbon, option.terms.speed, option.terms.price
        assert all(0 <= term <= 1 for term in (carbon, speed, price or 0))
        assert (price is None) == (option.run.usd is None) == (option.usd_per_unit is None)
        balanced = (carbon + speed) / 2 if price is None else (carbon + speed + price) / 3
        expected = {"carbon": carbon, "performance": speed, "balanced": balanced}
        assert option.score == pytest.approx(expected[priority])


def test_each_term_is_the_share_of_the_others_that_are_not_better(
    cloud: CloudCatalogue, yearly: Intensities
) -> None:
    options = ranking(cloud, yearly, kind="inference").options[::29]
    everyone = ranking(cloud, yearly, kind="inference").options
    others = len(everyone) - 1

    for option in options:
        heavier = sum(o.grams_per_unit >= option.grams_per_unit for o in everyone) - 1
        assert option.terms.carbon == pytest.approx(heavier / others)
    assert max(option.terms.speed for option in everyone) == 1.0


def test_performance_prefers_the_faster_and_among_equals_the_cleaner(
    cloud: CloudCatalogue, yearly: Intensities
) -> None:
    options = ranking(cloud, yearly, kind="training", priority="performance").options

    assert options[0].run.instance.gpu_model == "B200"
    equals = [option for option in options if option.score == options[0].score]
    assert len(equals) > 10
    grams = [option.grams_per_unit for option in equals]
    assert grams == sorted(grams)


def test_a_zone_without_intensity_is_left_out_and_named(
    cloud: CloudCatalogue, yearly: Intensities
) -> None:
    known = {zone: value for zone, value in yearly.items() if zone != "FR"}

    ranked = ranking(cloud, known)

    assert "aws:eu-west-3" in ranked.regions_without_intensity
    assert all(option.run.region.zone != "FR" for option in ranked.options)
    assert ranking(cloud, {}).options == ()


def test_an_instance_that_does_no_such_work_is_left_out_and_named(
    cloud: CloudCatalogue, yearly: Intensities
) -> None:
    names = ("m5.large", "t3.micro", "g4dn.xlarge")
    instances = [one for name in names if (one := cloud.instance(name))]
    among = candidates(cloud.regions, instances)

    by_gpu = rank(among, yearly, priority="carbon", unit="gpu_hour")
    by_vcpu = rank(among, yearly, priority="carbon", unit="vcpu_hour")

    assert by_gpu.instances_without_unit == ("aws:ec2:m5.large", "aws:ec2:t3.micro")
    assert by_vcpu.instances_without_unit == ("aws:ec2:g4dn.xlarge", "aws:ec2:t3.micro")


@pytest.mark.parametrize(
    "changes",
    [{"emission_factor_type": "direct"}, {"signal": "marginal"}],
)
def test_unlike_intensities_are_never_compared(
    cloud: CloudCatalogue,
    yearly: Intensities,
    changes: dict[str, Literal["direct", "marginal"]],
) -> None:
    mixed = yearly | {"FR": replace(yearly["FR"], **changes)}  # type: ignore[arg-type] # by name
    all_alike = {zone: replace(one, **changes) for zone, one in yearly.items()}  # type: ignore[arg-type] # by name

    with pytest.raises(MixedIntensitiesError) as refused:
        ranking(cloud, mixed)
    assert len(refused.value.details["kinds"]) == 2
    assert ranking(cloud, all_alike).options
    assert ranking(cloud, mixed, limits=Limits(countries=frozenset({"SE"}))).options


def test_limits_are_kept(cloud: CloudCatalogue, yearly: Intensities) -> None:
    limits = Limits(
        providers=frozenset({"aws", "azure"}),
        countries=frozenset({"DE", "FR"}),
        min_vcpus=16,
        min_memory_gb=64,
        most_usd_per_hour=1.2,
        arch="arm64",
    )

    options = ranking(cloud, yearly, limits=limits, priority="balanced").options

    assert options
    for option in options:
        region, instance = option.run.region, option.run.instance
        assert region.provider in {"aws", "azure"}
        assert region.country in {"DE", "FR"}
        assert instance.vcpus >= 16
        assert instance.memory_gb >= 64
        assert instance.arch == "arm64"
        assert instance.usd_per_hour is not None
        assert instance.usd_per_hour <= 1.2


def test_below_a_price_cap_an_unknown_price_is_no_candidate(
    cloud: CloudCatalogue, yearly: Intensities
) -> None:
    unpriced = fixed(cloud, yearly, "db.m5.large", "aws:us-east-1").options[0].run
    capped = Limits(most_usd_per_hour=1e9)

    assert unpriced.usd is None
    assert not candidates([unpriced.region], [unpriced.instance], capped)


def test_a_number_of_gpus_can_be_asked_for(cloud: CloudCatalogue, yearly: Intensities) -> None:
    eight = Limits(min_gpus=8)

    options = ranking(cloud, yearly, kind="training", limits=eight).options

    assert {option.run.region.provider for option in options} == {"aws", "gcp", "azure"}
    assert all(option.run.instance.gpus >= 8 for option in options)


def test_nothing_left_is_an_empty_ranking(cloud: CloudCatalogue, yearly: Intensities) -> None:
    ranked = ranking(cloud, yearly, limits=Limits(min_vcpus=1e9))

    assert (ranked.options, ranked.lower_bounds) == ((), ())


@given(
    values=st.dictionaries(
        st.sampled_from(sorted({region.zone for region in catalogue().regions})),
        st.floats(min_value=0, max_value=1500),
        min_size=1,
    ),
    priority=st.sampled_from(PRIORITIES),
    kind=st.sampled_from(KINDS),
)
def test_any_intensities_give_an_order_and_the_frontier_is_what_nothing_beats(
    cloud: CloudCatalogue, values: dict[str, float], priority: Priority, kind: WorkloadKind
) -> None:
    known = {
        zone: ZoneIntensity(zone, value, "lifecycle", "a test", is_estimate=True)
        for zone, value in values.items()
    }
    options = ranking(cloud, known, priority=priority, kind=kind).options
    points = {
        (option.usd_per_unit, option.grams_per_unit)
        for option in options
        if option.usd_per_unit is not None
    }
    unbeaten = {
        one
        for one in points
        if not any(other != one and other[0] <= one[0] and other[1] <= one[1] for other in points)
    }

    edge = [(option.usd_per_unit, option.grams_per_unit) for option in frontier(options)]

    assert set(edge) == unbeaten
    assert edge == sorted(edge)
    assert len(edge) == len(set(edge))
    if priority == "carbon":
        grams = [option.grams_per_unit for option in options]
        assert grams == sorted(grams)


def test_a_run_tells_what_its_reader_has_to_know(
    cloud: CloudCatalogue, yearly: Intensities
) -> None:
    graviton = fixed(cloud, yearly, "m8g.large", "aws:us-east-1").options[0]
    skylake = fixed(cloud, yearly, "m5.large", "aws:us-east-1").options[0]
    measured = replace(skylake.run, intensity=replace(yearly["FR"], is_estimate=False))

    assert "power_of_another_cpu" in caveats(graviton.run)
    assert "price_of_another_region" not in caveats(graviton.run)
    assert caveats(skylake.run) == ("intensity_estimated",)
    assert caveats(measured) == ()
    assert "price_of_another_region" in caveats(
        fixed(cloud, yearly, "m5.large", "aws:eu-west-1").options[0].run
    )
    assert caveats(fixed(cloud, yearly, "db.m5.large", "aws:eusc-de-east-1").options[0].run) == (
        "price_unknown",
        "pue_of_provider",
        "zone_assigned_by_location",
        "region_announced",
        "intensity_estimated",
    )
