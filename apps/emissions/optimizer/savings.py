"""What a choice saves: against the caller's own place and start, and against the worst choice."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.emissions.optimizer.ranking import Option
from apps.emissions.optimizer.runs import Run
from apps.emissions.optimizer.units import Unit


@dataclass(frozen=True, slots=True)
class Saving:
    """Central grams for the same work. Below zero where the choice is worse."""

    baseline_grams: float
    chosen_grams: float

    @property
    def saved_grams(self) -> float:
        return self.baseline_grams - self.chosen_grams

    @property
    def saved_percent(self) -> float:
        return 100.0 * self.saved_grams / self.baseline_grams if self.baseline_grams else 0.0


@dataclass(frozen=True, slots=True)
class OwnSaving:
    """The way from the caller's own choice: first to the place, then to the time."""

    by_place: Saving
    by_time: Saving

    @property
    def whole(self) -> Saving:
        return Saving(self.by_place.baseline_grams, self.by_time.chosen_grams)


def against_own(
    own: Run, chosen: Run, *, unit: Unit, chosen_started_now: Run | None = None
) -> OwnSaving:
    """The work of `chosen` done on `own`, on the caller's region, instance and start.

    `chosen_started_now` is the chosen place without waiting; without it nothing waits. Fair only
    if each run's intensity is the mean over its own hours (`Run.at`). Raises ValueError if one of
    them does no work in this unit.
    """
    moved = chosen_started_now or chosen
    baseline = _grams_for(chosen, own, unit)
    at_once = _grams_for(chosen, moved, unit)
    return OwnSaving(Saving(baseline, at_once), Saving(at_once, chosen.co2e_grams.central))


def best_against_worst(options: Sequence[Option], unit: Unit) -> Saving | None:
    """The first option against the dirtiest one, for the first one's work. None without options.

    A comparison with what nobody would choose: show it beside `against_own`, not instead.
    """
    if not options:
        return None
    worst = max(options, key=lambda option: option.grams_per_unit)
    best = options[0].run
    return Saving(_grams_for(best, worst.run, unit), best.co2e_grams.central)


def _grams_for(wanted: Run, by: Run, unit: Unit) -> float:
    """Grams of doing the work of one run by another."""
    done = by.work(unit)
    if not done or not wanted.work(unit):
        raise ValueError(f"{by.instance.key} and {wanted.instance.key} do not compare by {unit}")
    return by.co2e_grams.central * (wanted.work(unit) / done)  # exactly 1 for equal work
