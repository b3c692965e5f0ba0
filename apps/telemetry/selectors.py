"""What telemetry reads: connections that are due, and the sums behind every report."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

from django.db.models import DateTimeField, F, Q, QuerySet, Sum
from django.db.models.functions import Trunc

from apps.emissions.calc.resolve import resolve
from apps.emissions.selectors import CurrentFactors
from apps.telemetry.errors import ConnectionNotFoundError
from apps.telemetry.models import CarbonEntry, PollRun, ProviderConnection, Rollup
from apps.workspaces.models import Workspace

HOUR: Final = timedelta(hours=1)
TOKENS: Final = (
    "input_uncached_tokens",
    "input_cache_read_tokens",
    "input_cache_write_tokens",
    "output_tokens",
)
BOUNDED: Final = (
    "energy_kwh",
    "co2e_grams",
    "operational_co2e_grams",
    "embodied_co2e_grams",
    "water_litres",
)
SUMMED: Final = (
    *TOKENS,
    "requests",
    *(f"{name}{bound}" for name in BOUNDED for bound in ("_low", "", "_high")),
)
Step = Literal["hour", "day", "week", "month"]
Split = Literal["model", "project", "provider", "connection"]
CONFIDENCE_ORDER: Final = ("measured", "benchmarked", "estimated")


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open time range, UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Bounds:
    """A sum of ranges: lows to lows and highs to highs, since the errors are common to all."""

    low: Decimal
    central: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a set of entries. `requests` is None where no provider of the set counts them."""

    sums: Mapping[str, Decimal | None] = field(default_factory=dict)

    def count(self, name: str) -> int:
        return int(self.sums.get(name) or 0)

    @property
    def requests(self) -> int | None:
        number = self.sums.get("requests")
        return None if number is None else int(number)

    def bounds(self, name: str) -> Bounds:
        low, central, high = (
            self.sums.get(f"{name}{bound}") or Decimal() for bound in ("_low", "", "_high")
        )
        return Bounds(low, central, high)

    @property
    def input_tokens(self) -> int:
        return sum(self.count(name) for name in TOKENS[:3])

    @property
    def tokens(self) -> int:
        return sum(self.count(name) for name in TOKENS)


@dataclass(frozen=True, slots=True)
class Group:
    """One line of a report: its key, how to call it, its sums and how sure they are."""

    key: str | None
    label: str
    totals: Totals
    confidence: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A span's sums, whole and by model, project and provider, heaviest first."""

    span: Span
    total: Totals
    confidence: str
    by_model: list[Group]
    by_project: list[Group]
    by_provider: list[Group]


@dataclass(frozen=True, slots=True)
class Point:
    """The sums of one step of a series, for one value of what it is split by."""

    start: datetime
    key: str | None
    label: str
    totals: Totals


def due_connection_ids(now: datetime) -> list[int]:
    """Active connections whose next poll is due, the longest waiting first."""
    return list(
        ProviderConnection.objects.filter(
            status=ProviderConnection.Status.ACTIVE, next_poll_at__lte=now
        )
        .order_by("next_poll_at")
        .values_list("pk", flat=True)
    )


def connections(workspace: Workspace) -> QuerySet[ProviderConnection]:
    """A workspace's connections, newest first, each with its active project."""
    return (
        ProviderConnection.objects.filter(workspace=workspace)
        .annotate(
            project_public_id=F("workloads__project__public_id"),
            project_name=F("workloads__project__name"),
        )
        .filter(workloads__is_active=True)
        .order_by("-created_at", "-pk")
    )


def connection_of(workspace: Workspace, public_id: str) -> ProviderConnection:
    """One connection; another workspace's is not found."""
    found = connections(workspace).filter(public_id=public_id).first()
    if found is None:
        raise ConnectionNotFoundError("No such connection in this workspace")
    return found


def latest_polls(connection: ProviderConnection, count: int = 10) -> list[PollRun]:
    return list(
        PollRun.objects.filter(connection=connection).order_by("-started_at", "-pk")[:count]
    )


def last_poll_at() -> datetime | None:
    """When any meter was last read: a stopped worker shows here first."""
    return (
        ProviderConnection.objects.filter(status=ProviderConnection.Status.ACTIVE)
        .order_by("-last_polled_at")
        .values_list("last_polled_at", flat=True)
        .exclude(last_polled_at=None)
        .first()
    )


def summary(
    workspace: Workspace,
    span: Span,
    factors: CurrentFactors,
    *,
    project_id: UUID | None = None,
    is_test: bool = False,
) -> Summary:
    """Sums over `[start, end)`, exact to the second, read from the hourly rollups."""
    rows = _rows(
        workspace,
        span,
        ("model", "provider", "project__public_id", "project__name"),
        project_id=project_id,
        is_test=is_test,
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
            lambda row: ProviderConnection.Provider(row["provider"]).label,
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
    is_test: bool = False,
) -> list[Point]:
    """Sums per step of UTC time, oldest first; steps without usage are absent."""
    columns = SPLIT_COLUMNS[split]
    rows = _rows(workspace, span, columns, step=step, project_id=project_id, is_test=is_test)
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
    is_test: bool,
) -> list[Mapping[str, Any]]:
    """Grouped sums: whole hours from the rollups, the broken hours at the ends from the entries."""
    first_hour, last_hour = _hour_from(span.start), _hour_until(span.end)
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
    narrowed = Q(workspace=workspace, is_test=is_test)
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
        Group(name, label(group[0]), _total(group), _confidence(group, factors))
        for name, group in members.items()
    ]
    return sorted(
        groups, key=lambda group: (-group.totals.bounds("co2e_grams").central, group.label)
    )


def _confidence(rows: Iterable[Mapping[str, Any]], factors: CurrentFactors) -> str:
    """A sum is as sure as its least sure part."""
    grades = {resolve(factors.document, row["model"], row["provider"]).row.confidence for row in rows}
    return max(grades, key=CONFIDENCE_ORDER.index, default="estimated")
