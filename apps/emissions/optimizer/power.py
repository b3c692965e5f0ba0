"""What an instance draws and what making it cost: the Teads curve, bounded by other methods."""

from bisect import bisect_right
from dataclasses import dataclass

from apps.emissions.calc.interval import Interval
from apps.emissions.optimizer.offers import Instance

DEFAULT_UTILISATION = 0.5
"""The mean of hyperscale data centres, after Cloud Carbon Footprint."""

METHOD = "teads"
"""The method of every central value: one ranking uses one method for all."""

_LOADS = (0.0, 0.1, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Bounded:
    """A quantity and the methods of its bounds. Incomplete: all of it is a lower bound."""

    interval: Interval
    low_method: str
    central_method: str
    high_method: str
    is_complete: bool


def watts(instance: Instance, utilisation: float = DEFAULT_UTILISATION) -> float:
    """Watts of the whole board without PUE: linear between idle, 10, 50 and 100 % load.

    Raises ValueError for a load outside 0 to 1.
    """
    if not 0.0 <= utilisation <= 1.0:
        raise ValueError(f"utilisation has to lie between 0 and 1: {utilisation}")
    right = min(bisect_right(_LOADS, utilisation), len(_LOADS) - 1)
    below, above = instance.watts[right - 1], instance.watts[right]
    share = (utilisation - _LOADS[right - 1]) / (_LOADS[right] - _LOADS[right - 1])
    return below + (above - below) * share if share < 1.0 else above


def energy_kwh(
    instance: Instance,
    *,
    hours: float,
    pue: float,
    count: float = 1.0,
    utilisation: float = DEFAULT_UTILISATION,
) -> Bounded:
    """Energy with PUE: watts / 1000 x hours x count x PUE, by the smallest to the largest method.

    The other methods are known at 50 % load; elsewhere they keep that ratio to the Teads curve.
    """
    central = watts(instance, utilisation) / 1000.0 * _job(hours, count) * pue
    return _bounded(
        central,
        METHOD,
        {
            METHOD: 1.0,
            "ccf": _ratio(instance.watts_50_ccf, instance.watts[2]),
            "boavizta": _ratio(instance.watts_50_boavizta, instance.watts[2]),
        },
        is_complete=instance.power_complete,
    )


def embodied_grams(instance: Instance, *, hours: float, count: float = 1.0) -> Bounded:
    """The share of making the server: grams an hour x hours x count. It knows no PUE and no grid.

    Complete also where the power is not: the chips' own share is the method's flat one.
    """
    central = instance.embodied_gco2e_per_hour * _job(hours, count)
    other = instance.embodied_boavizta_gco2e_per_hour
    ratios = {
        instance.embodied_method: 1.0,
        "boavizta": _ratio(other, instance.embodied_gco2e_per_hour),
    }
    return _bounded(central, instance.embodied_method, ratios, is_complete=True)


def _job(hours: float, count: float) -> float:
    if hours < 0.0 or count < 0.0:
        raise ValueError(f"a job has no negative length: {hours} h x {count}")
    return hours * count


def _ratio(other: float | None, central: float) -> float | None:
    return None if other is None or central == 0.0 else other / central


def _bounded(
    central: float, method: str, ratios: dict[str, float | None], *, is_complete: bool
) -> Bounded:
    known = {name: ratio for name, ratio in ratios.items() if ratio is not None}
    low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    return Bounded(
        Interval(central * known[low], central, central * known[high]),
        low,
        method,
        high,
        is_complete,
    )
