"""The report of an import, in words and numbers: no account, no resource, no tag."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from apps.emissions.calc.compute import rounded
from apps.telemetry.services.usage_import import Imported
from apps.telemetry.services.usage_import_tally import Counted, Tally

UNITS: Final = {
    "instance_hour": "hours of instances",
    "vcpu_hour": "vCPU-hours",
    "gb_hour": "GB-hours of memory",
    "gb_month": "GB-months of storage",
    "gb": "GB of traffic",
}
MOST_SHOWN: Final = 40
"""Of each list; the admin shows all."""


def report(imported: Imported) -> Iterator[str]:
    """One line after the other."""
    tally = imported.tally
    yield _opening(imported)
    yield f"Lines read: {tally.lines:,}"
    yield f"Samples {'to store' if imported.is_dry_run else 'stored'}: {tally.stored:,}"
    yield f"Samples known before: {tally.known:,}"
    yield from _sums(tally)
    yield from _list("Lines without usage", tally.lines_without_usage, tally.without_usage)
    yield from _left_out(tally)
    yield from _list("Changed since imported", tally.samples_changed, tally.changed)
    if tally.changed:
        yield "  Samples are append-only: the first amount stands. Import finalised months."
    yield from _list("Lines not understood", tally.lines_not_understood, tally.not_understood)


def _opening(imported: Imported) -> str:
    what = f"{imported.file_name} ({imported.format})"
    if imported.finished_before is not None:
        return f"{what} was imported on {imported.finished_before:%Y-%m-%d %H:%M} UTC:"
    if imported.is_dry_run:
        return f"{what}, dry run, nothing is stored:"
    if imported.went_on_after:
        return f"{what}, gone on behind line {imported.went_on_after:,}:"
    return f"{what}:"


def _sums(tally: Tally) -> Iterator[str]:
    for unit, total in sorted(tally.sums.items()):
        yield (
            f"  {_decimal(total.amount)} {UNITS.get(unit, unit)}: {_decimal(total.energy_kwh)} kWh,"
            f" {_decimal(total.co2e_grams / 1000)} kg CO2e"
        )
    energy_kwh = sum((one.energy_kwh for one in tally.sums.values()), Decimal())
    co2e_grams = sum((one.co2e_grams for one in tally.sums.values()), Decimal())
    yield f"Together: {_decimal(energy_kwh)} kWh, {_decimal(co2e_grams / 1000)} kg CO2e"


def _left_out(tally: Tally) -> Iterator[str]:
    for unit, left in sorted(tally.below_resolution.items()):
        yield (
            f"Below the resolution of a sample: {left.count:,} amounts, together"
            f" {left.amount.normalize():f} {UNITS.get(unit, unit)}"
        )


def _list(title: str, total: int, counts: Mapping[str, Counted]) -> Iterator[str]:
    yield f"{title}: {total:,}"
    ranked = sorted(counts.items(), key=lambda item: (-item[1].count, item[0]))
    for name, one in ranked[:MOST_SHOWN]:
        where = "" if one.line is None else f", first in line {one.line:,}"
        yield f"  {one.count:,}  {name}{where}"
    if len(ranked) > MOST_SHOWN:
        rest = sum(one.count for _, one in ranked[MOST_SHOWN:])
        yield f"  {rest:,}  for {len(ranked) - MOST_SHOWN:,} more reasons"


def _decimal(value: Decimal) -> str:
    return f"{rounded(value, 3):,}"
