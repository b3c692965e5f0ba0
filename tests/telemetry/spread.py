"""Usage at any second, by anybody, of any model: entries that no rollup's boundary agrees with."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from apps.emissions.selectors import current_factors
from apps.telemetry.connectors.base import Account, BucketReading, Reading, Window
from apps.telemetry.models import SUMMED, CarbonEntry
from apps.telemetry.pushed import PushedUsage
from apps.telemetry.services import pushed
from apps.telemetry.services.ingest import record
from apps.telemetry.services.pushed import Report
from apps.workspaces.models import Project, Workspace
from tests.factories import ProjectFactory
from tests.telemetry.metering import NOW, SOURCE, connected, row

FIRST = datetime(2026, 10, 30, tzinfo=UTC)  # a Friday; the month ends in between
DAYS = 5
MODELS = ("gpt-4.1", "o3", None)
REGIONS = ("eu-west-1", "us-east-1", None)


def push(
    workspace: Workspace, at: datetime, project: Project | None = None, **changes: Any
) -> None:
    """One pushed use at a moment, by default of 1,000 and 500 tokens."""
    project = project or Project.objects.filter(workspace=workspace).first()
    project = project or ProjectFactory.create(workspace=workspace)
    is_test = changes.pop("is_test", False)
    usual: dict[str, Any] = {
        "source": "track",
        "name": f"{at.isoformat()} {sorted(changes.items(), key=str)}",
        "provider": "openai",
        "model": "gpt-4.1",
        "used_at": at,
        "used_until": at,
        "input_uncached": 1000,
        "output": 500,
    }
    usage = PushedUsage(**{**usual, **changes})
    with transaction.atomic():
        pushed.write(
            workspace,
            [Report(usage, project.pk)],
            current_factors(),
            revises=True,
            is_test=is_test,
            now=NOW,
        )


def spread_out(workspace: Workspace) -> list[Project]:
    """Sixty uses over five days, and metered ones of two accounts, one revised. The projects."""
    projects = [ProjectFactory.create(workspace=workspace, name=name) for name in ("One", "Two")]
    for number in range(60):
        push(
            workspace,
            FIRST + timedelta(seconds=number * 7177),
            projects[number % 2],
            model=MODELS[number % 3],
            region=REGIONS[number % 5 % 3],
            provider=("openai", "anthropic")[number % 4 // 2],
            requests=(1, None)[number % 7 // 6],
            cost_usd=(None, Decimal("0.01"))[number % 5 // 4],
            input_uncached=number * 1013,
            input_cache_read=number * 17,
            output=number * 211,
            is_test=number % 11 == 10,
        )
    for name, tokens in (("first", 700), ("second", 900), ("first", 650)):
        account = Account(name, name)
        connection = workspace.connections.filter(account_ref=name).first()
        _metered(connection or connected(workspace, account=account, name=name), tokens)
    return projects


def _metered(connection: Any, tokens: int) -> None:
    hours = [FIRST + timedelta(hours=hour) for hour in (0, 30, 31, 80)]
    buckets = [
        BucketReading(SOURCE, hour, hour + timedelta(hours=1), False, (row("o3", tokens, tokens),))
        for hour in hours
    ]
    for bucket in buckets:
        window = Window(bucket.bucket_start, bucket.bucket_end)
        at = NOW + timedelta(seconds=1000 - tokens)
        record(connection, SOURCE, Reading(window, (bucket,), ()), current_factors(), now=at)


def recount(entries: Iterable[CarbonEntry]) -> dict[str, Decimal]:
    """The sums of what is known, column by column; what nobody knows is absent."""
    sums: dict[str, Decimal] = {}
    for entry in entries:
        for name in SUMMED:
            value = getattr(entry, name)
            if value is not None:
                sums[name] = sums.get(name, Decimal()) + value
    return sums
