"""Storing 10,000 tracked calls, 1,000 in a transaction: events, entries, rollups, quota.

The peer is the limit: COPY of the same events into a bare table, as in `record`.
"""

from collections.abc import Iterator

from django.db import connection as database

from apps.telemetry.pushed import PushedUsage
from apps.telemetry.services import tracking
from apps.telemetry.services.tracking import TrackedCall
from apps.workspaces.models import Workspace
from benchmarks.measuring import REPETITIONS, Rates, Result, seconds_of
from benchmarks.record import analyze, copy
from benchmarks.workspace import START, new_project, new_workspace

BATCH = 1000
BATCHES = 10
SINGLES = 200


def run() -> Iterator[Result]:
    rounds = []
    for _ in range(REPETITIONS + 1):
        workspace = new_workspace()
        Workspace.objects.filter(pk=workspace.pk).update(live_events_per_month=None)
        workspace.refresh_from_db()
        calls = _calls(new_project(workspace, "Track").pk)
        batched = seconds_of(lambda: _track(workspace, calls, BATCH))  # noqa: B023
        encoded = _encoded(workspace)
        copied = seconds_of(lambda: copy(encoded))  # noqa: B023
        single = seconds_of(lambda: _track(workspace, calls[:SINGLES], 1))  # noqa: B023
        rounds.append((BATCH * BATCHES / batched, BATCH * BATCHES / copied, SINGLES / single))
        analyze()
    batched_s, copied_s, single_s = (Rates(each) for each in zip(*rounds[1:], strict=True))
    share = batched_s.median / copied_s.median
    yield Result(
        "track",
        "batches of 1,000",
        batched_s.median,
        "calls/s",
        batched_s.spread,
        "bare COPY",
        share,
    )
    yield Result("track", "one by one", single_s.median, "calls/s", single_s.spread)
    yield Result("track", "bare COPY", copied_s.median, "calls/s", copied_s.spread)


def _calls(project_id: int) -> list[TrackedCall]:
    return [
        TrackedCall(
            PushedUsage(
                source="track",
                name="",
                provider="openai",
                model=f"gpt-4o-bench-{number % 20}",
                used_at=START,
                used_until=START,
                input_uncached=900 + number,
                output=300,
                customer="acme",
                session_id=f"s-{number % 50}",
                developer_id=f"dev-{number % 10}",
            ),
            project_id,
        )
        for number in range(BATCH * BATCHES)
    ]


def _track(workspace: Workspace, calls: list[TrackedCall], size: int) -> None:
    for start in range(0, len(calls), size):
        tracking.track(
            workspace,
            calls[start : start + size],
            idempotency_key=None,
            is_test=False,
            now=START,
        )


def _encoded(workspace: Workspace) -> bytes:
    statement = "COPY (SELECT * FROM telemetry_telemetryevent WHERE workspace_id = %s) TO STDOUT"
    with database.cursor() as cursor, cursor.copy(statement, [workspace.pk]) as out:
        return b"".join(bytes(part) for part in out)
