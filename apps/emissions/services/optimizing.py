"""Where and on what to run a job: the clouds' offers, the grids of now, ranked, with savings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from apps.emissions import cloud
from apps.emissions.grid.base import Intensity
from apps.emissions.optimizer.frontier import frontier
from apps.emissions.optimizer.limits import NO_LIMITS, Limits
from apps.emissions.optimizer.offers import Instance, Region, WorkloadKind, ZoneIntensity
from apps.emissions.optimizer.power import DEFAULT_UTILISATION
from apps.emissions.optimizer.ranking import Option, Priority, Ranking, candidates, rank
from apps.emissions.optimizer.runs import Run
from apps.emissions.optimizer.savings import OwnSaving, Saving, against_own, best_against_worst
from apps.emissions.optimizer.units import Unit, unit_of
from apps.emissions.services.grid import intensity_now
from apps.emissions.services.scheduling import BestTime, Timing, best_times

Basis = Literal["forecast", "pattern", "now"]


@dataclass(frozen=True, slots=True)
class Job:
    """How long, on how many instances, and how busy they are."""

    hours: float = 1.0
    count: float = 1.0
    utilisation: float = DEFAULT_UTILISATION


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller looks for. `start` is where the job would run without advice."""

    kind: WorkloadKind
    priority: Priority
    job: Job = field(default_factory=Job)
    limits: Limits = NO_LIMITS
    instance: Instance | None = None
    start: Region | None = None
    deadline: datetime | None = None
    is_interruptible: bool = False
    most: int = 10

    @property
    def unit(self) -> Unit:
        """Sizes compare by work, unless there is only one."""
        return unit_of(self.kind) if self.instance is None else "instance_hour"


@dataclass(frozen=True, slots=True)
class OwnChoice:
    """The caller's own place beside the recommended one, and which intensities that rests on."""

    run: Run
    saving: OwnSaving
    basis: Basis


@dataclass(frozen=True, slots=True)
class Advice:
    """Everything an answer is made of. Windows and intensities are by zone."""

    wish: Wish
    at: datetime
    ranking: Ranking
    intensities: Mapping[str, Intensity]
    times: Mapping[str, BestTime]
    frontier: Sequence[Option]
    regions: int
    own: OwnChoice | None
    against_worst: Saving | None

    @property
    def listed(self) -> tuple[Option, ...]:
        return self.ranking.options[: self.wish.most]


@dataclass(frozen=True, slots=True)
class Figure:
    """One run with the intensity it was calculated with. Without a value there is no run."""

    run: Run
    intensity: Intensity


def optimize(wish: Wish, *, now: datetime) -> Advice:
    """Rank by life-cycle intensities of now. Empty where nothing meets the limits."""
    regions = [one for one in cloud.catalogue().regions if wish.limits.allow_region(one)]
    places = regions if wish.start is None else [*regions, wish.start]
    said = intensity_now({one.zone for one in places}, now=now)
    ranking = _ranked(wish, regions, wish.limits, said)
    listed = [option.run for option in ranking.options[: wish.most]]
    times = _times(wish, listed, now)
    return Advice(
        wish=wish,
        at=now,
        ranking=ranking,
        intensities=said,
        times=times,
        frontier=frontier(ranking.options),
        regions=len(regions),
        own=_own(wish, listed[0], said, times) if wish.start and listed else None,
        against_worst=best_against_worst(ranking.options, wish.unit),
    )


def calculate(
    pairs: Iterable[tuple[Region, Instance]], job: Job, *, now: datetime
) -> list[Figure | None]:
    """Each instance in its region, in the given order; None where nothing is known of the grid."""
    asked = list(pairs)
    said = intensity_now({region.zone for region, _ in asked}, now=now)
    known = known_intensities(said)
    return [
        Figure(_run(region, instance, known[region.zone], job), said[region.zone])
        if region.zone in known
        else None
        for region, instance in asked
    ]


def known_intensities(said: Mapping[str, Intensity]) -> dict[str, ZoneIntensity]:
    """As the ranking takes them; zones of which nothing is known are left out."""
    return {
        zone: ZoneIntensity(
            zone=zone,
            gco2e_per_kwh=each.gco2e_per_kwh,
            emission_factor_type=each.emission_factor_type,
            source=each.source,
            is_estimate=each.is_estimate,
        )
        for zone, each in said.items()
        if each.gco2e_per_kwh is not None
    }


def _ranked(
    wish: Wish, regions: Sequence[Region], limits: Limits, said: Mapping[str, Intensity]
) -> Ranking:
    if wish.instance is None:
        instances = cloud.shortlists().of(wish.kind, wish.unit, limits)
    else:
        instances = (wish.instance,)
    return rank(
        candidates(regions, instances, limits),
        known_intensities(said),
        priority=wish.priority,
        unit=wish.unit,
        hours=wish.job.hours,
        count=wish.job.count,
        utilisation=wish.job.utilisation,
    )


def _times(wish: Wish, listed: Sequence[Run], now: datetime) -> dict[str, BestTime]:
    """One search a zone; the caller's own zone only where there is something to compare."""
    timing = Timing(wish.job.hours, now, wish.deadline, wish.is_interruptible)
    zones = dict.fromkeys(run.region.zone for run in listed)
    if wish.start is not None and listed:
        zones[wish.start.zone] = None
    return best_times(zones, timing, now=now, emission_factor_type="lifecycle")


def _own(
    wish: Wish, chosen: Run, said: Mapping[str, Intensity], times: Mapping[str, BestTime]
) -> OwnChoice | None:
    """Over the hours of each run where both zones are forecast, else by the hour in progress."""
    run = _own_run(wish, chosen, said)
    if run is None:
        return None
    here, there = times[run.region.zone], times[chosen.region.zone]
    before = here.window.start_now_gco2e_per_kwh if here.window else None
    moved = there.window.start_now_gco2e_per_kwh if there.window else None
    if before is None or moved is None or there.window is None:
        return OwnChoice(run, against_own(run, chosen, unit=wish.unit), "now")
    saving = against_own(
        run.at(before),
        chosen.at(there.window.gco2e_per_kwh),
        unit=wish.unit,
        chosen_started_now=chosen.at(moved),
    )
    kinds = {time.forecast.kind for time in (here, there) if time.forecast}
    return OwnChoice(run.at(before), saving, "pattern" if "pattern" in kinds else "forecast")


def _own_run(wish: Wish, chosen: Run, said: Mapping[str, Intensity]) -> Run | None:
    """The same instance where the cloud is the same, else the first of the caller's cloud."""
    start = wish.start
    known = known_intensities(said)
    if start is None or start.zone not in known:
        return None
    if start.provider == chosen.instance.provider:
        return _run(start, chosen.instance, known[start.zone], wish.job)
    if wish.instance is not None:
        return None
    limits = replace(
        wish.limits,
        providers=frozenset({start.provider}),
        regions=frozenset({start.key}),
        countries=frozenset(),
    )
    options = _ranked(wish, [start], limits, said).options
    return options[0].run if options else None


def _run(region: Region, instance: Instance, intensity: ZoneIntensity, job: Job) -> Run:
    return Run(region, instance, intensity, job.hours, job.count, job.utilisation)
