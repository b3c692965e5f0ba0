"""Reading an export as its reader does."""

import csv
import gzip
import io
import json
from typing import Any

EXPORT = "/api/v1/export/telemetry"
CALCULATIONS = "/api/v1/export/calculations"


def body_of(answer: Any) -> bytes:
    assert answer.status_code == 200, answer.content
    body = b"".join(answer.streaming_content)
    return gzip.decompress(body) if answer.headers.get("Content-Encoding") == "gzip" else body


def csv_rows(answer: Any) -> list[dict[str, str]]:
    text = body_of(answer).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def json_rows(answer: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body_of(answer).split(b"\n")[:-1]]


def unguarded(cell: str) -> str:
    """The text that a guarded cell stands for."""
    return cell.removeprefix("'")
