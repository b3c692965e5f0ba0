"""A second factor set, the command that values by it, and its report."""

import copy
import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import call_command
from django.db.models import Sum

from apps.billing.models import BillingPeriod
from apps.emissions.selectors import current_factors
from apps.emissions.services import NEWEST, load_catalogue, seed_factor_set
from apps.telemetry.models import SUMMED, CarbonEntry, Rollup, TelemetryEvent
from apps.telemetry.services import events, ledger
from apps.workspaces.models import AuditEvent, Workspace
from tests.billing.usage import use
from tests.holding import database_url

OLD, NEW = NEWEST.name, "2026.12.1"
SHOWN = ("co2e_grams_low", "co2e_grams", "co2e_grams_high", "energy_kwh", "water_litres")
PUBLISHED = datetime(2026, 12, 1, 9, tzinfo=UTC)


def publish_new_factors(version: str = NEW, us_grid: float = 500.0) -> None:
    """The catalogue with another intensity of the United States' grid."""
    document = copy.deepcopy(load_catalogue(NEWEST))
    document["version"] = version
    row = next(row for row in document["grid"] if row["iso2"] == "US")
    row["gco2e_per_kwh"] = us_grid
    seed_factor_set(document, publish=True, now=PUBLISHED)


def recalculate(*arguments: str) -> tuple[dict[str, Any], str]:
    """The report of `manage.py recalculate_emissions`, for machines and for people."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "report.json")
        call_command("recalculate_emissions", *arguments, json=file, stdout=printed)
        return json.loads(file.read_text()), printed.getvalue()


def shares(report: dict[str, Any], workspace: Workspace) -> dict[str | None, dict[str, Any]]:
    """The workspace's part of a report, by period."""
    (own,) = [one for one in report["workspaces"] if one["workspace"] == workspace.slug]
    return {share["period"]: share for share in own["periods"]}


def counts(share: dict[str, Any]) -> tuple[int, int, int]:
    return share["looked_at"], share["changed"], share["left"]


def sums(
    workspace: Workspace, model: type[CarbonEntry | Rollup] = CarbonEntry
) -> dict[str, Decimal]:
    """Every summable column over all that the workspace has."""
    rows = model._default_manager.filter(workspace=workspace)
    return rows.aggregate(**{f"all_{name}": Sum(name) for name in SUMMED})


def trail(event: TelemetryEvent) -> list[tuple[str, str]]:
    """Why each entry of an event was written, and by which factor set."""
    entries = CarbonEntry.objects.filter(event=event).order_by("sequence")
    return list(entries.values_list("reason", "factor_set__version"))


def contents(workspace: Workspace) -> list[Any]:
    """The ledger of a workspace without the times of writing."""
    entries = CarbonEntry.objects.filter(workspace=workspace).order_by("event", "sequence")
    return list(entries.values_list("event", "sequence", "reason", "factor_set", *SUMMED))


def told(workspace: Workspace) -> list[dict[str, Any]]:
    """What the audit trail says of recalculations, the newest first."""
    found = AuditEvent.objects.filter(workspace=workspace, action="emissions_recalculated")
    return list(found.values_list("details", flat=True))


def stated(period: BillingPeriod) -> dict[str, Any]:
    """The whole row of a period."""
    return dict(BillingPeriod.objects.filter(pk=period.pk).values().get())


def use_many(workspace: Workspace, number: int, at: datetime) -> None:
    """So many events of different sizes, and their entries, at once."""
    first = use(workspace, 1, at)
    copies = [copy.copy(first) for _ in range(number - 1)]
    for size, event in enumerate(copies, start=2):
        event.pk = None
        event.idempotency_hash = (workspace.pk << 32 | size).to_bytes(32, "little")
        event.output_tokens = size
    TelemetryEvent.objects.bulk_create(copies)
    statement = (
        f"SELECT 'measured', {events.STATE} FROM telemetry_telemetryevent "  # noqa: S608 - our own column names
        "WHERE workspace_id = %s AND id > %s"
    )
    states = list(events.states(statement, [workspace.pk, first.pk]))
    ledger.append(states, current_factors(), now=at)


@contextmanager
def newest_event_held(workspace: Workspace) -> Iterator[None]:
    """Nobody else reads the workspace's newest event for writing while this lasts."""
    with psycopg.connect(database_url()) as other:
        other.execute(
            "SELECT FROM telemetry_telemetryevent WHERE workspace_id = %s "
            "ORDER BY id DESC LIMIT 1 FOR UPDATE",
            [workspace.pk],
        )
        yield
