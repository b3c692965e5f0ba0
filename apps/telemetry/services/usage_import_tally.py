"""What became of the lines of a billing export: the numbers behind its report."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from apps.emissions.calc.compute_factors import EXACT
from apps.telemetry.selectors.samples import SampleRow

MOST_REASONS: Final = 1000
"""A file with more of them is another kind of file; the rest is counted together."""
OTHER_REASONS: Final = "other reasons"
RAGGED: Final = "another number of fields than the header has"


@dataclass(slots=True)
class Counted:
    """How often, and where first: a line number that a person can look up."""

    count: int = 0
    line: int | None = None

    def add(self, line: int | None) -> None:
        self.count += 1
        if self.line is None:
            self.line = line


@dataclass(slots=True)
class Sum:
    """Samples of one resource: how many, how much of their unit, and what they stand for."""

    samples: int = 0
    amount: Decimal = Decimal()
    energy_kwh: Decimal = Decimal()
    co2e_grams: Decimal = Decimal()

    def add(self, row: SampleRow) -> None:
        self.samples += 1
        self.amount += row.normalized_usage_amount
        self.energy_kwh = EXACT.add(self.energy_kwh, row.energy_kwh)
        self.co2e_grams = EXACT.add(
            self.co2e_grams, row.operational_co2e_grams + row.embodied_co2e_grams
        )


@dataclass(slots=True)
class LeftOut:
    """Amounts too small for a sample, and what they add up to."""

    count: int = 0
    amount: Decimal = Decimal()

    def add(self, amount: Decimal) -> None:
        self.count += 1
        self.amount = EXACT.add(self.amount, amount)


@dataclass(slots=True)
class Tally:
    """Everything that the report says; kept with the import, so that it can go on."""

    lines: int = 0
    stored: int = 0
    known: int = 0
    changed: dict[str, Counted] = field(default_factory=dict)
    """Samples that came before with another amount, by what they measure."""
    without_usage: dict[str, Counted] = field(default_factory=dict)
    not_understood: dict[str, Counted] = field(default_factory=dict)
    below_resolution: dict[str, LeftOut] = field(default_factory=dict)
    sums: dict[str, Sum] = field(default_factory=dict)

    def skip(self, kind: str, line: int) -> None:
        self.without_usage.setdefault(kind, Counted()).add(line)

    def refuse(self, reason: str, line: int | None) -> None:
        """A line whose use is missing from the samples."""
        known = reason in self.not_understood or len(self.not_understood) < MOST_REASONS
        self.not_understood.setdefault(reason if known else OTHER_REASONS, Counted()).add(line)

    def leave_out(self, unit: str, amount: Decimal) -> None:
        self.below_resolution.setdefault(unit, LeftOut()).add(amount)

    def store(self, rows: Iterable[SampleRow]) -> None:
        for row in rows:
            self.stored += 1
            self.sums.setdefault(row.normalized_usage_unit, Sum()).add(row)

    @property
    def lines_without_usage(self) -> int:
        return _total(self.without_usage)

    @property
    def lines_not_understood(self) -> int:
        return _total(self.not_understood)

    @property
    def samples_changed(self) -> int:
        return _total(self.changed)

    def as_json(self) -> dict[str, Any]:
        return {
            "changed": _counts(self.changed),
            "without_usage": _counts(self.without_usage),
            "not_understood": _counts(self.not_understood),
            "below_resolution": {
                unit: [left.count, str(left.amount)] for unit, left in self.below_resolution.items()
            },
            "sums": {
                unit: [one.samples, str(one.amount), str(one.energy_kwh), str(one.co2e_grams)]
                for unit, one in self.sums.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, lines: int, stored: int, known: int) -> "Tally":
        return cls(
            lines,
            stored,
            known,
            _counted(data.get("changed", {})),
            _counted(data.get("without_usage", {})),
            _counted(data.get("not_understood", {})),
            {
                unit: LeftOut(count, Decimal(amount))
                for unit, (count, amount) in data.get("below_resolution", {}).items()
            },
            {
                unit: Sum(samples, *map(Decimal, decimals))
                for unit, (samples, *decimals) in data.get("sums", {}).items()
            },
        )


def _total(counts: Mapping[str, Counted]) -> int:
    return sum(one.count for one in counts.values())


def _counts(counts: Mapping[str, Counted]) -> dict[str, Any]:
    return {name: [one.count, one.line] for name, one in counts.items()}


def _counted(data: Mapping[str, Any]) -> dict[str, Counted]:
    return {name: Counted(count, line) for name, (count, line) in data.items()}
