"""Credits in stock and periods that are about to close."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from apps.billing.credit_rows import COLUMNS
from apps.billing.models import BillingPeriod, CreditAllocation
from apps.billing.services import credits as stock
from apps.workspaces.models import Workspace

LOADED = datetime(2026, 9, 1, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
DUE = NOVEMBER + timedelta(hours=48)
LATER_DUE = DECEMBER + timedelta(hours=48)

ROW = {
    "registry": "demo",
    "project_id": "DEMO-1",
    "project_name": "Demonstration project",
    "project_url": "https://example.com/projects/1",
    "country": "DE",
    "methodology": "DEMO-M1",
    "mitigation": "removal",
    "vintage_start": "2024-01-01",
    "vintage_end": "2024-12-31",
    "serial_range": "DEMO-1-2024-1-20",
    "quantity_tonnes": "20",
    "labels": "",
    "corresponding_adjustment": "unknown",
    "is_demonstration": "true",
}


def csv_of(rows: Sequence[dict[str, str]], header: Sequence[str] = COLUMNS) -> bytes:
    lines = [",".join(header)]
    lines += [",".join(row.get(name, "") for name in header) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def load(tonnes: int = 20, *, name: str = "DEMO-1", year: int = 2024, **changes: str) -> None:
    row = {
        **ROW,
        "serial_range": f"{name}-{year}-1-{tonnes}",
        "quantity_tonnes": str(tonnes),
        "vintage_start": f"{year}-01-01",
        "vintage_end": f"{year}-12-31",
        **changes,
    }
    stock.load(csv_of([row]), now=LOADED)


def closing_period(
    workspace: Workspace,
    starts_at: datetime = OCTOBER,
    ends_at: datetime = NOVEMBER,
    *,
    plan: str = "growth",
    basis: str = "central",
) -> BillingPeriod:
    return BillingPeriod.objects.create(
        workspace=workspace,
        starts_at=starts_at,
        ends_at=ends_at,
        closes_at=ends_at + timedelta(hours=48),
        status="closing",
        plan=plan,
        retires_credits=plan != "free",
        retirement_basis=basis,
        closing_at=ends_at,
        created_at=starts_at,
    )


def given_grams(period: BillingPeriod) -> int:
    lines = CreditAllocation.objects.filter(period=period)
    return sum(line.grams.upper - line.grams.lower for line in lines)
