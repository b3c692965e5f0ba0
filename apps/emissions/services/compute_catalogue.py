"""What samples of compute are valued with: sets of generic factors, and instances of the clouds."""

import functools
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, get_args

from apps.emissions import cloud
from apps.emissions.calc.compute_factors import ComputeFactors, ExactInterval, UnitRates
from apps.emissions.calc.instance_energy import InstanceFactors, instance_rates
from apps.emissions.cloud import Instance
from apps.emissions.services.catalogue import CATALOGUE

FactorSetName = Literal["demo-static-v1", "compute-2026.11.1"]
"""A published set never changes: new factors are a new file and a new name."""
NAMES: Final = get_args(FactorSetName)
DEMO: Final = "demo-static-v1"
NEWEST: Final = "compute-2026.11.1"
LOWER_BOUND: Final = "-lower-bound"
"""Ends the name of what valued an instance whose accelerators' power nobody published."""
INCOMPLETE: Final = (
    "The power of this instance's accelerators is not published: energy and emissions are a lower "
    "bound, of its processors, memory and board alone."
)
_REMEMBERED: Final = 4096  # callers choose the names, so the memory of them is bounded


@dataclass(frozen=True, slots=True)
class InstanceValuation:
    """An instance type as the cloud catalogue has it, and what its unit costs at one load."""

    factor_set: str
    instance_type: str
    rates: UnitRates


@functools.cache
def compute_factors(name: str) -> ComputeFactors:
    """The set of this name, one of NAMES; read and checked once a process."""
    if name not in NAMES:
        raise KeyError(name)
    text = (CATALOGUE / "compute" / f"{name}.json").read_text(encoding="utf-8")
    return ComputeFactors.from_dict(json.loads(text))


def provider_key(name: str) -> str:
    """A provider's own name in the catalogues: without case, an alias resolved."""
    return compute_factors(NEWEST).provider(name)


def catalogue_name() -> str:
    """Of the cloud catalogue that values instances in this release."""
    return f"cloud-{cloud.catalogue().version}"


@functools.lru_cache(maxsize=_REMEMBERED)
def instance_valuation(
    provider: str, region: str, instance_type: str, *, utilization: Decimal, unit: str
) -> InstanceValuation | None:
    """With the PUE of the region, or of the provider where the region has none.

    None: the provider has no such type, as far as the catalogue knows.
    """
    name = provider_key(provider)
    instance = cloud.catalogue().instance(instance_type)
    if instance is None or instance.provider != name:
        return None
    return InstanceValuation(
        catalogue_name() + ("" if instance.power_complete else LOWER_BOUND),
        instance.instance_type,
        instance_rates(
            _factors(instance), unit=unit, utilization=utilization, pue=_pue(name, region)
        ),
    )


def pue_used(factor_set: str, *, provider: str, region: str) -> ExactInterval | None:
    """The PUE behind a stored value; None where an earlier cloud catalogue gave it."""
    if factor_set in NAMES:
        factors = compute_factors(factor_set)
        return factors.pue_of(factors.provider(provider))
    if factor_set.removesuffix(LOWER_BOUND) != catalogue_name():
        return None
    pue = _pue(provider_key(provider), region)
    return ExactInterval(pue, pue, pue)


def warnings_about(factor_set: str) -> tuple[str, ...]:
    """What a reader of a stored value has to know."""
    return (INCOMPLETE,) if factor_set.endswith(LOWER_BOUND) else ()


def _pue(provider: str, region: str) -> Decimal:
    place = cloud.catalogue().region(f"{provider}:{region}")
    if place is None:
        return compute_factors(NEWEST).pue_of(provider).central
    return _exact(place.pue)


def _factors(instance: Instance) -> InstanceFactors:
    idle, tenth, half, full = map(_exact, instance.watts)
    return InstanceFactors(
        watts=(idle, tenth, half, full),
        other_watts_50=_known(instance.watts_50_ccf, instance.watts_50_boavizta),
        embodied_co2e_grams_per_hour=_exact(instance.embodied_gco2e_per_hour),
        other_embodied_co2e_grams_per_hour=_known(instance.embodied_boavizta_gco2e_per_hour),
    )


def _known(*figures: float | None) -> tuple[Decimal, ...]:
    return tuple(_exact(figure) for figure in figures if figure is not None)


def _exact(figure: float) -> Decimal:
    """The decimal that the table has."""
    return Decimal(str(figure))
