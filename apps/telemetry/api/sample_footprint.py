"""The report of samples with the workspace's use of AI beside it, in the samples' own form."""

from decimal import Decimal

from msgspec import Struct

from apps.emissions.calc.compute_factors import EXACT
from apps.telemetry.api.sample_answer import summary_output
from apps.telemetry.api.sample_shapes import DecimalBounds, SampleSummaryOutput
from apps.telemetry.selectors.figures import Bounds
from apps.telemetry.selectors.footprint import QUANTITIES, Footprint, Share
from apps.telemetry.selectors.sample_reports import SampleSummary


class ExactFootprintShare(Struct, frozen=True, kw_only=True):
    """Energy and mass of one kind of use, or of both, as decimal strings."""

    energy_kwh: DecimalBounds
    co2e_grams: DecimalBounds
    operational_co2e_grams: DecimalBounds
    embodied_co2e_grams: DecimalBounds


class ExactFootprint(Struct, frozen=True, kw_only=True):
    """The range's use of AI, its samples of compute, and both together."""

    ai: ExactFootprintShare
    compute: ExactFootprintShare
    total: ExactFootprintShare


class SampleReportOutput(SampleSummaryOutput, frozen=True, kw_only=True):
    """Sums of samples over a time range; `footprint` has the use of AI beside them."""

    footprint: ExactFootprint


def report_output(found: SampleSummary, both: Footprint) -> SampleReportOutput:
    shares = {name: _share(getattr(both, name)) for name in ("ai", "compute", "total")}
    plain = summary_output(found)
    members = {name: getattr(plain, name) for name in plain.__struct_fields__}
    return SampleReportOutput(**members, footprint=ExactFootprint(**shares))


def _share(share: Share) -> ExactFootprintShare:
    return ExactFootprintShare(**{name: _bounds(getattr(share, name)) for name in QUANTITIES})


def _bounds(found: Bounds) -> DecimalBounds:
    return DecimalBounds(*(_plain(one) for one in (found.low, found.central, found.high)))


def _plain(value: Decimal) -> str:
    """Every digit that is stored, without trailing zeros."""
    return format(value.normalize(EXACT), "f")
