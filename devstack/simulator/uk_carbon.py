"""The UK's Carbon Intensity API, https://carbon-intensity.github.io/api-definitions/: half-hours.

Without a key. A period's actual value is known one period later.
"""

import re

from devstack.simulator import grid_zones
from devstack.simulator.clock import rfc3339, unix
from devstack.simulator.simulator import Simulator
from devstack.simulator.wire import JsonObject, RefusedError, Reply, Request, json_reply

HALF_HOUR = 1800
SPANS = {"fw24h": (0, 48), "fw48h": (0, 96), "pt24h": (-47, 48)}
INDEX = ((50, "very low"), (130, "low"), (210, "moderate"), (310, "high"))
_SPAN = re.compile(r"/intensity/([^/]+)/(fw24h|fw48h|pt24h)")
_CODES = {400: "400 Bad Request", 404: "404 Not Found", 500: "500 Internal Server Error"}


def error(status: int, message: str | None = None) -> Reply:
    code = _CODES.get(status, str(status))
    text = message or "Please see the documentation."
    return json_reply({"error": {"code": code, "message": text}}, status)


def answer(request: Request, path: str, simulator: Simulator) -> Reply:
    now = simulator.clock.now()
    if request.method == "GET" and path == "/intensity":
        return json_reply({"data": [_period(now // HALF_HOUR * HALF_HOUR, now)]})
    match = _SPAN.fullmatch(path) if request.method == "GET" else None
    if match is None:
        raise RefusedError(error(404))
    try:
        asked = unix(match[1])
    except ValueError as refusal:
        raise RefusedError(error(400, "Dates are written like 2026-01-31T12:30Z.")) from refusal
    offset, count = SPANS[match[2]]
    # A time on the half-hour belongs to the period that ends there, as at the real service.
    first = (asked - 1) // HALF_HOUR + offset
    periods = range(first * HALF_HOUR, (first + count) * HALF_HOUR, HALF_HOUR)
    return json_reply({"data": [_period(at, now) for at in periods]})


def _period(at: int, now: int) -> JsonObject:
    value = grid_zones.intensity("GB", at, direct=True)
    return {
        "from": _minute(at),
        "to": _minute(at + HALF_HOUR),
        "intensity": {
            "forecast": value + 3,
            "actual": value if at + HALF_HOUR <= now else None,
            "index": next((word for below, word in INDEX if value < below), "very high"),
        },
    }


def _minute(seconds: int) -> str:
    return rfc3339(seconds)[:16] + "Z"
