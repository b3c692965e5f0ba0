"""AI and compute side by side: two ledgers, one total."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import Final

from apps.emissions.calc.compute_factors import EXACT
from apps.telemetry.selectors.figures import Bounds, Span, Totals
from apps.telemetry.selectors.lines import added, lines
from apps.telemetry.selectors.parts import Filters, OpenSpan, parts
from apps.telemetry.selectors.sample_reports import SampleTotals, sample_summary
from apps.workspaces.models import Workspace

QUANTITIES: Final = ("energy_kwh", "operational_co2e_grams", "embodied_co2e_grams", "co2e_grams")
SUMMED: Final = tuple(f"{name}{bound}" for name in QUANTITIES for bound in ("_low", "", "_high"))


@dataclass(frozen=True, slots=True)
class Share:
    """Energy and mass of one kind of use, or of both."""

    energy_kwh: Bounds
    operational_co2e_grams: Bounds
    embodied_co2e_grams: Bounds
    co2e_grams: Bounds


@dataclass(frozen=True, slots=True)
class Footprint:
    """What AI and compute cost the air in a span, apart and together."""

    ai: Share
    compute: Share
    total: Share


def footprint(
    workspace: Workspace | None, span: OpenSpan | Span, *, include_test: bool = False
) -> Footprint:
    """Of one workspace, or of every workspace in sight; exact at any boundary."""
    asked = OpenSpan(span.start, span.end)
    compute = sample_summary(workspace, asked, include_test=include_test).total
    return footprint_with(workspace, asked, compute, include_test=include_test)


def footprint_with(
    workspace: Workspace | None, span: OpenSpan, compute: SampleTotals, *, include_test: bool
) -> Footprint:
    """The same, where the sums of compute are known already."""
    own = parts(workspace, span, Filters(include_test=include_test))
    return footprint_of(added(lines(own, (), SUMMED), SUMMED), compute)


def footprint_of(ai: Totals, compute: SampleTotals) -> Footprint:
    """The same, where the sums of both are known already."""
    shares = _of_ai(ai), _of_compute(compute)
    return Footprint(*shares, total=_together(shares))


def _of_ai(totals: Totals) -> Share:
    return Share(*(totals.bounds(name) for name in QUANTITIES))


def _of_compute(totals: SampleTotals) -> Share:
    return Share(*(Bounds(*getattr(totals, name)) for name in QUANTITIES))


def _together(shares: Iterable[Share]) -> Share:
    return Share(*(_sum(getattr(share, name) for share in shares) for name in QUANTITIES))


def _sum(ranges: Iterable[Bounds]) -> Bounds:
    found = [(one.low, one.central, one.high) for one in ranges]
    return Bounds(*(reduce(EXACT.add, column, Decimal()) for column in zip(*found, strict=True)))
