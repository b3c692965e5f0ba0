"""What a workspace counts, recounted from its events by a rule in plain words."""

from collections import Counter
from typing import Any

from apps.telemetry.models import (
    TOKENS,
    DayRollup,
    Rollup,
    SignalGroup,
    SourceOfRecord,
    TelemetryEvent,
)

UPSTREAM = {
    "openai": "openai",
    "OpenAI": "openai",
    "anthropic": "anthropic",
    "Anthropic": "anthropic",
}


def counts(event: TelemetryEvent) -> bool:
    """One report of a use: the best signal, of the kind that is declared to count."""
    declared = dict(
        SourceOfRecord.objects.filter(workspace=event.workspace_id).values_list(
            "provider", "counted"
        )
    )
    if event.signal_group_id:
        best = SignalGroup.objects.get(pk=event.signal_group_id).rank
        if (event.signal_rank or 0) < best:
            return False
    if event.connection_id is None:
        return declared.get(event.provider) != "connection"
    if event.is_byok:
        named = (event.raw_payload or {}).get("provider_name")
        upstream = UPSTREAM.get(named or (event.model or "").split("/")[0])
        if upstream and declared.get(upstream) == "connection":
            return False
    return declared.get(event.provider) != "pushed"


def recounted() -> dict[tuple[str, bool, str], int]:
    """Tokens by provider, whether they were metered, and kind; zeros left out."""
    found: Counter[tuple[str, bool, str]] = Counter()
    for event in TelemetryEvent.objects.all():
        if counts(event):
            for name in TOKENS:
                found[event.provider, event.connection_id is not None, name] += getattr(event, name)
    return {key: number for key, number in found.items() if number}


def rolled_up(kind: type[Rollup | DayRollup]) -> dict[tuple[str, bool, str], int]:
    """The same of the hourly or the daily sums."""
    found: Counter[tuple[str, bool, str]] = Counter()
    rows: Any = kind._default_manager.all()
    for row in rows:
        for name in TOKENS:
            found[row.provider, row.connection_id is not None, name] += int(getattr(row, name))
    return {key: number for key, number in found.items() if number}


def assert_counted_once() -> None:
    assert rolled_up(Rollup) == rolled_up(DayRollup) == recounted()
