"""The moment of these tests, keys, recorded answers, and yearly means of a few zones."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apps.emissions.grid.base import Average, AveragesOf

NOW = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)
THIS_HOUR = NOW.replace(minute=0)
HOUR = timedelta(hours=1)
PAID = "em-simulated-paid-0001"
FREE = "em-simulated-free-0001"
SANDBOX = "em-simulated-sandbox-0001"
REVOKED = "em-simulated-revoked-0001"

AVERAGES = AveragesOf(
    zones={
        zone: Average(value, 2025, "electricitymaps_annual")
        for zone, value in {"DE": 334.0, "FR": 31.0, "GB": 150.0, "SE-SE3": 20.0}.items()
    },
    countries={"US-AK": Average(380.0, 2024, "ember")},
)

_ANSWERS = Path(__file__).parents[2] / "data" / "electricitymaps" / "answers.json"


def recorded(name: str) -> dict[str, Any]:
    """Status and body of one recorded answer."""
    answer = json.loads(_ANSWERS.read_text(encoding="utf-8"))[name]
    return {"status": answer["status"], "body": answer["body"]}
