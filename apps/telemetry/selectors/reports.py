"""The sums behind every report, from the daily and hourly rollups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from apps.emissions.calc.compute_factors import EXACT
from apps.emissions.selectors import CurrentFactors
from apps.telemetry.connectors import PROVIDER_LABELS
from apps.telemetry.models import SUMMED, TOKENS
from apps.telemetry.selectors.figures import (
    Earlier,
    Group,
    Point,
    Span,
    Split,
    Step,
    Totals,
)
from apps.telemetry.selectors.lines import (
    COLUMNS,
    NOBODY,
    Line,
    Naming,
    added,
    confidence,
    grouped,
    lines,
    naming,
    stepped,
    tokens_of,
)
from apps.telemetry.selectors.parts import Filters, Grain, parts
from apps.telemetry.selectors.source_of_record import DoubleCounting, possible_double_counting
from apps.workspaces.models import Workspace

COMPARED: Final = (*TOKENS, "requests", "cost_usd", "energy_kwh", "co2e_grams", "water_litres")
COST: Final = SUMMED.index("cost_usd")
PROVIDER: Final = COLUMNS.index("provider")
CONNECTION: Final = COLUMNS.index("connection_id")
SPLIT_COLUMN: Final[Mapping[Split, str]] = {
    "model": "model",
    "project": "project_id",
    "provider": "provider",
    "connection": "connection_id",
    "region": "region",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """A span's sums, whole and by what they are grouped by, heaviest first.

    `cost_known_share`: of the tokens, those of lines whose cost is told; None without tokens.
    `previous`: None where nothing was used before.
    """

    span: Span
    total: Totals
    confidence: str
    cost_known_share: Decimal | None
    previous: Earlier | None
    double_counting: list[DoubleCounting]
    by_model: list[Group]
    by_project: list[Group]
    by_provider: list[Group]
    by_connection: list[Group]
    by_region: list[Group]


def summary(
    workspace: Workspace, span: Span, factors: CurrentFactors, **narrowed_to: Any
) -> Summary:
    """Sums over `[start, end)`, exact to the second. Narrowed by what `Filters` knows."""
    filters = Filters(**narrowed_to)
    found = lines(parts(workspace, span, filters), COLUMNS)
    document = factors.document

    def by(column: str) -> list[Group]:
        return grouped(found, column, document)

    return Summary(
        span=span,
        total=added(found),
        confidence=confidence(found, document),
        cost_known_share=_cost_known_share(found),
        previous=_previous(workspace, span, filters),
        double_counting=_double_counting(workspace, span, found),
        by_model=by("model"),
        by_project=by("project_id"),
        by_provider=grouped(found, "provider", document, _provider_label),
        by_connection=by("connection_id"),
        by_region=by("region"),
    )


def timeseries(
    workspace: Workspace,
    span: Span,
    *,
    step: Step,
    split: Split | None = None,
    **narrowed_to: Any,
) -> list[Point]:
    """Sums per step of UTC time, oldest first; steps without usage are absent."""
    column = SPLIT_COLUMN.get(split) if split is not None else None
    columns = ("step", column) if column is not None else ("step",)
    coarsest: Grain = "hour" if step == "hour" else "day"
    own = parts(workspace, span, Filters(**narrowed_to), coarsest=coarsest)
    members: dict[tuple[Any, ...], list[Line]] = {}
    for line in lines([stepped(part, step) for part in own], columns):
        members.setdefault(line.key, []).append(line)
    if column is None:
        found = [(key[0], Naming(None, "total"), added(own)) for key, own in members.items()]
    else:
        names = naming(column, (key[1] for key in members))
        found = [(key[0], names[key[1]], added(own)) for key, own in members.items()]
    return _points(found, by_kind=split == "token_kind")


def _points(found: Sequence[tuple[datetime, Naming, Totals]], *, by_kind: bool) -> list[Point]:
    ordered = sorted(found, key=lambda one: (one[0], one[1].key or ""))
    if not by_kind:
        return [Point(start, *name, totals.tokens, totals) for start, name, totals in ordered]
    return [
        Point(start, kind, kind.replace("_", " "), count, None)
        for start, _, totals in ordered
        for kind in TOKENS
        if (count := totals.count(kind))
    ]


def _previous(workspace: Workspace, span: Span, filters: Filters) -> Earlier | None:
    """What was used in the span before, of the same length."""
    try:
        before = Span(span.start - (span.end - span.start), span.start)
    except OverflowError:
        return None  # the calendar has no such span
    totals = added(lines(parts(workspace, before, filters), (), COMPARED), COMPARED)
    return Earlier(before, totals) if any(totals.sums.values()) else None


def _double_counting(
    workspace: Workspace, span: Span, found: Sequence[Line]
) -> list[DoubleCounting]:
    """Asked for only where one provider is summed here both from its meter and pushed."""
    ways = {(line.key[PROVIDER], line.key[CONNECTION] is None) for line in found if any(line.sums)}
    if not any((provider, not is_pushed) in ways for provider, is_pushed in ways):
        return []
    return possible_double_counting(workspace, span)


def _cost_known_share(found: Sequence[Line]) -> Decimal | None:
    """Of the tokens, those of lines (a model, project, connection, region) that tell a cost."""
    tokens = sum(map(tokens_of, found), Decimal())
    if not tokens:
        return None
    told = sum((tokens_of(line) for line in found if line.sums[COST] is not None), Decimal())
    return EXACT.divide(told, tokens)


def _provider_label(name: Naming) -> str:
    return PROVIDER_LABELS.get(name.key or "", name.label) if name.key else NOBODY.label
