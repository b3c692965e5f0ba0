"""Uses as senders report them, without a door."""

from typing import Any

from apps.telemetry.pushed import PushedUsage, Source
from tests.telemetry.metering import START


def pushed(name: str, source: Source = "track", provider: str = "openai", **more: Any) -> Any:
    usual = {"input_uncached": 100, "output": 10, "used_at": START, "used_until": START}
    return PushedUsage(
        source=source, name=name, provider=provider, model="gpt-4.1", **{**usual, **more}
    )
