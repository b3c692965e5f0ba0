"""Sentences on how to emit less, each worked out from this very ranking. Pure."""

from collections.abc import Iterator, Mapping

from apps.emissions.optimizer.power import watts
from apps.emissions.optimizer.ranking import Option, Ranking
from apps.emissions.services.scheduling import BestTime

_OTHER = {"x86_64": "arm64", "arm64": "x86_64"}
_UNITS = {"gpu_hour": "GPU-hour", "vcpu_hour": "vCPU-hour", "instance_hour": "instance-hour"}


def advice(ranking: Ranking, times: Mapping[str, BestTime]) -> list[str]:
    """Of the first option; empty where there is none."""
    if not ranking.options:
        return []
    best = ranking.options[0]
    return [*_of_processor(best, ranking), *_of_idleness(best), *_of_time(best, times)]


def _of_processor(best: Option, ranking: Ranking) -> Iterator[str]:
    """Options are in their order, so the first of the other kind is the best of it."""
    run = best.run
    wanted = _OTHER[run.instance.arch]
    other = next(
        (
            option
            for option in ranking.options
            if option.run.instance.arch == wanted and option.run.region == run.region
        ),
        None,
    )
    if other is None or not best.grams_per_unit:
        return
    percent = 100.0 * (other.grams_per_unit / best.grams_per_unit - 1.0)
    yield (
        f"{other.run.instance.instance_type} ({wanted}) in {run.region.region} emits "
        f"{abs(percent):.1f} % {'more' if percent >= 0 else 'less'} CO2e per "
        f"{_UNITS[ranking.unit]} than {run.instance.instance_type} ({run.instance.arch})"
        f"{_stand_in(best, other)}."
    )


def _stand_in(*options: Option) -> str:
    names = sorted(
        {each.run.instance.instance_type for each in options if each.run.instance.stand_in_cpu}
    )
    return f"; the power of {' and '.join(names)} is that of another processor" if names else ""


def _of_idleness(best: Option) -> Iterator[str]:
    instance, load = best.run.instance, best.run.utilisation
    idle, busy = instance.watts[0], watts(instance, load)
    if busy:
        yield (
            f"{instance.instance_type} draws {idle:.4g} W when idle, {100.0 * idle / busy:.0f} % "
            f"of the {busy:.4g} W at {load:.0%} load: stop it whenever nothing runs on it."
        )


def _of_time(best: Option, times: Mapping[str, BestTime]) -> Iterator[str]:
    time = times.get(best.run.region.zone)
    if time is None or time.window is None:
        return
    share = time.window.saved_share
    if share:
        yield (
            f"Starting at {time.window.start:%Y-%m-%d %H:%M} UTC instead of now lowers the "
            f"electricity's mean intensity in {best.run.region.zone} by {100.0 * share:.1f} %."
        )
