"""The sums behind every report, from the hourly rollups."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import DateTimeField, Q, QuerySet, Sum
from django.db.models.functions import Trunc

from apps.emissions.calc.resolve import resolve
from apps.emissions.selectors import CurrentFactors
from apps.telemetry.connectors import PROVIDER_LABELS
from apps.telemetry.models import SUMMED, CarbonEntry, Rollup
from apps.telemetry.selectors.figures import (
    CONFIDENCE_ORDER,
    HOUR,
    Group,
    Point,
    Span,
    Split,
    Step,
    Summary,
    Totals,
)
from apps.workspaces.models import Workspace


def summary(
    workspace: Workspace,
    span: Span,
    factors: CurrentFactors,
    *,
    project_id: UUID | None = None,
    include_test: bool = False,
) -> Summary:
    """Sums over `[start, end)`, exact to the second, read from the hourly rollups."""
    rows = _rows(
        workspace,
        span,
        ("model", "provider", "project__public_id", "project__name"),
        project_id=project_id,
        include_test=include_test,
    )

    def group(key: Callable[[Any], str | None], label: Callable[[Any], str]) -> list[Group]:
        return _groups(rows, key, label, factors)

    return Summary(
        span=span,
        total=_total(rows),
        confidence=_confidence(rows, factors),
        by_model=group(lambda row: row["model"], lambda row: row["model"] or "not named"),
        by_project=group(
            lambda row: str(row["project__public_id"]), lambda row: row["project__name"]
        ),
        by_provider=group(
            lambda row: row["provider"],
            lambda row: PROVIDER_LABELS.get(row["provider"], row["provider"]) or "not named",
        ),
    )


SPLIT_COLUMNS: Final[Mapping[Split | None, tuple[str, ...]]] = {
    None: (),
    "model": ("model",),
    "project": ("project__public_id", "project__name"),
    "provider": ("provider",),
    "connection": ("connection__public_id", "connection__name"),
}


def timeseries(
    workspace: Workspace,
    span: Span,
    *,
    step: Step,
    split: Split | None = None,
    project_id: UUID | None = None,
    include_test: bool = False,
) -> list[Point]:
    """Sums per step of UTC time, oldest first; steps without usage are absent."""
    columns = SPLIT_COLUMNS[split]
    rows = _rows(
        workspace, span, columns, step=step, project_id=project_id, include_test=include_test
    )
    points: dict[tuple[datetime, str | None], list[Mapping[str, Any]]] = {}
    for row in rows:
        key = str(row[columns[0]]) if columns and row[columns[0]] is not None else None
        points.setdefault((row["step"], key), []).append(row)
    return [
        Point(start, key, _label(group[0], columns), _total(group))
        for (start, key), group in sorted(
            points.items(), key=lambda item: (item[0][0], item[0][1] or "")
        )
    ]


def _label(row: Mapping[str, Any], columns: tuple[str, ...]) -> str:
    return str(row[columns[-1]] or "not named") if columns else "total"


def _rows(
    workspace: Workspace,
    span: Span,
    columns: tuple[str, ...],
    *,
    step: Step | None = None,
    project_id: UUID | None,
    include_test: bool,
) -> list[Mapping[str, Any]]:
    """Grouped sums: whole hours from the rollups, the broken hours at the ends from the entries."""
    first_hour, last_hour = _hour_from(span.start), _hour_until(span.end)
    parts: list[tuple[QuerySet[Any], str]]
    if first_hour >= last_hour:
        parts = [
            (CarbonEntry.objects.filter(used_at__gte=span.start, used_at__lt=span.end), "used_at")
        ]
    else:
        parts = [(Rollup.objects.filter(hour__gte=first_hour, hour__lt=last_hour), "hour")]
        if span.start < first_hour:
            head = CarbonEntry.objects.filter(used_at__gte=span.start, used_at__lt=first_hour)
            parts.append((head, "used_at"))
        if last_hour < span.end:
            tail = CarbonEntry.objects.filter(used_at__gte=last_hour, used_at__lt=span.end)
            parts.append((tail, "used_at"))
    narrowed = Q(workspace=workspace)
    if not include_test:
        narrowed &= Q(is_test=False)
    if project_id is not None:
        narrowed &= Q(project__public_id=project_id)
    rows: list[Mapping[str, Any]] = []
    for part, moment in parts:
        found = part.filter(narrowed)
        if step is not None:
            found = found.annotate(
                step=Trunc(moment, step, output_field=DateTimeField(), tzinfo=UTC)
            )
        keys = (*columns, *(("step",) if step else ()))
        rows += (
            found.values(*keys).annotate(**{f"sum_{name}": Sum(name) for name in SUMMED}).order_by()
        )
    return rows


def _hour_from(moment: datetime) -> datetime:
    floor = _hour_until(moment)
    return floor if floor == moment else floor + HOUR


def _hour_until(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _total(rows: Iterable[Mapping[str, Any]]) -> Totals:
    sums: dict[str, Decimal | None] = {}
    for row in rows:
        for name in SUMMED:
            number = row[f"sum_{name}"]
            if number is not None:
                sums[name] = (sums.get(name) or Decimal()) + number
    return Totals(sums)


def _groups(
    rows: Iterable[Mapping[str, Any]],
    key: Callable[[Any], str | None],
    label: Callable[[Any], str],
    factors: CurrentFactors,
) -> list[Group]:
    members: dict[str | None, list[Mapping[str, Any]]] = {}
    for row in rows:
        members.setdefault(key(row), []).append(row)
    groups = [
        Group(name, label(group[0]), total, _confidence(group, factors))
        for name, group in members.items()
        if any((total := _total(group)).sums.values())  # all of it was withdrawn
    ]
    return sorted(
        groups, key=lambda group: (-group.totals.bounds("co2e_grams").central, group.label)
    )


def _confidence(rows: Iterable[Mapping[str, Any]], factors: CurrentFactors) -> str:
    """A sum is as sure as its least sure part."""
    grades = {
        resolve(factors.document, row["model"], row["provider"]).row.confidence for row in rows
    }
    return max(grades, key=CONFIDENCE_ORDER.index, default="estimated")
