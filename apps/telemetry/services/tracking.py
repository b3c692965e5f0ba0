"""Tracking calls: stored and valued before the answer, once for each idempotency key."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from apps.emissions.selectors import CurrentFactors, current_factors
from apps.telemetry.errors import IdempotencyKeyReusedError
from apps.telemetry.models import CarbonEntry, TelemetryEvent
from apps.telemetry.pushed import PushedUsage
from apps.telemetry.services import events, ledger, pushed
from apps.telemetry.services.ledger import Appended
from apps.telemetry.services.pushed import Report
from apps.telemetry.services.quota import count_live_events
from apps.telemetry.services.routing import routes_of_pushed
from apps.workspaces.models import Workspace

FIND: Final = (
    f"SELECT '{CarbonEntry.Reason.MEASURED}', {events.STATE} FROM telemetry_telemetryevent "  # noqa: S608 - our own column names
    "WHERE workspace_id = %s AND idempotency_hash = ANY(%s)"
)
SAME_BODY: Final = (
    "provider",
    "model",
    "dims",
    "input_uncached_tokens",
    "input_cache_read_tokens",
    "input_cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "requests",
    "customer",
    "session_id",
    "developer",
)
"""What a repeated request must repeat beside the project; the moment it arrives is no part."""


@dataclass(frozen=True, slots=True)
class TrackedCall:
    """A call as its sender reports it, and the project that it names, or the default one."""

    usage: PushedUsage
    project_id: int


@dataclass(frozen=True, slots=True)
class Tracked:
    """What was stored, in the order of the calls, and how many live events are left."""

    stored: list[Appended]
    factor_version: str
    events_remaining: int | None
    is_replay: bool


@transaction.atomic
def track(
    workspace: Workspace,
    calls: Sequence[TrackedCall],
    *,
    idempotency_key: str | None,
    is_test: bool,
    now: datetime,
) -> Tracked:
    """Store the calls with their value, all or none. With a key, safe to repeat and to race.

    Raises QuotaExceededError when live events would be more than the plan includes, and
    IdempotencyKeyReusedError when the key came before with other calls.
    """
    key = idempotency_key or secrets.token_hex(16)
    routes = routes_of_pushed(workspace)
    reports = [
        Report(
            replace(call.usage, name=f"{key}:{index}"),
            project_id=routes.pushed(call.usage, call.project_id),
        )
        for index, call in enumerate(calls)
    ]
    names = [
        pushed.identity(workspace, "track", f"{key}:{index}", is_test=is_test)
        for index in range(len(calls) + 1)  # one more: the first request may have been longer
    ]
    factors = current_factors()
    written = pushed.write(workspace, reports, factors, revises=False, is_test=is_test, now=now)
    is_replay = len(written) < len(calls)
    if is_replay:
        if written:  # the first request was a part of this one
            raise _reused()
        given = [call.project_id for call in calls]
        written = _repeated(workspace, reports, given, names, factors)
    remaining = None
    if not is_test:
        remaining = count_live_events(workspace, 0 if is_replay else len(calls), now=now)
    by_name = {one.state.identity: one for one in written}
    stored = [by_name[name] for name in names[:-1]]
    return Tracked(stored, factors.version, remaining, is_replay)


def _repeated(
    workspace: Workspace,
    reports: Sequence[Report],
    given: Sequence[int],
    names: Sequence[bytes],
    factors: CurrentFactors,
) -> list[Appended]:
    """What the first request with this key stored, if it is the same request.

    A rule that was made since has moved nothing: the project may be the given one still.
    """
    stored = {
        bytes(row["idempotency_hash"]): row
        for row in TelemetryEvent.objects.filter(
            workspace=workspace, idempotency_hash__in=names
        ).values("idempotency_hash", "project_id", *SAME_BODY)
    }
    is_same = set(stored) == set(names[:-1]) and all(
        stored[name]["project_id"] in (report.project_id, project_id)
        and _is_same(stored[name], _body(workspace, report))
        for name, report, project_id in zip(names, reports, given, strict=False)
    )
    if not is_same:
        raise _reused()
    return list(ledger.revalued(list(events.states(FIND, [workspace.pk, list(stored)])), factors))


def _reused() -> IdempotencyKeyReusedError:
    return IdempotencyKeyReusedError(
        "This Idempotency-Key came before with another body. Nothing was stored."
    )


def _body(workspace: Workspace, report: Report) -> dict[str, Any]:
    """The columns that would be written; name, mode and moment are not compared."""
    moment = report.usage.used_at
    values = pushed.row(workspace, report, b"", is_test=False, now=moment)
    return dict(zip(pushed.COLUMNS, values, strict=True))


def _is_same(stored: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    return all(_plain(stored[name]) == _plain(body[name]) for name in SAME_BODY)


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value
