"""OpenAI usage pages in small, and a complete reading of what a server plays of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from apps.common.secrets import Secret
from apps.telemetry.connectors.base import Reading, Window
from apps.telemetry.connectors.openai import OpenAIConnector
from apps.telemetry.connectors.paging import read
from tests.telemetry.recorded import Answer, RecordedServer

PATH = "/organization/usage/completions"
SOURCE = "openai.completions"
KEY = Secret("sk-admin-canary0123456789-abcd")
START = datetime(2026, 11, 18, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = START + 3 * HOUR + timedelta(minutes=20)
WINDOW = Window(START, START + 3 * HOUR)


def row(**fields: Any) -> dict[str, Any]:
    usual = {
        "object": "organization.usage.completions.result",
        "input_tokens": 100,
        "input_cached_tokens": 10,
        "output_tokens": 5,
        "num_model_requests": 2,
        "model": "gpt-4.1",
        "project_id": "proj_1",
        "service_tier": "default",
    }
    return {**usual, **fields}


def bucket(hour: int, *rows: dict[str, Any], minutes: int = 60) -> dict[str, Any]:
    start = int((START + hour * HOUR).timestamp())
    return {"start_time": start, "end_time": start + minutes * 60, "results": list(rows)}


def page(*buckets: dict[str, Any], cursor: str | None = None) -> Answer:
    return Answer({"data": buckets, "has_more": cursor is not None, "next_page": cursor})


def reading(server: RecordedServer, *answers: Answer) -> Reading:
    server.plays(PATH, *answers)
    openai = OpenAIConnector(server.url, wait=lambda _seconds: None)
    return read(openai, KEY, SOURCE, WINDOW, NOW)
