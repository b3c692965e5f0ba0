"""What makes two reports the same report: identities, never over more of a batch than one item."""

import hashlib
import json
from typing import Any


def span(trace_id: str, span_id: str) -> str:
    return f"span:{trace_id}:{span_id}"


def event(*parts: str | int | None) -> str:
    """Of a log event: tool and request id, or all that tells it from the session's other events."""
    return f"event:{digest(list(parts)).hex()}"


def point(series: bytes, start_ns: int, time_ns: int) -> str:
    """Of an interval of a series."""
    return f"point:{digest([series.hex(), start_ns, time_ns]).hex()}"


def digest(value: list[Any]) -> bytes:
    """SHA-256 of nested lists of texts and integers."""
    written = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(written.encode()).digest()
