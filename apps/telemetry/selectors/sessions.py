"""What one developer used today, session by session."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db.models import Max, Min, Sum

from apps.telemetry.models import TOKENS, CarbonEntry
from apps.workspaces.models import Workspace

DAY: Final = timedelta(days=1)
_SUMS: Final[dict[str, Any]] = {
    f"sum_{name}": Sum(name) for name in (*TOKENS, "requests", "co2e_grams", "energy_kwh")
}


@dataclass(frozen=True, slots=True)
class Use:
    """Sums of one model in one session."""

    session_id: str | None
    model: str | None
    prompt_tokens: int
    completion_tokens: int
    requests: int
    co2e_grams: Decimal
    energy_kwh: Decimal
    started_at: datetime
    last_activity: datetime


def uses_of_day(
    workspace: Workspace, developer: bytes, *, is_test: bool, now: datetime
) -> list[Use]:
    """The developer's uses of the current UTC day by session and model, heaviest first.

    Read from the entries of one developer's day, which an index finds: rollups know no developers.
    """
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    rows = (
        CarbonEntry.objects.filter(
            workspace=workspace,
            event__workspace=workspace,
            event__developer=developer,
            event__used_at__gte=day,
            event__used_at__lt=day + DAY,
            is_test=is_test,
        )
        .values("event__session_id", "model")
        .annotate(**_SUMS, started_at=Min("event__used_at"), last_activity=Max("event__used_until"))
        .order_by("event__session_id", "model")
    )
    return sorted(map(_use, rows), key=lambda use: -use.co2e_grams)


def _use(row: Mapping[str, Any]) -> Use:
    return Use(
        session_id=row["event__session_id"],
        model=row["model"],
        prompt_tokens=int(sum(row[f"sum_{name}"] for name in TOKENS[:3])),
        completion_tokens=int(row[f"sum_{TOKENS[3]}"]),
        requests=int(row["sum_requests"] or 0),
        co2e_grams=row["sum_co2e_grams"],
        energy_kwh=row["sum_energy_kwh"],
        started_at=row["started_at"],
        last_activity=row["last_activity"],
    )
