"""The factors of generic compute: what an hour of a vCPU or a gigabyte moved costs the air.

Decimal throughout, so that a figure can be redone by hand to the last digit.
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any, Final, Literal, NamedTuple, get_args

from apps.emissions.calc.rows import InvalidFactorsError, read_row

GenericType = Literal["vcpu", "memory", "storage", "network"]
ResourceType = Literal[GenericType, "instance"]
GenericUnit = Literal[
    "vcpu_hour",
    "vcpu_minute",
    "gb_hour",
    "gb_minute",
    "gb_month",
    "tb_month",
    "gb",
    "mb",
    "tb",
]
InstanceUnit = Literal["instance_hour", "instance_minute"]
UsageUnit = Literal[GenericUnit, InstanceUnit]
ANY: Final = "*"
EXACT: Final = Context(prec=60, rounding=ROUND_HALF_UP)
"""Wide enough for every product of an amount, a factor, a PUE and an intensity."""
_REMEMBERED: Final = 4096  # callers choose the names, so the memory of them is bounded


class ExactInterval(NamedTuple):
    """A best value between the lowest and the highest that is published, all in one unit."""

    low: Decimal
    central: Decimal
    high: Decimal


ZERO: Final = ExactInterval(Decimal(), Decimal(), Decimal())
ONE: Final = ExactInterval(Decimal(1), Decimal(1), Decimal(1))


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit as it is reported: `numerator / denominator` of the unit that factors are for."""

    unit: str
    resource_type: str
    normalized_unit: str
    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        known = self.resource_type in get_args(GenericType) and self.unit in get_args(GenericUnit)
        if not known or self.numerator < 1 or self.denominator < 1:
            raise InvalidFactorsError(f"unit {self.unit}: not a multiple of a known kind")


@dataclass(frozen=True, slots=True)
class FactorRow:
    """One factor of one provider, or of all that have none of their own (`*`)."""

    subject: str
    provider: str
    low: str
    central: str
    high: str
    unit: str
    year: int
    source: str
    note: str

    @property
    def interval(self) -> ExactInterval:
        try:
            interval = ExactInterval(Decimal(self.low), Decimal(self.central), Decimal(self.high))
        except InvalidOperation:
            raise InvalidFactorsError(f"{self._name}: not a number") from None
        if not all(value.is_finite() for value in interval) or not (
            0 <= interval.low <= interval.central <= interval.high
        ):
            raise InvalidFactorsError(f"{self._name}: not an interval")
        if not self.source:
            raise InvalidFactorsError(f"{self._name}: no source")
        return interval

    @property
    def _name(self) -> str:
        return f"{self.subject} of {self.provider}"


@dataclass(frozen=True, slots=True)
class UnitRates:
    """What one normalized unit costs at one provider: energy with its PUE, and manufacture."""

    resource_type: str
    normalized_unit: str
    numerator: Decimal
    denominator: Decimal
    pue: ExactInterval
    energy_kwh: ExactInterval
    embodied_co2e_grams: ExactInterval


@dataclass(frozen=True, slots=True, eq=False)
class ComputeFactors:
    """One published set. Compared by identity, so that rates can be remembered by it."""

    name: str
    published: str
    units: Mapping[str, UnitRow]
    rows: tuple[FactorRow, ...]
    energy: Mapping[tuple[str, str], ExactInterval]
    pue: Mapping[str, ExactInterval]
    embodied: Mapping[tuple[str, str], ExactInterval]
    aliases: Mapping[str, str]
    not_included: tuple[str, ...]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ComputeFactors":
        """Read and check a document. Raises InvalidFactorsError and names the row."""
        try:
            units = [read_row(UnitRow, raw, f"unit {raw['unit']}") for raw in data["units"]]
            energy, pue, embodied = (
                _rows(data[table], table) for table in ("energy", "pue", "embodied")
            )
            factors = cls(
                name=str(data["name"]),
                published=str(data["published"]),
                units={row.unit: row for row in units},
                rows=(*energy, *pue, *embodied),
                energy={(row.subject, row.provider): row.interval for row in energy},
                pue={row.provider: row.interval for row in pue},
                embodied={(row.subject, row.provider): row.interval for row in embodied},
                aliases=dict(data["provider_aliases"]),
                not_included=tuple(data["not_included"]),
            )
        except KeyError as missing:
            raise InvalidFactorsError(f"missing: {missing.args[0]}") from missing
        factors._check()
        return factors

    def provider(self, name: str) -> str:
        """The provider's own name here: without case, an alias resolved."""
        folded = "-".join(name.lower().split())
        return self.aliases.get(folded, folded)

    def pue_of(self, name: str) -> ExactInterval:
        """The overhead of a provider, by its own name here."""
        return self.pue.get(name) or self.pue.get(ANY, ONE)

    def _check(self) -> None:
        if missing := set(get_args(GenericUnit)) - set(self.units):
            raise InvalidFactorsError(f"no unit {min(missing)}")
        for kind in get_args(GenericType):
            if (kind, ANY) not in self.energy:
                raise InvalidFactorsError(f"no energy of {kind} for any provider")


@functools.lru_cache(maxsize=_REMEMBERED)
def unit_rates(factors: ComputeFactors, provider: str, unit: str) -> UnitRates:
    """The rates of a unit at a provider; one without rows of its own is like any other."""
    row, name = factors.units[unit], factors.provider(provider)
    kind = row.resource_type
    pue = factors.pue_of(name)
    energy = factors.energy.get((kind, name)) or factors.energy[kind, ANY]
    embodied = factors.embodied.get((kind, name)) or factors.embodied.get((kind, ANY), ZERO)
    return UnitRates(
        resource_type=kind,
        normalized_unit=row.normalized_unit,
        numerator=Decimal(row.numerator),
        denominator=Decimal(row.denominator),
        pue=pue,
        energy_kwh=ExactInterval(
            *(EXACT.multiply(*pair) for pair in zip(energy, pue, strict=True))
        ),
        embodied_co2e_grams=embodied,
    )


def _rows(data: Iterable[Mapping[str, Any]], table: str) -> list[FactorRow]:
    rows = [read_row(FactorRow, raw, f"{table} {raw['subject']}") for raw in data]
    if len({(row.subject, row.provider) for row in rows}) != len(rows):
        raise InvalidFactorsError(f"{table}: a factor appears twice")
    return rows
