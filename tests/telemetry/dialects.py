"""What four providers say in four ways: a row, a page of it, and the connector that reads it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from apps.common.secrets import Secret
from apps.telemetry.connectors import CONNECTORS
from apps.telemetry.connectors.base import Connector, Reading, Window
from apps.telemetry.connectors.paging import read
from tests.telemetry.recorded import Answer, RecordedServer

KEY = Secret("sk-admin-canary0123456789-abcd")
START = datetime(2026, 11, 18, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = START + 3 * HOUR + timedelta(minutes=20)
_number = count(1)


def impatient(provider: str, url: str) -> Connector:
    """A connector that does not wait between its tries."""
    kind: Any = CONNECTORS[provider]
    connector: Connector = kind(url, wait=lambda _seconds: None)
    return connector


@dataclass(frozen=True)
class Dialect:
    provider: str
    source: str
    path: str
    window: Window
    row: Callable[..., dict[str, Any]]
    bucket: Callable[..., list[dict[str, Any]]]  # what stands in the list of an answer
    names: dict[str, str]  # this provider's names of input, output and model
    page: Callable[..., Answer]

    @property
    def first(self) -> datetime:
        """Where the bucket number 0 begins."""
        return START - DAY if self.provider == "openrouter" else START

    def reading(self, server: RecordedServer, *answers: Answer) -> Reading:
        server.plays(self.path, *answers)
        connector = impatient(self.provider, server.url)
        return read(connector, KEY, self.source, self.window, NOW)

    def changed(self, **fields: Any) -> dict[str, Any]:
        """A row with other values, by the names all share."""
        return self.row(**{self.names.get(name, name): value for name, value in fields.items()})


def _openai_row(**fields: Any) -> dict[str, Any]:
    usual = {
        "object": "organization.usage.completions.result",
        "input_tokens": 100,
        "input_cached_tokens": 30,
        "input_cache_write_tokens": 10,
        "output_tokens": 5,
        "num_model_requests": 2,
        "model": "gpt-4.1",
    }
    return {**usual, **fields}


def _openai_bucket(
    *rows: dict[str, Any], hour: int = 0, clipped: timedelta = timedelta()
) -> list[dict[str, Any]]:
    start = START + hour * HOUR
    edges = {"start_time": start + clipped, "end_time": start + HOUR}
    return [{name: int(at.timestamp()) for name, at in edges.items()} | {"results": list(rows)}]


def _anthropic_row(**fields: Any) -> dict[str, Any]:
    usual = {
        "uncached_input_tokens": 60,
        "cache_read_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 8, "ephemeral_1h_input_tokens": 2},
        "output_tokens": 5,
        "model": "claude-sonnet-5",
    }
    return {**usual, **fields}


def _anthropic_bucket(
    *rows: dict[str, Any], hour: int = 0, clipped: timedelta = timedelta()
) -> list[dict[str, Any]]:
    start = START + hour * HOUR
    edges = {"starting_at": start + clipped, "ending_at": start + HOUR}
    return [{name: at.isoformat() for name, at in edges.items()} | {"results": list(rows)}]


def _bucketed(*buckets: Sequence[dict[str, Any]], cursor: str | None = None) -> Answer:
    data = [one for bucket in buckets for one in bucket]
    return Answer({"data": data, "has_more": cursor is not None, "next_page": cursor})


def _openrouter_row(**fields: Any) -> dict[str, Any]:
    usual = {
        "model": "a/b",
        "prompt_tokens": 100,
        "cached_tokens": 30,
        "completion_tokens": 5,
        "requests": 2,
        "usage": 0.25,
    }
    return {**usual, **fields}


def _openrouter_bucket(
    *rows: dict[str, Any], hour: int = 0, clipped: timedelta = timedelta()
) -> list[dict[str, Any]]:
    """`hour` is a day here, the newest of the window first."""
    date = START - DAY - hour * DAY + clipped
    return [{"date": f"{date:%Y-%m-%d %H:%M:%S}", **row} for row in rows]


def _openrouter_page(*buckets: Sequence[dict[str, Any]], cursor: str | None = None) -> Answer:  # noqa: ARG001 - the pages of the others have one
    return Answer({"data": [one for bucket in buckets for one in bucket]})


def _litellm_row(**fields: Any) -> dict[str, Any]:
    usage = {"cache_read_input_tokens": 30, "cache_creation_input_tokens": 10}
    usual = {
        "request_id": f"req-{next(_number)}",
        "prompt_tokens": 100,
        "completion_tokens": 5,
        "model": "gpt-4.1",
        "custom_llm_provider": "openai",
        "spend": 0.25,
        "metadata": {"additional_usage_values": usage},
    }
    return {**usual, **fields}


def _litellm_bucket(
    *rows: dict[str, Any], hour: int = 0, clipped: timedelta = timedelta()
) -> list[dict[str, Any]]:
    at = START + hour * HOUR + clipped
    return [{"startTime": at.isoformat(), **row} for row in rows]


def _litellm_page(*buckets: Sequence[dict[str, Any]], cursor: str | None = None) -> Answer:
    """`cursor`: how many rows there are, where that is more than the page has."""
    rows = [one for bucket in buckets for one in bucket]
    return Answer({"data": rows, "total": int(cursor or len(rows)), "page_size": 100})


THREE_HOURS = Window(START, START + 3 * HOUR)
DIALECTS = {
    "openai": Dialect(
        *("openai", "openai.completions", "/organization/usage/completions", THREE_HOURS),
        *(_openai_row, _openai_bucket),
        {"input": "input_tokens", "output": "output_tokens"},
        _bucketed,
    ),
    "anthropic": Dialect(
        *("anthropic", "anthropic.messages", "/v1/organizations/usage_report/messages"),
        *(THREE_HOURS, _anthropic_row, _anthropic_bucket),
        {"input": "uncached_input_tokens", "output": "output_tokens"},
        _bucketed,
    ),
    "openrouter": Dialect(
        *("openrouter", "openrouter.activity", "/activity", Window(START - 3 * DAY, START)),
        *(_openrouter_row, _openrouter_bucket),
        {"input": "prompt_tokens", "output": "completion_tokens"},
        _openrouter_page,
    ),
    "litellm": Dialect(
        *("litellm", "litellm.spend_logs", "/spend/logs/v2", Window(START, START + HOUR)),
        *(_litellm_row, _litellm_bucket),
        {"input": "prompt_tokens", "output": "completion_tokens"},
        _litellm_page,
    ),
}
