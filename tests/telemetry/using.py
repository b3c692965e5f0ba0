"""Usage at the simulated provider, and where the API tells about it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from apps.telemetry.models import PollRun
from devstack.simulator.testing import RunningSimulator
from tests.telemetry.metering import HOUR, KEYS, START

CONNECTIONS = "/api/v1/connections"
SUMMARY = "/api/v1/telemetry/summary"
SERIES = "/api/v1/telemetry/timeseries"
ASKED = {"provider": "anthropic", "name": "Our Anthropic", "api_key": KEYS["anthropic"]}
DIMS = {"model": "gpt-4.1", "project_id": "proj_1"}
Poll = Callable[..., list[PollRun]]


def use(meters: RunningSimulator, hour: int = 1, **more: Any) -> str:
    """One event of OpenAI, by default seen at once; its id."""
    usual = {
        "provider": "openai",
        "time": f"{START + hour * HOUR + timedelta(minutes=20):%Y-%m-%dT%H:%M:%SZ}",
        "dims": DIMS,
        "quantities": {"input_tokens": 1000, "output_tokens": 500, "num_model_requests": 4},
    }
    return str(meters.add_event(**{**usual, **more})["id"])


def span(start: datetime, end: datetime, **more: Any) -> dict[str, Any]:
    """The query of a report."""
    times = {"start_time": start, "end_time": end}
    return {name: f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in times.items()} | more


A_DAY = span(START, START + 24 * HOUR)
