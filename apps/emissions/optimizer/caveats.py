"""What a reader of a figure has to know, as codes."""

from collections.abc import Iterator
from typing import Literal

from apps.emissions.optimizer.runs import Run

Caveat = Literal[
    "power_is_lower_bound",
    "power_of_another_cpu",
    "power_confidence_low",
    "price_unknown",
    "price_of_another_region",
    "pue_of_provider",
    "zone_assigned_by_location",
    "region_announced",
    "intensity_estimated",
]


def caveats(run: Run) -> tuple[Caveat, ...]:
    """In the order of their weight. Whether the region offers the instance is not known at all."""
    return (*_of_power(run), *_of_price(run), *_of_place(run))


def _of_power(run: Run) -> Iterator[Caveat]:
    instance = run.instance
    if not instance.power_complete:
        yield "power_is_lower_bound"
    if instance.stand_in_cpu is not None:
        yield "power_of_another_cpu"
    if instance.power_confidence == "low":
        yield "power_confidence_low"


def _of_price(run: Run) -> Iterator[Caveat]:
    if run.instance.usd_per_hour is None:
        yield "price_unknown"
    elif run.instance.usd_region != run.region.region:
        yield "price_of_another_region"


def _of_place(run: Run) -> Iterator[Caveat]:
    if run.region.pue_basis == "provider":
        yield "pue_of_provider"
    if run.region.zone_basis == "assigned":
        yield "zone_assigned_by_location"
    if run.region.status == "announced":
        yield "region_announced"
    if run.intensity.is_estimate:
        yield "intensity_estimated"
