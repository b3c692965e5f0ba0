"""Recording what OpenTelemetry pushed: each use once, by the best report of it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db import connection as database
from django.db import transaction

from apps.common.locks import transaction_lock
from apps.emissions.selectors import current_factors
from apps.telemetry.models import CarbonEntry, MetricSeries
from apps.telemetry.otlp.series import SeriesState, advance
from apps.telemetry.otlp.signals import EVENT, Mapped, SeriesPoint, Signal
from apps.telemetry.services import events, ledger, pushed
from apps.telemetry.services.pushed import Report
from apps.telemetry.services.quota import count_live_events
from apps.telemetry.services.routing import Routes, routes_of_pushed
from apps.workspaces.models import Workspace
from apps.workspaces.selectors import projects
from apps.workspaces.services import default_project

GroupKey = tuple[str, str]
"""A tool and its session."""
LABEL_LENGTH: Final = 200

RAISE_RANK: Final = """
INSERT INTO telemetry_signalgroup AS known (workspace_id, tool, session_key, rank)
SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::smallint[])
ON CONFLICT (workspace_id, tool, session_key)
DO UPDATE SET rank = greatest(known.rank, excluded.rank)
RETURNING tool, session_key, id, rank
"""
_STATE: Final = ", ".join(f"event.{name}" for name in events.STATE_COLUMNS)
# What was counted by a lesser report before the better one of the same tool and session came.
SUPERSEDE: Final = f"""
UPDATE telemetry_telemetryevent AS event SET is_counted = false
FROM (
    SELECT lesser.id FROM telemetry_telemetryevent AS lesser
    JOIN telemetry_signalgroup AS best ON best.id = lesser.signal_group_id
    WHERE best.workspace_id = %s AND best.id = ANY(%s)
        AND lesser.signal_rank < best.rank AND lesser.is_counted
    ORDER BY lesser.idempotency_hash FOR UPDATE OF lesser
) AS found
WHERE event.id = found.id
RETURNING '{CarbonEntry.Reason.SUPERSEDED}', {_STATE}
"""  # noqa: S608 - our own column names


@transaction.atomic
def record_signals(workspace: Workspace, mapped: Mapped, *, is_test: bool, now: datetime) -> None:
    """Store what was reported and value it. Safe to repeat, in any order, split in any way.

    Raises QuotaExceededError when live events would be more than the plan includes: then nothing
    of the batch is stored.
    """
    signals = [*mapped.usages, *_grown(workspace, mapped.series, is_test=is_test)]
    if not signals:
        return
    factors = current_factors()
    groups = _groups(workspace, signals, is_test=is_test)
    named = _projects(workspace, signals, now=now)
    routes = routes_of_pushed(workspace)
    reports = [
        _report(signal, groups, _project(signal, named, routes), is_test=is_test)
        for signal in signals
    ]
    written = pushed.write(workspace, reports, factors, revises=True, is_test=is_test, now=now)
    group_ids = [group_id for group_id, _ in groups.values()]
    superseded = list(events.states(SUPERSEDE, [workspace.pk, group_ids]))
    ledger.append(superseded, factors, now=now)
    if not is_test:
        new = sum(one.state.reason == CarbonEntry.Reason.MEASURED for one in written)
        count_live_events(workspace, new, now=now)


def _groups(
    workspace: Workspace, signals: Sequence[Signal], *, is_test: bool
) -> dict[GroupKey, tuple[int, int]]:
    """The id and the highest rank so far of each group; their rows are locked by this."""
    ranks: dict[GroupKey, int] = {}
    for signal in signals:
        for key, rank in _claims(signal, is_test=is_test):
            ranks[key] = max(ranks.get(key, 0), rank)
    keys = sorted(ranks)  # in one order, as two batches may name the same groups
    tools, sessions = [tool for tool, _ in keys], [session for _, session in keys]
    with database.cursor() as cursor:
        cursor.execute(RAISE_RANK, [workspace.pk, tools, sessions, [ranks[key] for key in keys]])
        return {(tool, session): (pk, rank) for tool, session, pk, rank in cursor.fetchall()}


def _claims(signal: Signal, *, is_test: bool) -> Iterator[tuple[GroupKey, int]]:
    """The groups in which no lesser report may count beside this one.

    Points of a metric often name no session where the spans of the same calls do: they yield to
    any better report of their tool on that day.
    """
    yield _group_key(signal, is_test=is_test), signal.rank
    if signal.session_key:
        yield _group_key(replace(signal, session_key=""), is_test=is_test), min(signal.rank, EVENT)


def _group_key(signal: Signal, *, is_test: bool) -> GroupKey:
    """Where a sender names no session its reports of one UTC day are taken together."""
    session = signal.session_key or f"{signal.usage.used_at:%Y-%m-%d}"
    mode = "test:" if is_test else ""
    return signal.tool[:LABEL_LENGTH], f"{mode}{session}"[:LABEL_LENGTH]


def _report(
    signal: Signal,
    groups: Mapping[GroupKey, tuple[int, int]],
    project_id: int,
    *,
    is_test: bool,
) -> Report:
    group_id, best = groups[_group_key(signal, is_test=is_test)]
    return Report(
        signal.usage,
        project_id=project_id,
        is_counted=signal.rank >= best,
        signal_group_id=group_id,
        signal_rank=signal.rank,
    )


def _project(signal: Signal, named: Mapping[str | None, int], routes: Routes) -> int:
    return routes.pushed(signal.usage, named[_lower(signal.usage.project_name)])


def _projects(
    workspace: Workspace, signals: Sequence[Signal], *, now: datetime
) -> dict[str | None, int]:
    """The project of each name that is used; the default one for names that no project has."""
    wanted = {_lower(signal.usage.project_name) for signal in signals}
    default = default_project(workspace, now=now).pk
    known = {name.lower(): pk for name, pk in projects(workspace).values_list("name", "pk")}
    return {name: known.get(name or "", default) for name in wanted}


def _lower(name: str | None) -> str | None:
    return name.lower() if name else None


def _grown(
    workspace: Workspace, points: Sequence[SeriesPoint], *, is_test: bool
) -> Iterator[Signal]:
    """What running totals have grown by since their series were last read."""
    if not points:
        return
    named = [(_series_name(point, is_test=is_test), point) for point in points]
    states = _locked_states(workspace, {name for name, _ in named})
    for name, point in sorted(named, key=lambda item: item[1].time):
        growth, states[name] = advance(states.get(name), point)
        if growth.tokens:
            yield point.signal(growth.tokens, growth.requests)
    _store(workspace, states)


def _series_name(point: SeriesPoint, *, is_test: bool) -> bytes:
    return hashlib.sha256(b"test:" + point.series).digest() if is_test else point.series


def _locked_states(workspace: Workspace, names: set[bytes]) -> dict[bytes, SeriesState]:
    """The series read before. The lock is the workspace's: a new series has no row to lock yet."""
    transaction_lock(f"metric series of workspace {workspace.pk}")
    rows = MetricSeries.objects.filter(workspace=workspace, series__in=names)
    return {
        bytes(row.series): SeriesState(
            row.start_time, row.last_time, row.last_value, row.last_requests
        )
        for row in rows
    }


def _store(workspace: Workspace, states: Mapping[bytes, SeriesState]) -> None:
    MetricSeries.objects.bulk_create(
        [
            MetricSeries(
                workspace=workspace,
                series=name,
                start_time=state.start_time,
                last_time=state.last_time,
                last_value=state.last_value,
                last_requests=state.last_requests,
            )
            for name, state in states.items()
        ],
        update_conflicts=True,
        unique_fields=["workspace", "series"],
        update_fields=["start_time", "last_time", "last_value", "last_requests"],
    )
