"""From the members of a request to what the optimizer understands; faults name the member."""

from datetime import datetime, timedelta
from typing import get_args

from apps.common.errors import InvalidError
from apps.common.typed import fault_below, fault_in
from apps.emissions import cloud
from apps.emissions.api.optimizer.shapes import (
    CalculateInput,
    CompareInput,
    CompareOption,
    OptimizeInput,
    ScheduleInput,
)
from apps.emissions.optimizer.limits import Limits
from apps.emissions.optimizer.offers import Instance, Provider, Region
from apps.emissions.services.optimizing import Job, Wish
from apps.emissions.services.scheduling import Timing

CLOUDS: tuple[Provider, ...] = get_args(Provider)
_FARTHEST = timedelta(days=366)
_TOLD = 60
"""Characters of an unknown name that are told back."""


def wish_of(asked: OptimizeInput, now: datetime) -> Wish:
    """Raises InvalidError for names nobody knows and for members that contradict each other."""
    region = region_called(asked.region, "region") if asked.region else None
    instance = (
        instance_called(asked.instance_type, "instance_type") if asked.instance_type else None
    )
    start = region_called(asked.start_region, "start_region") if asked.start_region else region
    deadline = asked.deadline
    if deadline is not None and deadline <= now:
        raise fault_in("deadline", "It has passed.")
    return Wish(
        kind=asked.workload,
        priority=asked.priority,
        job=job_of(asked),
        limits=_limits(asked, _providers(asked, region, instance), region),
        instance=instance,
        start=start,
        deadline=deadline,
        is_interruptible=asked.interruptible,
        most=asked.limit,
    )


def job_of(asked: OptimizeInput | CalculateInput | CompareInput) -> Job:
    return Job(asked.duration_hours, float(asked.count), asked.utilization)


def pair_of(asked: CalculateInput | CompareOption) -> tuple[Region, Instance]:
    """A region and an instance of the same cloud."""
    region = region_called(asked.region, "region")
    instance = instance_called(asked.instance_type, "instance_type")
    if region.provider != instance.provider:
        raise fault_in(
            "instance_type", f"It is of {instance.provider}, {region.region} of {region.provider}."
        )
    return region, instance


def pairs_of(asked: CompareInput) -> list[tuple[Region, Instance]]:
    return [_pair_in(index, option) for index, option in enumerate(asked.options)]


def timing_of(asked: ScheduleInput, now: datetime) -> Timing:
    """Raises InvalidError for a deadline that has passed or lies before the beginning."""
    if asked.deadline is not None and asked.deadline <= now:
        raise fault_in("deadline", "It has passed.")
    not_before = now if asked.not_before is None else max(asked.not_before, now)
    if asked.deadline is not None and asked.deadline <= not_before:
        raise fault_in("deadline", "It lies before not_before.")
    if not_before - now > _FARTHEST:
        raise fault_in("not_before", "It lies more than a year ahead.")
    return Timing(asked.duration_hours, not_before, asked.deadline, asked.interruptible)


def region_called(name: str, member: str) -> Region:
    found = cloud.catalogue().region(name)
    if found is None:
        raise fault_in(member, f"No region is called {name[:_TOLD]!r}.")
    return found


def instance_called(name: str, member: str) -> Instance:
    found = cloud.catalogue().instance(name)
    if found is None:
        raise fault_in(member, f"No instance type is called {name[:_TOLD]!r}.")
    return found


def _providers(
    asked: OptimizeInput, region: Region | None, instance: Instance | None
) -> frozenset[Provider]:
    """Those that were named; else the cloud of what was named; else AWS."""
    named = _named_clouds(asked)
    for member, thing in (("region", region), ("instance_type", instance)):
        if thing is not None and named and thing.provider not in named:
            raise fault_in(member, f"It is of {thing.provider}, which `cloud` leaves out.")
    if region and instance and region.provider != instance.provider:
        raise fault_in(
            "instance_type", f"It is of {instance.provider}, {region.region} of {region.provider}."
        )
    one = region or instance
    if one is not None:
        return frozenset({one.provider})
    return named or frozenset({"aws"})


def _named_clouds(asked: OptimizeInput) -> frozenset[Provider]:
    words = [asked.cloud] if isinstance(asked.cloud, str) else asked.cloud or []
    if "all" in words:
        return frozenset(CLOUDS)
    return frozenset(word for word in words if word != "all")


def _limits(asked: OptimizeInput, providers: frozenset[Provider], region: Region | None) -> Limits:
    return Limits(
        providers=providers,
        regions=frozenset({region.key} if region else ()),
        countries=frozenset(code.upper() for code in asked.allowed_countries or ()),
        min_vcpus=asked.min_vcpus or 0.0,
        min_memory_gb=asked.min_memory_gb or 0.0,
        min_gpus=asked.min_gpus or 0.0,
        most_usd_per_hour=asked.max_usd_per_hour,
        arch=asked.arch,
    )


def _pair_in(index: int, option: CompareOption) -> tuple[Region, Instance]:
    try:
        return pair_of(option)
    except InvalidError as fault:
        raise fault_below(f"options.{index}", fault) from None
