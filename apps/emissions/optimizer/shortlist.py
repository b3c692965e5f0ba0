"""The few instances of each cloud that can win, so that every region can be ranked at once.

The rule, per workload kind, unit and cloud, among the instances that the limits allow: the
BEST_OF_EACH families with the least grams per unit of work on a clean grid, the same on a dirty
one, the same by price per unit, and the fastest; of each family its best member. Grams are at 50 %
load and include the embodied share, which decides on clean grids. Instances whose power is
incomplete are chosen apart, by the same grams, because they are shown apart.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence

from apps.emissions.optimizer.limits import NO_LIMITS, Limits
from apps.emissions.optimizer.offers import Instance, WorkloadKind
from apps.emissions.optimizer.power import watts
from apps.emissions.optimizer.units import Unit, size_in, speed_of

BEST_OF_EACH = 3
CLEAN_GCO2E_PER_KWH = 30.0
DIRTY_GCO2E_PER_KWH = 500.0

_REMEMBERED = 64

Order = Callable[[Instance, float], tuple[float, ...] | None]
"""The smaller the better, given the instance and its size; None where it cannot be told."""


class Shortlists:
    """All instances, sorted once by everything that the rule asks for."""

    def __init__(self, instances: Iterable[Instance]) -> None:
        self._instances = tuple(instances)
        self._sorted = functools.lru_cache(maxsize=None)(self._sort)
        self._chosen = functools.lru_cache(maxsize=_REMEMBERED)(self._choose)

    def of(
        self, kind: WorkloadKind, unit: Unit, limits: Limits = NO_LIMITS
    ) -> tuple[Instance, ...]:
        """The shortlist, by key; empty if the limits leave nothing."""
        return self._chosen(kind, unit, limits)

    def _choose(self, kind: WorkloadKind, unit: Unit, limits: Limits) -> tuple[Instance, ...]:
        chosen = {
            instance.key: instance
            for order in self._sorted(kind, unit)
            for instance in _best(order, limits)
        }
        return tuple(chosen[key] for key in sorted(chosen))

    def _sort(self, kind: WorkloadKind, unit: Unit) -> list[list[Instance]]:
        fitting = [i for i in self._instances if kind in i.kinds and size_in(unit, i)]
        return [
            order
            for provider in sorted({i.provider for i in fitting})
            for is_complete, orders in ((True, _ORDERS), (False, _ORDERS[:1]))
            for order in _sorted_by(
                orders,
                unit,
                [i for i in fitting if (i.provider, i.power_complete) == (provider, is_complete)],
            )
        ]


def _sorted_by(
    orders: Sequence[Order], unit: Unit, instances: Sequence[Instance]
) -> Iterator[list[Instance]]:
    for order in orders:
        known = [
            (value, instance.key, instance)
            for instance in instances
            if (value := order(instance, size_in(unit, instance))) is not None
        ]
        yield [instance for _, _, instance in sorted(known, key=lambda row: row[:2])]


def _best(order: Sequence[Instance], limits: Limits) -> Iterator[Instance]:
    families: set[tuple[str, str]] = set()
    for instance in order:
        family = instance.service, instance.family
        if family not in families and limits.allow_instance(instance):
            families.add(family)
            yield instance
            if len(families) == BEST_OF_EACH:
                return


def _grams_on(gco2e_per_kwh: float) -> Order:
    def order(instance: Instance, size: float) -> tuple[float, ...]:
        grams = watts(instance) / 1000.0 * gco2e_per_kwh + instance.embodied_gco2e_per_hour
        return (grams / size,)

    return order


def _price(instance: Instance, size: float) -> tuple[float, ...] | None:
    return None if instance.usd_per_hour is None else (instance.usd_per_hour / size,)


def _slowness(instance: Instance, _size: float) -> tuple[float, ...]:
    return tuple(-part for part in speed_of(instance))


_ORDERS: tuple[Order, ...] = (
    _grams_on(CLEAN_GCO2E_PER_KWH),
    _grams_on(DIRTY_GCO2E_PER_KWH),
    _price,
    _slowness,
)
