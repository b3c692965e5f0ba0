"""Closed periods as billing leaves them, made by the ledger's and billing's own services."""

import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection
from psycopg.types.range import Int8Range

from apps.billing.models import BillingPeriod, CreditBatch, RetirementOrder
from apps.billing.serials import parse
from apps.billing.services import closing, periods, retirements
from apps.emissions.selectors import current_factors
from apps.receipts.services import keys
from apps.telemetry.models import CarbonEntry, TelemetryEvent
from apps.telemetry.services import ledger
from apps.telemetry.services.valuation import Metered
from apps.workspaces.models import Project, Workspace
from tests.factories import ProjectFactory, WorkspaceFactory
from tests.published import publish_newest_factors

START = datetime(2026, 9, 1, tzinfo=UTC)
END = datetime(2026, 10, 1, tzinfo=UTC)
CLOSED_AT = datetime(2026, 10, 4, 8, 30, tzinfo=UTC)
NOW = datetime(2026, 10, 4, 9, 0, 0, 250_000, tzinfo=UTC)
KEYS_FROM = datetime(2026, 1, 1, tzinfo=UTC)
VERRA = "19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1"
GOLD_STANDARD = "GS1-1-KE-GS5642-16-2021-22345-500-524"

_numbers = itertools.count(1)


def ready() -> None:
    """A published factor set and signing key, as after installation."""
    publish_newest_factors(now=KEYS_FROM)
    keys.register(now=KEYS_FROM)


def closed_period(
    workspace: Workspace | None = None,
    *,
    tokens: int = 60_000_000,
    retires_credits: bool = True,
    starts_at: datetime = START,
    ends_at: datetime = END,
) -> BillingPeriod:
    """A period with usage, settled, its credits allocated and retired, and closed."""
    period = settled_period(
        workspace,
        tokens=tokens,
        retires_credits=retires_credits,
        starts_at=starts_at,
        ends_at=ends_at,
    )
    retire_and_finish()
    period.refresh_from_db()
    assert period.status == BillingPeriod.Status.CLOSED, period.problem
    return period


def settled_period(
    workspace: Workspace | None = None,
    *,
    tokens: int = 60_000_000,
    retires_credits: bool = True,
    starts_at: datetime = START,
    ends_at: datetime = END,
) -> BillingPeriod:
    workspace = workspace or WorkspaceFactory.create()
    if tokens:
        record_usage(workspace, "gpt-4o", tokens, starts_at + timedelta(days=3))
        record_usage(workspace, "gpt-4o-mini", tokens // 3, starts_at + timedelta(days=9))
    period = BillingPeriod.objects.create(
        workspace=workspace,
        starts_at=starts_at,
        ends_at=ends_at,
        closes_at=ends_at + timedelta(hours=48),
        plan="pro" if retires_credits else "free",
        retires_credits=retires_credits,
        created_at=starts_at,
    )
    periods.begin_closing(period, now=ends_at)
    closing.settle(period.pk, now=CLOSED_AT)
    return period


def retire_and_finish() -> None:
    closing.allocate(now=CLOSED_AT)
    for order in RetirementOrder.objects.filter(status="requested"):
        retirements.confirm_by_hand(
            order,
            retirement_id=f"R-{order.pk}",
            retired_on=date(2026, 10, 4),
            registry_url=f"https://registry.example/retirements/{order.pk}",
            evidence_sha256="ab" * 32,
            now=CLOSED_AT,
        )
    closing.finish(now=CLOSED_AT)


def record_usage(workspace: Workspace, model: str, tokens: int, used_at: datetime) -> None:
    """One event and its entry in the ledger."""
    project = Project.objects.filter(workspace=workspace).first()
    project = project or ProjectFactory.create(workspace=workspace)
    event = TelemetryEvent.objects.create(
        workspace=workspace,
        project=project,
        idempotency_hash=next(_numbers).to_bytes(32, "big"),
        source="tests",
        provider="openai",
        model=model,
        used_at=used_at,
        used_until=used_at + timedelta(days=1),
        input_uncached_tokens=tokens,
        input_cache_read_tokens=0,
        input_cache_write_tokens=0,
        output_tokens=tokens // 4,
        requests=1000,
        observed_at=used_at,
        created_at=used_at,
    )
    metered = Metered(model, "openai", {}, tokens, 0, 0, tokens // 4, None, 1000)
    state = ledger.EventState(
        id=event.pk,
        identity=bytes(event.idempotency_hash),
        workspace_id=workspace.pk,
        project_id=project.pk,
        connection_id=None,
        is_test=False,
        used_at=used_at,
        region=None,
        reason=CarbonEntry.Reason.MEASURED,
        metered=metered,
    )
    ledger.append([state], current_factors(), now=used_at)


def batch(serial_range: str = VERRA, registry: str = "verra", **changes: Any) -> CreditBatch:
    """Credits in stock, behind all others in the common space of grams."""
    serial = parse(registry, serial_range)
    assert serial.units
    assert serial.first
    last = CreditBatch.objects.order_by("-grams").first()
    start = last.grams.upper if last else 0
    row: dict[str, Any] = {
        "registry": registry,
        "project_ref": serial.project_id,
        "project_name": "Bale Mountains Eco-region REDD+ project",
        "methodology": "VM0015",
        "mitigation": "reduction",
        "country": serial.country,
        "vintage_start": serial.vintage_start,
        "vintage_end": serial.vintage_end,
        "serial_range": serial_range,
        "serial_stem": serial.stem,
        "serial_first": serial.first,
        "serial_last": serial.last,
        "is_serial_parsed": True,
        "tonnes": serial.units,
        "grams": Int8Range(start, start + serial.units * 1_000_000),
        "labels": ["CCB-Gold"],
        "loaded_at": KEYS_FROM,
    }
    return CreditBatch.objects.create(**(row | changes))


def in_thread(work: Callable[[], Any]) -> Callable[[], Any]:
    """The work, leaving no database connection behind."""

    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    return run
