"""What to sum for a span: whole days, the hours around them, entries only in a broken hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.telemetry.models import CarbonEntry, DayRollup, Rollup
from apps.telemetry.selectors.figures import Span
from apps.workspaces.models import Workspace

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
Grain = Literal["hour", "day"]


@dataclass(frozen=True, slots=True)
class OpenSpan:
    """A half-open time range, UTC; None is open to that side."""

    start: datetime | None = None
    end: datetime | None = None

    def of(self, column: str) -> Q:
        """What has its moment in it."""
        from_start = Q() if self.start is None else Q(**{f"{column}__gte": self.start})
        return from_start if self.end is None else from_start & Q(**{f"{column}__lt": self.end})


@dataclass(frozen=True, slots=True)
class Filters:
    """What a report is narrowed to. None: everything; "": what has no model, region, connection."""

    project_id: UUID | None = None
    model: str | None = None
    provider: str | None = None
    connection_id: str | None = None
    region: str | None = None
    include_test: bool = False

    def narrowed(self, workspace: Workspace | None) -> Q:
        """Of one workspace, or of every workspace in sight."""
        found = Q() if workspace is None else Q(workspace=workspace)
        if not self.include_test:
            found &= Q(is_test=False)
        if self.project_id is not None:
            found &= Q(project__public_id=self.project_id)
        if self.connection_id is not None:
            public_id = self.connection_id
            found &= Q(connection__public_id=public_id) if public_id else Q(connection=None)
        if self.provider is not None:
            found &= Q(provider=self.provider)
        for name, value in (("model", self.model), ("region", self.region)):
            if value is not None:
                found &= Q(**{name: value}) if value else Q(**{name: None}) | Q(**{name: ""})
        return found


EVERYTHING: Final = Filters()


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one grain to sum, and the column that tells their moment."""

    rows: QuerySet[Any]
    moment: str


def parts(
    workspace: Workspace | None,
    asked: OpenSpan | Span,
    filters: Filters = EVERYTHING,
    *,
    coarsest: Grain = "day",
) -> list[Part]:
    """Disjoint rows that are exactly the span's, and as few as can be: three parts at most."""
    span = OpenSpan(asked.start, asked.end)
    hours = whole(span, HOUR)
    days = whole(hours, DAY) if hours is not None and coarsest == "day" else None
    grains: list[tuple[QuerySet[Any], str, Sequence[OpenSpan]]] = [
        (DayRollup.objects.all(), "day", [days] if days is not None else []),
        (Rollup.objects.all(), "hour", around(hours, days) if hours is not None else []),
        (CarbonEntry.objects.all(), "used_at", around(span, hours)),
    ]
    narrowed = filters.narrowed(workspace)
    return [
        Part(within(rows, moment, spans).filter(narrowed), moment)
        for rows, moment, spans in grains
        if spans
    ]


def within(rows: QuerySet[Any], moment: str, spans: Sequence[OpenSpan]) -> QuerySet[Any]:
    """The rows of which the moment lies in one of the spans."""
    inside = Q()
    for span in spans:
        inside |= span.of(moment)
    return rows.filter(inside)


def whole(span: OpenSpan, unit: timedelta) -> OpenSpan | None:
    """The whole units inside, or None if there is none."""
    if span.start is None:
        first = None
    else:
        first = floor(span.start, unit)
        if first != span.start:
            if datetime.max.replace(tzinfo=UTC) - first < unit:
                return None  # the calendar ends within this unit
            first += unit
    last = span.end and floor(span.end, unit)
    if first is not None and last is not None and first >= last:
        return None
    return OpenSpan(first, last)


def around(outer: OpenSpan, inner: OpenSpan | None) -> list[OpenSpan]:
    """What is left of the outer span before and after the inner one."""
    if inner is None:
        return [outer]
    before, after = OpenSpan(outer.start, inner.start), OpenSpan(inner.end, outer.end)
    return [span for span in (before, after) if span.start != span.end]


def floor(moment: datetime, unit: timedelta) -> datetime:
    """The beginning of the UTC hour or day."""
    start = moment.replace(minute=0, second=0, microsecond=0)
    return start.replace(hour=0) if unit == DAY else start
