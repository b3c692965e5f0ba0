"""Usage of any size at any time, put into the ledger by the ledger's own service."""

import itertools
from datetime import UTC, datetime
from decimal import Decimal

from django.db.models import Sum

from apps.emissions.selectors import current_factors
from apps.telemetry.models import CarbonEntry, TelemetryEvent
from apps.telemetry.services import ledger
from apps.telemetry.services.valuation import Metered
from apps.workspaces.models import Project, Workspace
from tests.factories import ProjectFactory
from tests.published import publish_newest_factors

MODEL = "gpt-4o"
_numbers = itertools.count(1)


def publish_factors() -> None:
    published_at = datetime(2026, 1, 1, tzinfo=UTC)
    publish_newest_factors(now=published_at)


def use(
    workspace: Workspace, tokens: int, at: datetime, *, is_test: bool = False
) -> TelemetryEvent:
    """One event of so many output tokens, and its entry."""
    project = Project.objects.filter(workspace=workspace).first()
    project = project or ProjectFactory.create(workspace=workspace)
    event = TelemetryEvent.objects.create(
        workspace=workspace,
        project=project,
        idempotency_hash=next(_numbers).to_bytes(32, "big"),
        source="tests",
        provider="openai",
        model=MODEL,
        used_at=at,
        used_until=at,
        input_uncached_tokens=0,
        input_cache_read_tokens=0,
        input_cache_write_tokens=0,
        output_tokens=tokens,
        is_test=is_test,
        observed_at=at,
        created_at=at,
    )
    _append(event, CarbonEntry.Reason.MEASURED, at)
    return event


def revise(event: TelemetryEvent, tokens: int, at: datetime) -> None:
    """The provider changed its mind: the difference is an entry of the same time of use."""
    event.output_tokens = tokens
    event.save(update_fields=["output_tokens"])
    _append(event, CarbonEntry.Reason.REVISED, at)


def grams(workspace: Workspace) -> Decimal:
    """The central footprint of all live entries of the workspace."""
    entries = CarbonEntry.objects.filter(workspace=workspace, is_test=False)
    return Decimal(entries.aggregate(sum=Sum("co2e_grams"))["sum"] or 0)


def _append(event: TelemetryEvent, reason: str, at: datetime) -> None:
    metered = Metered(MODEL, "openai", {}, 0, 0, 0, event.output_tokens, None, None)
    state = ledger.EventState(
        id=event.pk,
        identity=bytes(event.idempotency_hash),
        workspace_id=event.workspace_id,
        project_id=event.project_id,
        connection_id=None,
        is_test=event.is_test,
        used_at=event.used_at,
        region=event.region,
        reason=reason,
        metered=metered,
    )
    ledger.append([state], current_factors(), now=at)
