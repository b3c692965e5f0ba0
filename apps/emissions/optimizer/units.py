"""What unlike machines are compared by: an hour of a GPU, of a vCPU, or of the machine itself."""

from typing import Literal

from apps.emissions.optimizer.offers import Instance, WorkloadKind

Unit = Literal["gpu_hour", "vcpu_hour", "instance_hour"]

_UNITS: dict[WorkloadKind, Unit] = {"training": "gpu_hour", "inference": "gpu_hour"}


def unit_of(kind: WorkloadKind) -> Unit:
    """GPU-hours for training and inference, else vCPU-hours.

    Grams per hour of the machine would always favour the smallest one; `instance_hour` is for
    instances that the caller has fixed.
    """
    return _UNITS.get(kind, "vcpu_hour")


def size_in(unit: Unit, instance: Instance) -> float:
    """Units of work an hour of one instance does; 0 where the unit does not fit it.

    Two kinds compare with nothing by vCPU-hours: instances with accelerators, whose power is not
    their processor's, and burstable ones, whose vCPUs are fractions.
    """
    if unit == "instance_hour":
        return 1.0
    if unit == "gpu_hour":
        return instance.chips
    return 0.0 if instance.chips or instance.shares_cores else instance.vcpus


def speed_of(instance: Instance) -> tuple[float, float, float]:
    """For order only, the larger the faster: class of the chip, number of chips, vCPUs."""
    return instance.chip_teraflops, instance.chips, instance.vcpus
