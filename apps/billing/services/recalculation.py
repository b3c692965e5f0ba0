"""Valuing anew what no receipt has stated yet, by the current factors and overrides in force.

A thousand events are one transaction, and what it wrote is told apart in the ledger itself: a run
that was killed is finished by the next one, which finds the rest to do and the audit event owed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import structlog
from django.db import connection as database
from django.db import transaction

from apps.billing.models import BillingPeriod
from apps.billing.services import periods
from apps.billing.services.recalculated import SHOWN, Report
from apps.emissions.selectors import CurrentFactors
from apps.telemetry.models import CarbonEntry
from apps.telemetry.services import revaluation
from apps.workspaces.models import AuditEvent, Workspace
from apps.workspaces.services import audit

log = structlog.get_logger(__name__)

BATCH: Final = 1_000
ACTION: Final = "emissions_recalculated"
ENTRIES: Final = """
FROM telemetry_telemetryevent AS event CROSS JOIN LATERAL (
    SELECT bool_or(settled.entry_id IS NOT NULL) AS is_stated,
           bool_and(settled.entry_id IS NOT NULL) AS is_wholly_stated,
           (array_agg(entry.calculation ->> 'factor_version' ORDER BY entry.sequence DESC))[1]
               AS factor_version
    FROM telemetry_carbonentry AS entry
    LEFT JOIN billing_settlement AS settled ON settled.entry_id = entry.id
    WHERE entry.event_id = event.id
) AS entries WHERE event.workspace_id = %s
"""
SCOPE: Final = f"""
SELECT count(*) FILTER (WHERE is_wholly_stated), count(*) FILTER (WHERE NOT is_wholly_stated),
       coalesce(max(event.id), 0) {ENTRIES}
"""
CANDIDATES: Final = f"""
SELECT event.id, event.used_at, event.is_test, is_stated, factor_version {ENTRIES}
    AND event.id > %s AND event.id <= %s AND NOT is_wholly_stated ORDER BY event.id LIMIT {BATCH}
"""
# What was recalculated since the audit trail last told of it, whichever run wrote it.
UNTOLD: Final = f"""
WITH added AS (
    SELECT event_id, min(sequence) AS first, max(sequence) AS last, max(id) AS entry_id
    FROM telemetry_carbonentry
    WHERE workspace_id = %s AND id > %s AND reason = '{CarbonEntry.Reason.RECALCULATED}'
    GROUP BY event_id
)
SELECT max(added.entry_id), count(DISTINCT event_id),
    array_agg(DISTINCT calculation ->> 'factor_version') FILTER (WHERE sequence = first - 1),
    array_agg(DISTINCT calculation ->> 'factor_version') FILTER (WHERE sequence = last),
    {", ".join(f"sum({name}) FILTER (WHERE sequence < first)" for name in SHOWN)},
    {", ".join(f"sum({name}) FILTER (WHERE sequence <= last)" for name in SHOWN)}
FROM added JOIN telemetry_carbonentry AS entry USING (event_id)
"""  # noqa: S608 - our own column names


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An event that is not wholly stated on receipts."""

    id: int
    used_at: datetime
    is_test: bool
    is_stated: bool
    factor_version: str


def recalculate(
    workspace: Workspace,
    factors: CurrentFactors,
    *,
    actor: str,
    now: datetime,
    is_dry_run: bool,
    progress: Callable[[int, int], None],
) -> Report:
    """Value the workspace's unstated events anew; answer what that changed. Safe to repeat.

    An event with an entry on a receipt is left as it is. Killed at any line, the next run does the
    rest. A dry run answers the same and writes nothing. `progress` is told events done and to do.
    """
    stated, total, until = _scope(workspace)
    report = Report(workspace, stated)
    done, last = 0, 0
    while batch := _recalculate_batch(
        report, factors, after=last, until=until, now=now, is_dry_run=is_dry_run
    ):
        done, last = done + len(batch), batch[-1].id
        progress(done, total)
    if not is_dry_run:
        _tell_audit_trail(workspace, actor=actor, now=now)
    return report


def _scope(workspace: Workspace) -> tuple[int, int, int]:
    """How many events are wholly stated, how many are not, and the last of them all."""
    with database.cursor() as cursor:
        cursor.execute(SCOPE, [workspace.pk])
        stated, unstated, last = cursor.fetchone()
    return stated, unstated, last


@transaction.atomic
def _recalculate_batch(
    report: Report,
    factors: CurrentFactors,
    *,
    after: int,
    until: int,
    now: datetime,
    is_dry_run: bool,
) -> list[_Candidate]:
    """The next events by number, valued anew and counted in the report."""
    unsettled = _unsettled_periods(report.workspace, is_held=not is_dry_run)
    candidates = _candidates(report.workspace, after, until)
    chosen = {one.id: one for one in candidates if not one.is_stated}
    if is_dry_run:
        appended = revaluation.preview(list(chosen), factors)
    else:
        appended = revaluation.revalue(list(chosen), factors, now=now)
    for candidate in candidates:
        if candidate.is_stated:
            report.share(_stating(candidate, unsettled)).leave()
    for one in appended:
        candidate = chosen[one.state.id]
        report.share(_stating(candidate, unsettled)).add(one, candidate.factor_version)
    return candidates


def _unsettled_periods(workspace: Workspace, *, is_held: bool) -> list[BillingPeriod]:
    """The periods that have stated nothing yet, in order.

    Held, none of them is settled and none is added before the transaction ends, so that what is
    chosen as unstated still is when it is written.
    """
    unsettled = BillingPeriod.objects.filter(workspace=workspace, settled_at__isnull=True)
    if is_held:
        periods.locked(workspace.pk)
        unsettled = unsettled.select_for_update()
    return list(unsettled.order_by("starts_at"))


def _candidates(workspace: Workspace, after: int, until: int) -> list[_Candidate]:
    with database.cursor() as cursor:
        cursor.execute(CANDIDATES, [workspace.pk, after, until])
        return [_Candidate(*row) for row in cursor.fetchall()]


def _stating(candidate: _Candidate, unsettled: Sequence[BillingPeriod]) -> BillingPeriod | None:
    """The period that will state the event, as closing chooses: the first that ends after it."""
    if candidate.is_test:
        return None
    return next((period for period in unsettled if candidate.used_at < period.ends_at), None)


@transaction.atomic
def _tell_audit_trail(workspace: Workspace, *, actor: str, now: datetime) -> None:
    """One audit event for all that was recalculated since the last one; none where nothing was."""
    periods.locked(workspace.pk)
    told = AuditEvent.objects.filter(workspace=workspace, action=ACTION).order_by("-pk").first()
    with database.cursor() as cursor:
        cursor.execute(UNTOLD, [workspace.pk, told.details["last_entry"] if told else 0])
        last_entry, events, versions_before, versions_after, *sums = cursor.fetchone()
    if last_entry is None:
        return
    details: dict[str, Any] = {
        "events": events,
        "factor_versions": {"before": versions_before, "after": versions_after},
        "before": _named(sums[: len(SHOWN)]),
        "after": _named(sums[len(SHOWN) :]),
        "last_entry": last_entry,
    }
    audit(workspace, actor, ACTION, str(workspace.public_id), now=now, details=details)
    log.info("emissions_recalculated", workspace_id=workspace.pk, events=events)


def _named(sums: Sequence[Decimal]) -> dict[str, str]:
    return {name: format(total, "f") for name, total in zip(SHOWN, sums, strict=True)}
