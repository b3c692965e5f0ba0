"""Writing pushed usage: one event for each report, whatever is sent again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.utils.crypto import salted_hmac

from apps.common.bulk import Columns, as_arrays, insert_from_rows
from apps.emissions.selectors import CurrentFactors
from apps.telemetry.models import CarbonEntry
from apps.telemetry.pushed import PushedUsage
from apps.telemetry.services import events, ledger
from apps.telemetry.services.basis import BATCH
from apps.telemetry.services.ledger import Appended
from apps.telemetry.services.source_of_record import Declared, held
from apps.workspaces.models import Workspace

COLUMNS: Final[Columns] = {
    **events.COLUMNS,
    "customer": "text",
    "session_id": "text",
    "developer": "bytea",
    "signal_group_id": "bigint",
    "signal_rank": "smallint",
}
KEEP_FIRST: Final = insert_from_rows(
    "telemetry_telemetryevent",
    COLUMNS,
    "ON CONFLICT (workspace_id, idempotency_hash) DO NOTHING "
    f"RETURNING '{CarbonEntry.Reason.MEASURED}', {events.STATE}",
)
KEEP_LAST: Final = insert_from_rows("telemetry_telemetryevent", COLUMNS, events.REVISE)


@dataclass(frozen=True, slots=True)
class Report:
    """A usage, the project it belongs to, and its place among other reports of the same use."""

    usage: PushedUsage
    project_id: int
    is_counted: bool = True
    signal_group_id: int | None = None
    signal_rank: int | None = None


def identity(workspace: Workspace, source: str, name: str, *, is_test: bool) -> bytes:
    """SHA-256 that names a pushed event; a test event never stands in a live one's place."""
    parts = [str(workspace.public_id), source, "test" if is_test else "live", name]
    return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).digest()


def developer_hash(workspace: Workspace, developer_id: str) -> bytes:
    """What is kept of a developer: enough to find their events again, nothing to read."""
    salt = f"telemetry.developer.{workspace.public_id}"
    return salted_hmac(salt, developer_id, algorithm="sha256").digest()


def write(
    workspace: Workspace,
    reports: Sequence[Report],
    factors: CurrentFactors,
    *,
    revises: bool,
    is_test: bool,
    now: datetime,
) -> list[Appended]:
    """Store the reports and their entries; answer for those that were new or changed.

    Of two reports with one name the last of a batch counts; a name that is stored already is
    revised, or with `revises` off left as it is. Must run in a transaction.
    """
    declared = held(workspace.pk)
    rows = {
        hashed: row(workspace, _settled(report, declared), hashed, is_test=is_test, now=now)
        for report in reports
        for hashed in [identity(workspace, report.usage.source, report.usage.name, is_test=is_test)]
    }
    if not rows:
        return []
    # In one order, so that two batches with the same rows cannot wait for each other in a circle.
    ordered = [rows[hashed] for hashed in sorted(rows)]
    statement = KEEP_LAST if revises else KEEP_FIRST
    written = list(events.states(statement, as_arrays(COLUMNS, ordered)))
    return ledger.append(written, factors, now=now)


def _settled(report: Report, declared: Declared) -> Report:
    """The best report of its use, and one of the source of record: else it does not count."""
    counts = report.is_counted and declared.counts_pushed(report.usage.provider)
    return replace(report, is_counted=counts)


def row(
    workspace: Workspace, report: Report, hashed: bytes, *, is_test: bool, now: datetime
) -> tuple[Any, ...]:
    """The values of COLUMNS."""
    usage = report.usage
    placed = dims(usage)
    identified = (
        workspace.pk,
        report.project_id,
        None,  # connection
        hashed,
        usage.source,
        usage.provider,
        usage.model,
        usage.used_at,
        usage.used_until,
        events.region_of(placed),
        placed,
    )
    revisable = (
        usage.input_uncached,
        usage.input_cache_read,
        usage.input_cache_write,
        usage.output,
        usage.reasoning,
        usage.requests,
        events.stored_cost(usage.cost_usd),
        True,  # is_cache_read_known
        False,  # is_byok
        False,  # is_provisional
        False,  # is_withdrawn
        report.is_counted,
    )
    developer = usage.developer_id and developer_hash(workspace, usage.developer_id)
    labels = (usage.customer, usage.session_id, developer or None)
    signal = (report.signal_group_id, report.signal_rank)
    return (*identified, *revisable, is_test, list(usage.flags), None, now, now, *labels, *signal)


def dims(usage: PushedUsage) -> dict[str, str]:
    """What decides the value of a use beside its counts, and what helps a person to place it."""
    placed = {
        "region": usage.region,
        "country": usage.country,
        "service_tier": BATCH if usage.is_batch else None,
    }
    return {**usage.facts, **{name: value for name, value in placed.items() if value}}
