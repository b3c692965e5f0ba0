"""The sums of samples of compute over a span, read from their hourly rollup."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from apps.emissions.calc.compute_factors import EXACT, ExactInterval
from apps.telemetry.models import SAMPLE_BOUNDED, UsageSample, UsageSampleRollup
from apps.telemetry.selectors.parts import HOUR, OpenSpan, around, whole, within
from apps.workspaces.models import Workspace

COLUMNS: Final = ("workspace__public_id", "workspace__name", "provider", "region")
BOUNDS: Final = ("_low", "", "_high")
SUMMED: Final = tuple(f"{name}{bound}" for name in SAMPLE_BOUNDED for bound in BOUNDS)


@dataclass(frozen=True, slots=True)
class SampleTotals:
    """The number of samples and their sums."""

    usage_sample_count: int
    energy_kwh: ExactInterval
    operational_co2e_grams: ExactInterval
    embodied_co2e_grams: ExactInterval
    co2e_grams: ExactInterval


@dataclass(frozen=True, slots=True)
class SampleGroup:
    """One line of a report: of one provider, region, or workspace, which has a public id too."""

    name: str
    public_id: UUID | None
    totals: SampleTotals


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """The sums of a span, whole and by workspace, provider and region, in order of names."""

    span: OpenSpan
    total: SampleTotals
    by_workspace: list[SampleGroup]
    by_provider: list[SampleGroup]
    by_region: list[SampleGroup]


def sample_summary(
    workspace: Workspace | None, span: OpenSpan, *, include_test: bool = False
) -> SampleSummary:
    """Sums over `[start, end)` of one workspace, or of every workspace in sight; exact."""
    rows = _rows(workspace, span, include_test=include_test)
    return SampleSummary(
        span=span,
        total=_totals(rows),
        by_workspace=_groups(rows, "workspace__name", "workspace__public_id"),
        by_provider=_groups(rows, "provider"),
        by_region=_groups(rows, "region"),
    )


def _rows(
    workspace: Workspace | None, span: OpenSpan, *, include_test: bool
) -> list[Mapping[str, Any]]:
    narrowed = Q() if workspace is None else Q(workspace=workspace)
    if not include_test:
        narrowed &= Q(is_test=False)
    rows: list[Mapping[str, Any]] = []
    for part, count in _parts(span):
        found = part.filter(narrowed).values(*COLUMNS)
        sums = {f"sum_{name}": Sum(name) for name in SUMMED}
        rows += found.annotate(count=count, **sums).order_by()
    return rows


def _parts(span: OpenSpan) -> list[tuple[QuerySet[Any], Any]]:
    """What to sum: the hours that lie wholly inside, and the samples of broken ones at the ends."""
    hours = whole(span, HOUR)
    found: list[tuple[QuerySet[Any], Any]] = []
    if hours is not None:
        found.append((within(UsageSampleRollup.objects.all(), "hour", [hours]), Sum("samples")))
    if broken := around(span, hours):
        found.append((within(UsageSample.objects.all(), "measured_at", broken), Count("pk")))
    return found


def _groups(
    rows: Iterable[Mapping[str, Any]], name: str, public_id: str | None = None
) -> list[SampleGroup]:
    members: dict[tuple[str, UUID | None], list[Mapping[str, Any]]] = {}
    for row in rows:
        key = (row[name], None if public_id is None else row[public_id])
        members.setdefault(key, []).append(row)
    ordered = sorted(members, key=lambda key: (key[0], str(key[1])))
    return [SampleGroup(*key, _totals(members[key])) for key in ordered]


def _totals(rows: Iterable[Mapping[str, Any]]) -> SampleTotals:
    found = list(rows)

    def summed(*names: str) -> ExactInterval:
        columns = (
            [row[f"sum_{name}{bound}"] for name in names for row in found] for bound in BOUNDS
        )
        return ExactInterval(*(reduce(EXACT.add, column, Decimal()) for column in columns))

    return SampleTotals(
        usage_sample_count=sum(row["count"] for row in found),
        energy_kwh=summed("energy_kwh"),
        operational_co2e_grams=summed("operational_co2e_grams"),
        embodied_co2e_grams=summed("embodied_co2e_grams"),
        co2e_grams=summed("operational_co2e_grams", "embodied_co2e_grams"),
    )
