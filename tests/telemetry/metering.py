"""Readings in small, connections to read them with, and what the database holds afterwards."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Sum

from apps.common.secrets import Secret
from apps.emissions.selectors import current_factors
from apps.telemetry import check
from apps.telemetry.connectors.base import Account, BucketReading, Reading, UsageRow, Window
from apps.telemetry.models import (
    CarbonEntry,
    MeteredBucket,
    ProviderConnection,
    Rollup,
    SyncCursor,
    TelemetryEvent,
    Workload,
)
from apps.telemetry.services import connections
from apps.telemetry.services.ingest import Recorded, record
from apps.workspaces.models import Workspace

START = datetime(2026, 11, 18, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = START + 10 * HOUR + timedelta(minutes=30)
SOURCE = "openai.completions"
KEYS = {
    "openai": "sk-admin-simulated-0001",
    "anthropic": "sk-ant-admin01-simulated-0001",
    "openrouter": "sk-or-v1-simulated-management-0001",
}


def connected(workspace: Workspace, provider: str = "openai", **changes: Any) -> ProviderConnection:
    """A connection as `connect` stores it, without asking anybody."""
    asked: dict[str, Any] = {
        "provider": provider,
        "name": f"Our {provider}",
        "key": Secret(KEYS[provider]),
        "account": Account(f"account of {workspace.slug}", "Example"),
        "project_id": None,
        "actor": "tests",
        "now": START,
    }
    return connections.connect(workspace, **{**asked, **changes})


def row(model: str | None = "gpt-4.1", uncached: int = 1000, output: int = 500, **more: Any) -> Any:
    usual = {"requests": 3, "dims": {"model": model}, "raw": {"model": model}}
    return UsageRow(model=model, input_uncached=uncached, output=output, **{**usual, **more})


def bucket(hour: int, *rows: UsageRow, provisional: bool = False) -> BucketReading:
    start = START + hour * HOUR
    return BucketReading(SOURCE, start, start + HOUR, provisional, rows)


def take(
    connection: ProviderConnection, *buckets: BucketReading, at: datetime = NOW, hours: int = 3
) -> Recorded:
    """Record a complete reading of the first hours; an hour that is not given was empty."""
    given = {one.bucket_start for one in buckets}
    empty = [bucket(hour) for hour in range(hours) if START + hour * HOUR not in given]
    window = Window(START, START + hours * HOUR)
    found = sorted([*buckets, *empty], key=lambda one: one.bucket_start)
    return record(connection, SOURCE, Reading(window, tuple(found), ()), current_factors(), now=at)


def co2e_grams(kind: type[models.Model] = CarbonEntry, **filters: Any) -> Decimal:
    found: Decimal | None = kind._default_manager.filter(**filters).aggregate(
        sum=Sum("co2e_grams")
    )["sum"]
    return found or Decimal()


def live_counts(connection: ProviderConnection) -> dict[tuple[int, str | None], tuple[int, int]]:
    """By hour and model, what stands: uncached input and output tokens."""
    return {
        ((event.used_at - START) // HOUR, event.model): (
            event.input_uncached_tokens,
            event.output_tokens,
        )
        for event in TelemetryEvent.objects.filter(connection=connection, is_withdrawn=False)
    }


def contents(*, without: Iterable[str] = ()) -> dict[str, list[dict[str, Any]]]:
    """Every row of every telemetry table that holds facts, without when it was written."""
    times = {"id", "read_at", "observed_at", "created_at", "updated_at", "recorded_at", *without}
    kinds = (
        *(ProviderConnection, Workload, SyncCursor, MeteredBucket),
        *(TelemetryEvent, CarbonEntry, Rollup),
    )
    polled = {"last_polled_at", "last_succeeded_at", "next_poll_at"}
    return {
        kind.__name__: [
            {
                name: bytes(value) if isinstance(value, memoryview) else value
                for name, value in stored.items()
                if name not in times | polled
            }
            for stored in kind._default_manager.order_by("pk").values()
        ]
        for kind in kinds
    }


def assert_sound() -> None:
    assert check.invariant_violations() == []
