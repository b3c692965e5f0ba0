"""Budgets as they are found: how much of the month is used, and what is due to be told."""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import reduce
from operator import add
from typing import Any, Final

from django.db.models import DateTimeField, F, Prefetch, QuerySet, Sum
from django.db.models.functions import Trunc

from apps.telemetry.errors import BudgetNotFoundError
from apps.telemetry.models import (
    AlertDelivery,
    Budget,
    BudgetAlert,
    DayRollup,
    UsageSampleRollup,
)
from apps.telemetry.selectors.figures import Bounds
from apps.workspaces.models import Project, Workspace

DAY: Final = timedelta(days=1)
DAYS_BEFORE_FORECAST: Final = 3
ENDS: Final = ("_low", "", "_high")
ZERO: Final = Bounds(Decimal(), Decimal(), Decimal())
NOTHING: Final[Mapping[str, Bounds]] = dict.fromkeys(Budget.Unit.values, ZERO)
Columns = Mapping[str, tuple[str, ...]]
"""By unit, what is added up."""
TOKENS: Final[Columns] = {"co2e_grams": ("co2e_grams",), "energy_kwh": ("energy_kwh",)}
COMPUTE: Final[Columns] = {
    "co2e_grams": ("operational_co2e_grams", "embodied_co2e_grams"),
    "energy_kwh": ("energy_kwh",),
}
MOST_DUE: Final = 1000
Place = tuple[int, int | None, date]
"""A workspace, one of its projects (None: its samples of compute), the first day of a month."""


@dataclass(frozen=True, slots=True)
class MonthlyUse:
    """What months of workspaces used, by place and unit."""

    sums: Mapping[Place, Mapping[str, Bounds]]
    by_workspace: Mapping[tuple[int, date], Mapping[str, Bounds]]

    def of(self, budget: Budget, month: date) -> Bounds:
        """A project's language-model use; without a project that of all, and compute."""
        if budget.project_id is None:
            found = self.by_workspace.get((budget.workspace_id, month), NOTHING)
        else:
            found = self.sums.get((budget.workspace_id, budget.project_id, month), NOTHING)
        return found[budget.unit]


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget and how its current month (UTC) stands."""

    budget: Budget
    month: date
    used: Bounds
    forecast: Bounds | None
    alerts: list[BudgetAlert]

    @property
    def percent(self) -> Bounds:
        return _scaled(self.used, Decimal(100), self.budget.monthly_amount)

    @property
    def most_percent(self) -> Decimal:
        """Where a bar of the month ends."""
        return max(Decimal(100), self.percent.high)

    @property
    def counts(self) -> list[str]:
        return ["llm"] if self.budget.project_id else ["llm", "compute"]


def budgets(workspace: Workspace) -> QuerySet[Budget]:
    """A workspace's budgets, archived ones included, newest first."""
    return (
        Budget.objects.filter(workspace=workspace)
        .select_related("project")
        .order_by("-created_at", "-pk")
    )


def open_budgets(workspace: Workspace) -> QuerySet[Budget]:
    return budgets(workspace).filter(archived_at=None)


def budget_of(workspace: Workspace, public_id: str) -> Budget:
    """One budget; another workspace's is not found."""
    found = budgets(workspace).filter(public_id=public_id).first()
    if found is None:
        raise BudgetNotFoundError("No such budget in this workspace")
    return found


def projects(workspace: Workspace) -> QuerySet[Project]:
    """Those that a budget may be of, by name."""
    return Project.objects.filter(workspace=workspace, archived_at=None).order_by("name", "pk")


def alerts_of(budget: Budget) -> QuerySet[BudgetAlert]:
    """Every alert of a budget with its deliveries, latest first."""
    return _told(BudgetAlert.objects.filter(budget=budget)).order_by("-crossed_at", "-pk")


def standings(found: Sequence[Budget], *, now: datetime) -> list[Standing]:
    """How each of them stands: as many queries for a hundred as for one."""
    month, today = month_of(now), now.astimezone(UTC).date()
    workspaces = {budget.workspace_id for budget in found}
    used = monthly_use(workspaces, month, today + DAY)
    finished = monthly_use(workspaces, month, today)
    alerts: dict[int, list[BudgetAlert]] = {}
    for alert in _told(BudgetAlert.objects.filter(budget__in=found, month=month)):
        alerts.setdefault(alert.budget_id, []).append(alert)
    return [
        Standing(
            budget,
            month,
            used.of(budget, month),
            forecast(used.of(budget, month), finished.of(budget, month), today),
            sorted(alerts.get(budget.pk, []), key=lambda alert: alert.threshold),
        )
        for budget in found
    ]


def forecast(used: Bounds, finished: Bounds, today: date) -> Bounds | None:
    """The month's end at the mean of the days so far, at least what is used; None at first.

    `finished` is the sum of the days that are over: today's is not yet the use of a day.
    """
    days = today.day - 1
    if days < DAYS_BEFORE_FORECAST:
        return None
    of_month = calendar.monthrange(today.year, today.month)[1]
    mean = _scaled(finished, Decimal(of_month), Decimal(days))
    return Bounds(
        max(mean.low, used.low), max(mean.central, used.central), max(mean.high, used.high)
    )


def monthly_use(workspaces: Any, start: date, end: date) -> MonthlyUse:
    """Live use in the days `[start, end)`, month by month. Two queries, from the rollups."""
    span = {"workspace__in": workspaces, "is_test": False}
    first, last = _midnight(start), _midnight(end)
    tokens = DayRollup.objects.filter(**span, day__gte=first, day__lt=last)
    compute = UsageSampleRollup.objects.filter(**span, hour__gte=first, hour__lt=last)
    sums: dict[Place, dict[str, Bounds]] = {}
    by_workspace: dict[tuple[int, date], dict[str, Bounds]] = {}
    for row in (*_sums(tokens, "day", TOKENS, "project_id"), *_sums(compute, "hour", COMPUTE)):
        month = row["month"].date()
        amounts = {unit: Bounds(*(row[f"{unit}_sum{bound}"] for bound in ENDS)) for unit in NOTHING}
        sums[row["workspace_id"], row.get("project_id"), month] = amounts
        whole = by_workspace.setdefault((row["workspace_id"], month), dict(NOTHING))
        for unit, amount in amounts.items():
            whole[unit] = _plus(whole[unit], amount)
    return MonthlyUse(sums, by_workspace)


def month_of(now: datetime) -> date:
    return now.astimezone(UTC).date().replace(day=1)


def due_delivery_ids(now: datetime) -> list[int]:
    """Deliveries whose next attempt is due, the longest waiting first."""
    return list(
        AlertDelivery.objects.filter(delivered_at=None, next_attempt_at__lte=now)
        .order_by("next_attempt_at", "pk")
        .values_list("pk", flat=True)[:MOST_DUE]
    )


def _told(found: QuerySet[BudgetAlert]) -> QuerySet[BudgetAlert]:
    return found.prefetch_related(Prefetch("deliveries", AlertDelivery.objects.order_by("pk")))


def _sums(
    rollups: QuerySet[Any], moment: str, columns: Columns, *keys: str
) -> QuerySet[Any, dict[str, Any]]:
    """Both units with their bounds, by workspace, month and what else is named."""
    sums = {
        f"{unit}_sum{end}": Sum(reduce(add, (F(f"{name}{end}") for name in names)))
        for unit, names in columns.items()
        for end in ENDS
    }
    found: QuerySet[Any, dict[str, Any]] = (
        rollups.annotate(month=Trunc(moment, "month", output_field=DateTimeField(), tzinfo=UTC))
        .values("workspace_id", "month", *keys)
        .annotate(**sums)
        .order_by()
    )
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _plus(one: Bounds, other: Bounds) -> Bounds:
    return Bounds(one.low + other.low, one.central + other.central, one.high + other.high)


def _scaled(amount: Bounds, times: Decimal, by: Decimal) -> Bounds:
    return Bounds(amount.low * times / by, amount.central * times / by, amount.high * times / by)
