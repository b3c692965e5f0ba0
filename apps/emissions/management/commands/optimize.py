"""manage.py optimize: where, on what and when to run a job, as a table or as JSON."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from typing import Any, get_args

import msgspec
from django.core.management.base import BaseCommand, CommandError

from apps.common import clock
from apps.common.errors import InvalidError
from apps.common.typed import read
from apps.emissions.api.optimizer.answer import optimized
from apps.emissions.api.optimizer.figures import TimeWindow
from apps.emissions.api.optimizer.outputs import (
    CarbonSavings,
    OptimizeOutput,
    RankedFigures,
    Recommendation,
    Recommended,
)
from apps.emissions.api.optimizer.reading import wish_of
from apps.emissions.api.optimizer.shapes import CloudWord, OptimizeInput
from apps.emissions.optimizer.offers import Arch, WorkloadKind
from apps.emissions.optimizer.ranking import Priority
from apps.emissions.services.optimizing import optimize

_INVALID, _NOTHING = 1, 3
_TITLES = ("", "cloud", "region", "instance", "gCO2e", "kWh", "g/kWh", "from", "USD", "best start")
_NUMERIC = frozenset({0, 4, 5, 6, 8})
_MEMBERS = tuple(field.name for field in msgspec.structs.fields(OptimizeInput))


class Command(BaseCommand):
    help = (
        "Rank cloud regions and instances for a job by carbon, speed or both with the price. "
        "Reads the grids' publishers where a key is set, else the tables. Writes nothing. "
        "Exit code 1: the question makes no sense; 2: an option is unknown or unreadable; "
        "3: nothing that meets the limits could be ranked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workload", choices=get_args(WorkloadKind))
        parser.add_argument("--priority", choices=get_args(Priority), default="carbon")
        parser.add_argument("--cloud", action="append", choices=get_args(CloudWord))
        parser.add_argument("--duration", dest="duration_hours", type=float, default=1.0)
        parser.add_argument("--region", help="this one only, e.g. eu-west-3")
        parser.add_argument("--start-region", help="where it would run without advice")
        parser.add_argument("--instance", dest="instance_type", help="this one only")
        parser.add_argument("--country", dest="allowed_countries", action="append", metavar="CODE")
        parser.add_argument("--min-vcpus", type=float)
        parser.add_argument("--min-memory-gb", type=float)
        parser.add_argument("--min-gpus", type=float)
        parser.add_argument("--max-usd-per-hour", type=float)
        parser.add_argument("--arch", choices=get_args(Arch))
        parser.add_argument("--deadline", help="ISO 8601 with an offset or Z")
        parser.add_argument("--interruptible", action="store_true", help="the job may pause")
        parser.add_argument("--utilization", type=float, default=0.5, help="mean load, 0 to 1")
        parser.add_argument("--count", type=int, default=1, help="instances")
        parser.add_argument("--limit", type=int, default=10, help="rows, at most 50")
        parser.add_argument("--json", action="store_true", help="the API's answer, alone")

    def handle(self, *args: Any, **options: Any) -> None:
        answer = _answer(options)
        if options["json"]:
            self.stdout.write(msgspec.json.format(msgspec.json.encode(answer)).decode())
        else:
            self._show(answer.recommendation)
        if not answer.recommendation.recommendations:
            raise CommandError(answer.recommendation.reason or "", returncode=_NOTHING)

    def _show(self, found: Recommendation) -> None:
        meta = found.metadata
        self.stdout.write(
            f"{found.workload_type}, priority {found.priority}: {meta.total_options_ranked} "
            f"options in {meta.total_regions_analyzed} regions, compared by {meta.unit}; "
            f"{meta.count} x {meta.duration_hours:g} h at {meta.utilization:.0%} load"
        )
        if found.recommendations:
            self.stdout.write("\n" + _table([_row(row) for row in found.recommendations]))
        for line in _reasons(found):
            self.stdout.write(line)
        for row in found.lower_bounds:
            self.stdout.write(
                f"  not ranked: {row.instance_type} in {row.region}, more than "
                f"{row.estimated_co2_emissions_g:.4g} g: {row.caveats[0].text}"
            )
        if found.carbon_savings is not None:
            self._show_savings(found.carbon_savings)
        for sentence in found.service_optimizations:
            self.stdout.write(f"  * {sentence}")
        self.stdout.write("\nNot included: " + "; ".join(meta.not_included))

    def _show_savings(self, savings: CarbonSavings) -> None:
        self.stdout.write(f"\n{savings.comparison}: {savings.potential_savings_kg:.4g} kg.")
        if savings.own is None:
            self.stdout.write(savings.own_reason)
            return
        own = savings.own
        self.stdout.write(
            f"Against {own.instance_type} in {own.start_region}, started now: "
            f"{own.total.saved_grams:.4g} g ({own.total.saved_percent:.1f} %), by the place "
            f"{own.by_place.saved_grams:.4g} g, by waiting {own.by_time.saved_grams:.4g} g. "
            f"{savings.own_reason}"
        )


def _answer(options: dict[str, Any]) -> OptimizeOutput:
    now = clock.now()
    asked = {name: options[name] for name in _MEMBERS if options.get(name) is not None}
    try:
        json.dumps(asked, allow_nan=False)  # the API's bodies know neither NaN nor infinity
        wish = wish_of(read(asked, OptimizeInput), now)
    except InvalidError as refusal:
        raise CommandError(refusal.message, returncode=_INVALID) from refusal
    except ValueError as refusal:
        raise CommandError("A number has to be finite.", returncode=_INVALID) from refusal
    return optimized(optimize(wish, now=now))


def _row(row: Recommended) -> tuple[str, ...]:
    return (
        str(row.rank),
        row.cloud,
        row.region,
        row.instance_type,
        f"{row.estimated_co2_emissions_g:.4g}",
        f"{row.power_consumption_kwh:.4g}",
        f"{row.carbon_intensity_gco2_kwh:.4g}",
        row.intensity.rung,
        "-" if row.usd is None else f"{row.usd.total:.4g}",
        _start(row.optimal_time_window),
    )


def _start(window: TimeWindow | None) -> str:
    return "-" if window is None else f"{window.start_time:%Y-%m-%d %H:%M} UTC"


def _reasons(found: Recommendation) -> Iterator[str]:
    """Each sentence once, though many rows share a zone."""
    rows: Sequence[RankedFigures] = [*found.recommendations, *found.lower_bounds]
    yield from dict.fromkeys(f"  {row.zone}: {row.intensity.reason}" for row in rows)
    yield from dict.fromkeys(
        f"  {row.zone}: {row.window.reason}"
        for row in found.recommendations
        if row.optimal_time_window is None
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [_TITLES, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place in _NUMERIC else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
