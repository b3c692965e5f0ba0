"""What may be asked of the optimizer."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from apps.emissions.api.estimate.shapes import Country, Name
from apps.emissions.optimizer.offers import Arch, WorkloadKind
from apps.emissions.optimizer.ranking import Priority

MOST_OPTIONS = 500
MOST_LISTED = 50
MOST_HOURS = 8760

CloudWord = Literal["aws", "gcp", "azure", "all"]
Hours = Annotated[
    float,
    Meta(ge=1e-6, le=MOST_HOURS, description="More than nothing (3.6 ms), at most a year."),
]
Copies = Annotated[int, Meta(ge=1, le=1_000_000, description="Instances of the kind.")]
Load = Annotated[float, Meta(ge=0, le=1, description="Mean load of the instance, 0 to 1.")]
Size = Annotated[float, Meta(ge=0, le=1_000_000)]
Moment = Annotated[datetime, Meta(tz=True, description="ISO 8601 with an offset or Z.")]


class OptimizeInput(Struct, frozen=True, kw_only=True):
    """A job, and what its place has to be like. `null` is as good as nothing.

    `region` allows this region only. `start_region` is where the job would run without advice:
    the fair saving is told against it; without it, against `region`.
    """

    workload: WorkloadKind
    priority: Priority
    region: Name | None = None
    duration_hours: Hours = 1.0
    cloud: Annotated[list[CloudWord], Meta(min_length=1, max_length=4)] | CloudWord | None = None
    instance_type: Name | None = None
    start_region: Name | None = None
    allowed_countries: Annotated[list[Country], Meta(min_length=1, max_length=250)] | None = None
    min_vcpus: Size | None = None
    min_memory_gb: Size | None = None
    min_gpus: Size | None = None
    max_usd_per_hour: Size | None = None
    arch: Arch | None = None
    deadline: Moment | None = None
    interruptible: bool = False
    utilization: Load = 0.5
    count: Copies = 1
    limit: Annotated[int, Meta(ge=1, le=MOST_LISTED)] = 10


class CalculateInput(Struct, frozen=True, kw_only=True):
    """An instance in a region of its cloud."""

    region: Name
    instance_type: Name
    duration_hours: Hours = 1.0
    utilization: Load = 0.5
    count: Copies = 1


class CompareOption(Struct, frozen=True, kw_only=True):
    """One of the places to compare."""

    region: Name
    instance_type: Name


class CompareInput(Struct, frozen=True, kw_only=True):
    """The same hours on each of the options."""

    options: Annotated[list[CompareOption], Meta(min_length=1, max_length=MOST_OPTIONS)]
    duration_hours: Hours = 1.0
    utilization: Load = 0.5
    count: Copies = 1


class ScheduleInput(Struct, frozen=True, kw_only=True):
    """A job of one region that may wait. A `not_before` in the past is now."""

    region: Name
    duration_hours: Hours = 1.0
    interruptible: bool = False
    deadline: Moment | None = None
    not_before: Moment | None = None
