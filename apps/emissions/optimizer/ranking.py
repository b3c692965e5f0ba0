"""Regions and instances, scored by carbon, by performance, or by both and the price.

Three terms, each scaled to 0..1 by rank among the candidates: the share of the others that are
not better, so that the best has 1 and equals are equal.

    carbon       grams CO2e per unit of work, operational and embodied
    speed        class of the chip, then number of chips, then vCPUs
    price        list price per unit of work, where known

    priority carbon       the carbon term alone
    priority performance  the speed term, equals by grams
    priority balanced     the mean of the terms present, equals by grams

What is still equal goes by name. Instances whose power is incomplete are ranked apart.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from apps.emissions.optimizer.errors import MixedIntensitiesError
from apps.emissions.optimizer.limits import NO_LIMITS, Limits
from apps.emissions.optimizer.offers import Instance, Region, ZoneIntensity
from apps.emissions.optimizer.power import DEFAULT_UTILISATION, watts
from apps.emissions.optimizer.runs import Run
from apps.emissions.optimizer.units import Unit, size_in, speed_of

Priority = Literal["carbon", "performance", "balanced"]
Candidate = tuple[Region, Instance]
Speed = tuple[float, float, float]
T = TypeVar("T", float, Speed)


@dataclass(frozen=True, slots=True)
class Terms:
    """Each 0 to 1, 1 is best. No price, no term."""

    carbon: float
    speed: float
    price: float | None

    def score(self, priority: Priority) -> float:
        if priority == "carbon":
            return self.carbon
        if priority == "performance":
            return self.speed
        present = [term for term in (self.carbon, self.speed, self.price) if term is not None]
        return sum(present) / len(present)


@dataclass(frozen=True, slots=True)
class Option:
    """A candidate in its place."""

    run: Run
    grams_per_unit: float
    usd_per_unit: float | None
    terms: Terms
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best first. `lower_bounds` are of incomplete power: they emit more than is told."""

    unit: Unit
    priority: Priority
    options: tuple[Option, ...]
    lower_bounds: tuple[Option, ...]
    regions_without_intensity: tuple[str, ...]
    """Keys of regions that were left out because nothing is known of their zone."""
    instances_without_unit: tuple[str, ...]
    """Keys of instances that were left out because they do no such unit of work."""


@dataclass(frozen=True, slots=True)
class _Rate:
    """One instance per unit of work."""

    kwh: float
    embodied_grams: float
    usd: float | None
    speed: Speed


def candidates(
    regions: Iterable[Region], instances: Iterable[Instance], limits: Limits = NO_LIMITS
) -> list[Candidate]:
    """Every instance in every region of its cloud that the limits allow."""
    allowed = [instance for instance in instances if limits.allow_instance(instance)]
    return [
        (region, instance)
        for region in regions
        if limits.allow_region(region)
        for instance in allowed
        if instance.provider == region.provider
    ]


def rank(
    among: Sequence[Candidate],
    intensities: Mapping[str, ZoneIntensity],
    *,
    priority: Priority,
    unit: Unit,
    hours: float = 1.0,
    count: float = 1.0,
    utilisation: float = DEFAULT_UTILISATION,
) -> Ranking:
    """Candidates by priority, with the intensity of each zone by its key.

    Every option describes the job of `hours` on `count` of its instances; the order compares one
    unit of work. Raises MixedIntensitiesError unless all intensities used are of one kind.
    """
    rates = {
        instance.key: _rate(instance, size, utilisation)
        for instance in {instance.key: instance for _, instance in among}.values()
        if (size := size_in(unit, instance))
    }
    known = [
        (region, instance)
        for region, instance in among
        if region.zone in intensities and instance.key in rates
    ]
    _refuse_mixed([intensities[zone] for zone in {region.zone for region, _ in known}])
    complete: list[tuple[Run, float, _Rate]] = []
    incomplete: list[tuple[Run, float, _Rate]] = []
    for region, instance in known:
        intensity, rate = intensities[region.zone], rates[instance.key]
        grams = rate.kwh * region.pue * intensity.gco2e_per_kwh + rate.embodied_grams
        run = Run(region, instance, intensity, hours, count, utilisation)
        (complete if instance.power_complete else incomplete).append((run, grams, rate))
    return Ranking(
        unit=unit,
        priority=priority,
        options=_ordered(complete, priority),
        lower_bounds=_ordered(incomplete, priority),
        regions_without_intensity=_keys(r for r, _ in among if r.zone not in intensities),
        instances_without_unit=_keys(i for _, i in among if i.key not in rates),
    )


def _keys(left_out: Iterable[Region | Instance]) -> tuple[str, ...]:
    return tuple(sorted({each.key for each in left_out}))


def _rate(instance: Instance, size: float, utilisation: float) -> _Rate:
    price = instance.usd_per_hour
    return _Rate(
        kwh=watts(instance, utilisation) / 1000.0 / size,
        embodied_grams=instance.embodied_gco2e_per_hour / size,
        usd=None if price is None else price / size,
        speed=speed_of(instance),
    )


def _refuse_mixed(used: Sequence[ZoneIntensity]) -> None:
    kinds = sorted({f"{one.emission_factor_type} {one.signal}" for one in used})
    if len(kinds) > 1:
        raise MixedIntensitiesError("Intensities of unlike kinds cannot be compared", kinds=kinds)


def _ordered(rows: Sequence[tuple[Run, float, _Rate]], priority: Priority) -> tuple[Option, ...]:
    carbon = _scaled([-grams for _, grams, _ in rows])
    speed = _scaled([rate.speed for _, _, rate in rows])
    price = _scaled([-rate.usd for _, _, rate in rows if rate.usd is not None])
    options = []
    for run, grams, rate in rows:
        terms = Terms(
            carbon[-grams], speed[rate.speed], None if rate.usd is None else price[-rate.usd]
        )
        options.append(Option(run, grams, rate.usd, terms, terms.score(priority)))
    return tuple(sorted(options, key=_place))


def _place(option: Option) -> tuple[float, float, str, str]:
    """With priority carbon the score already orders by grams, and equal scores are equal grams."""
    run = option.run
    return -option.score, option.grams_per_unit, run.region.key, run.instance.key


def _scaled(values: Sequence[T]) -> dict[T, float]:
    """Each value with the share of the other candidates that are not larger."""
    ascending = sorted(values)
    others = len(ascending) - 1
    if others < 1:
        return dict.fromkeys(ascending, 1.0)
    return {value: (bisect_right(ascending, value) - 1) / others for value in set(ascending)}
