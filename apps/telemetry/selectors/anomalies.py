"""Days far above what their weekday usually is: of a workspace, of a model, of a project."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from statistics import median
from typing import Any, Final, Literal

from django.db.models import Sum

from apps.telemetry.anomaly import WEEKS, is_anomalous
from apps.telemetry.models import DayRollup
from apps.telemetry.selectors.figures import Bounds, Span
from apps.workspaces.models import Workspace

DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(weeks=1)
ENDS: Final = ("_low", "", "_high")
ZERO: Final = Decimal()
Scope = Literal["workspace", "model", "project"]
Series = tuple[Scope, str | None, str]
"""What is looked at: its kind, its key and how to call it."""
Days = dict[date, Bounds]


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A day (UTC) of a series that is far above the same weekday of the eight weeks before."""

    day: date
    scope: Scope
    key: str | None
    label: str
    co2e_grams: Bounds
    usual_co2e_grams: Decimal
    is_unfinished: bool


def anomalies(workspace: Workspace, span: Span, *, now: datetime) -> list[Anomaly]:
    """Every anomalous day that the span touches, latest first; the rule is in `anomaly.py`.

    A day without usage counts as zero. Today is judged by what it has used so far, so that it may
    be found already and never too early. One query, from the daily rollups of live usage.
    """
    today = now.astimezone(UTC).date()
    first = span.start.astimezone(UTC).date()
    last = min(today, (span.end.astimezone(UTC) - timedelta.resolution).date())
    found = [
        anomaly
        for series, days in _series(workspace, _earliest(first), last).items()
        for anomaly in _anomalous(series, days, first, today)
    ]
    rank: Mapping[str, int] = {"workspace": 0, "project": 1, "model": 2}
    return sorted(found, key=lambda one: (-one.day.toordinal(), rank[one.scope], one.label))


def _anomalous(series: Series, days: Days, first: date, today: date) -> Iterator[Anomaly]:
    for day, used in days.items():
        if day < first:
            continue
        earlier = (days.get(day - number * WEEK) for number in range(1, WEEKS + 1))
        history = [ZERO if use is None else use.central for use in earlier]
        if is_anomalous(history, used.central):
            yield Anomaly(day, *series, used, median(history), is_unfinished=day == today)


def _earliest(first: date) -> date:
    """Where the first day's history begins; dates themselves begin in the year 1."""
    return date.fromordinal(max(1, (first - date.min).days + 1 - (WEEKS * WEEK).days))


def _series(workspace: Workspace, first: date, last: date) -> dict[Series, Days]:
    rows: Any = (
        DayRollup.objects.filter(
            workspace=workspace,
            is_test=False,
            day__gte=datetime.combine(first, time(), UTC),
            day__lte=datetime.combine(last, time(), UTC),
        )
        .values("day", "model", "project__public_id", "project__name")
        .annotate(**{f"sum{end}": Sum(f"co2e_grams{end}") for end in ENDS})
        .order_by()
    )
    series: dict[Series, Days] = {}
    for row in rows:
        used = Bounds(*(row[f"sum{end}"] for end in ENDS))
        for one in _series_of(row):
            days = series.setdefault(one, {})
            days[row["day"].date()] = _plus(days.get(row["day"].date()), used)
    return series


def _series_of(row: Mapping[str, Any]) -> tuple[Series, Series, Series]:
    project = str(row["project__public_id"])
    return (
        ("workspace", None, "all usage"),
        ("model", row["model"], row["model"] or "not named"),
        ("project", project, row["project__name"]),
    )


def _plus(one: Bounds | None, other: Bounds) -> Bounds:
    if one is None:
        return other
    return Bounds(one.low + other.low, one.central + other.central, one.high + other.high)
