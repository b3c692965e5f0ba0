"""Exports as a sender would write them, and what is made of them."""

import json
from datetime import UTC, datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import Any

from google.protobuf.json_format import Parse  # type: ignore[import-untyped]  # it has no types

from apps.telemetry.otlp import mapping, messages
from apps.telemetry.otlp.messages import JSON, PROTOBUF, Kind
from apps.telemetry.otlp.signals import Mapped, Signal
from apps.telemetry.otlp.wire_protobuf import FORMS

DATA = Path(__file__).parents[2] / "data" / "otlp"
NOW = datetime(2026, 11, 18, 10, tzinfo=UTC)
START = datetime(2026, 11, 18, 9, tzinfo=UTC)
TRACE = "5b8efff798038103d269b633813fc60c"
SPAN = "eee19b7ec3c1b174"
COLUMNS = ("input_uncached", "input_cache_read", "input_cache_write", "output")

CHAT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4.1",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 200,
}


def load(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text())


def nanoseconds(moment: datetime) -> str:
    return str((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000)


def pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": any_value(value)} for key, value in values.items()]


def any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value if isfinite(value) else str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(one) for one in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": pairs(value)}}
    return {"stringValue": value}


def span(values: dict[str, Any], **changes: Any) -> dict[str, Any]:
    usual = {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "chat gpt-4.1",
        "startTimeUnixNano": nanoseconds(START),
        "endTimeUnixNano": nanoseconds(START + timedelta(seconds=2)),
        "attributes": pairs(values),
    }
    return {**usual, **changes}


def traces(*spans: dict[str, Any], resource: dict[str, Any] | None = None) -> dict[str, Any]:
    told = {"service.name": "support-bot"} if resource is None else resource
    of_resource = {
        "resource": {"attributes": pairs(told)},
        "scopeSpans": [{"scope": {"name": "instrumentation"}, "spans": list(spans)}],
    }
    return {"resourceSpans": [of_resource]}


def logs(*records: dict[str, Any], resource: dict[str, Any]) -> dict[str, Any]:
    of_resource = {
        "resource": {"attributes": pairs(resource)},
        "scopeLogs": [{"scope": {"name": "events"}, "logRecords": list(records)}],
    }
    return {"resourceLogs": [of_resource]}


def record(values: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"timeUnixNano": nanoseconds(START), "attributes": pairs(values), **changes}


def metrics(*of_metrics: dict[str, Any], resource: dict[str, Any] | None = None) -> dict[str, Any]:
    of_resource = {
        "resource": {"attributes": pairs(resource or {"service.name": "claude-code"})},
        "scopeMetrics": [{"scope": {"name": "meter"}, "metrics": list(of_metrics)}],
    }
    return {"resourceMetrics": [of_resource]}


def counter(
    *points: dict[str, Any], name: str = "claude_code.token.usage", temporality: int = 1
) -> dict[str, Any]:
    data = {
        "aggregationTemporality": temporality,
        "isMonotonic": True,
        "dataPoints": list(points),
    }
    return {"name": name, "sum": data}


def point(values: dict[str, Any], value: float, **changes: Any) -> dict[str, Any]:
    usual = {
        "attributes": pairs(values),
        "startTimeUnixNano": nanoseconds(START),
        "timeUnixNano": nanoseconds(START + timedelta(minutes=1)),
        "asDouble": value,
    }
    return {**usual, **changes}


def received(kind: Kind, body: Any, *, now: datetime = NOW) -> Mapped:
    """What is made of a JSON body."""
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    return mapping.mapped(messages.decoded(kind, written, JSON), now=now)


def received_binary(kind: Kind, body: bytes, *, now: datetime = NOW) -> Mapped:
    return mapping.mapped(messages.decoded(kind, body, PROTOBUF), now=now)


def binary(kind: Kind, body: dict[str, Any]) -> bytes:
    """A JSON body without ids in its binary form."""
    parsed: bytes = Parse(json.dumps(body), FORMS[kind]()).SerializeToString()
    return parsed


def only(mapped: Mapped) -> Signal:
    assert (mapped.rejected, mapped.series) == (0, ())
    (signal,) = mapped.usages
    return signal


def tokens(signal: Signal) -> tuple[int, ...]:
    return tuple(getattr(signal.usage, column) for column in COLUMNS)
