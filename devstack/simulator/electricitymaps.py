"""Electricity Maps /v3: zones, intensities now, of the last day and ahead, and two shares.

https://app.electricitymaps.com/developer-hub/api/reference
"""

from collections.abc import Callable

from devstack.simulator import grid_zones
from devstack.simulator.clock import rfc3339
from devstack.simulator.grid_zones import HOUR
from devstack.simulator.keys import Key, known_key
from devstack.simulator.simulator import Simulator
from devstack.simulator.wire import JsonObject, RefusedError, Reply, Request, json_reply

CALLERS_ZONE = "US-CAR-DUK"  # where the service finds whoever names no zone
FREE_ZONE = "DE"
FREE_ACCESS = ("carbon-intensity/latest", "carbon-intensity/history")
HORIZONS = {"6", "24", "48", "72"}
SANDBOX = "SANDBOX MODE: these numbers are made up. Take a plan for real ones."
MESSAGES = {
    400: "Bad request",
    401: "Invalid auth-token",
    404: "Not found",
    429: "Too many requests",
    500: "Internal server error",
    503: "Service unavailable",
}


def error(status: int, message: str | None = None) -> Reply:
    return json_reply({"error": message or MESSAGES.get(status, "Error")}, status)


def answer(request: Request, path: str, simulator: Simulator) -> Reply:
    endpoint = path.removeprefix("/")
    key = known_key("electricitymaps", request.headers.get("auth-token", ""))
    if (request.method, endpoint) == ("GET", "zones"):
        return json_reply(_zones(key))
    if key is None or key.kind == "revoked":
        raise RefusedError(error(401))
    now = simulator.clock.now()
    zone = request.last("zone")
    if zone is None:
        if request.last("disableCallerLookup") == "true":
            raise RefusedError(error(400, "No zone could be determined"))
        zone = CALLERS_ZONE
    if request.method != "GET" or endpoint not in DOORS:
        raise RefusedError(error(404))
    _check_plan(key, zone, endpoint)
    body = DOORS[endpoint](zone, request, now)
    return json_reply(_invented(body) if key.kind == "sandbox" else body)


def _zones(key: Key | None) -> JsonObject:
    """Names for anybody; with a key, what its plan may see."""
    if key is None or key.kind == "revoked":
        return {name: {"zoneName": zone.name} for name, zone in grid_zones.ZONES.items()}
    if key.kind == "free":
        about = {"zoneName": grid_zones.ZONES[FREE_ZONE].name, "access": list(FREE_ACCESS)}
        return {FREE_ZONE: about}
    return {
        name: {"zoneName": zone.name, "access": ["*"]} for name, zone in grid_zones.ZONES.items()
    }


def _check_plan(key: Key, zone: str, endpoint: str) -> None:
    if key.kind == "free" and (zone != FREE_ZONE or endpoint not in FREE_ACCESS):
        data, _, asked = endpoint.partition("/")
        message = f"Request unauthorized for zoneKey={zone},requestType={asked},dataType={data}."
        why = "You do not have access to this specific endpoint for this specific zone."
        body = {"error": message} | ({} if zone == FREE_ZONE else {"message": why})
        raise RefusedError(json_reply(body, 401))


def _is_direct(request: Request) -> bool:
    return request.last("emissionFactorType") == "direct"


def _moment(seconds: int) -> str:
    return rfc3339(seconds).replace("Z", ".000Z")


def _latest(zone: str, request: Request, now: int) -> JsonObject:
    return _row(zone, now // HOUR * HOUR, request, now)


def _row(zone: str, at: int, request: Request, now: int) -> JsonObject:
    direct = _is_direct(request)
    is_estimated = grid_zones.zone(zone).is_estimated and now - at < 4 * HOUR
    return {
        "zone": zone,
        "carbonIntensity": grid_zones.intensity(zone, at, direct=direct),
        "datetime": _moment(at),
        "updatedAt": _moment(now),
        "createdAt": _moment(at - 3 * 24 * HOUR),
        "emissionFactorType": "direct" if direct else "lifecycle",
        "isEstimated": is_estimated,
        "estimationMethod": "TIME_SLICER_AVERAGE" if is_estimated else None,
        "temporalGranularity": "hourly",
    }


def _history(zone: str, request: Request, now: int) -> JsonObject:
    first = now // HOUR * HOUR - 23 * HOUR
    hours = range(first, first + 24 * HOUR, HOUR)
    return {
        "zone": zone,
        "history": [_row(zone, at, request, now) for at in hours],
        "temporalGranularity": "hourly",
    }


def _forecast(zone: str, request: Request, now: int) -> JsonObject:
    """The hour in progress and as many after it as the horizon has."""
    horizon = request.last("horizonHours") or "24"
    if horizon not in HORIZONS:
        raise RefusedError(error(400, f"Expected one of {', '.join(sorted(HORIZONS, key=int))}"))
    first = now // HOUR * HOUR
    points = [
        {
            "carbonIntensity": grid_zones.intensity(zone, at, direct=_is_direct(request)),
            "datetime": _moment(at),
        }
        for at in range(first, first + (int(horizon) + 1) * HOUR, HOUR)
    ]
    return {
        "zone": zone,
        "forecast": points,
        "updatedAt": _moment(now),
        "temporalGranularity": "hourly",
    }


def _share(zone: str, percent: float, now: int) -> JsonObject:
    return {
        "zone": zone,
        "datetime": _moment(now // HOUR * HOUR),
        "updatedAt": _moment(now),
        "createdAt": _moment(now),
        "unit": "%",
        "value": percent,
        "isEstimated": grid_zones.zone(zone).is_estimated,
        "estimationMethod": None,
        "temporalGranularity": "hourly",
    }


def _renewable(zone: str, _request: Request, now: int) -> JsonObject:
    return _share(zone, grid_zones.zone(zone).renewable, now)


def _carbon_free(zone: str, _request: Request, now: int) -> JsonObject:
    return _share(zone, grid_zones.zone(zone).carbon_free, now)


def _invented(body: JsonObject) -> JsonObject:
    """What a sandbox key gets: marked as the real service marks it."""
    rows = body.get("history", [])
    marked = [{**row, "estimationMethod": "SANDBOX_MODE_DATA"} for row in rows]
    return {"_disclaimer": SANDBOX, **body} | ({"history": marked} if rows else {})


DOORS: dict[str, Callable[[str, Request, int], JsonObject]] = {
    "carbon-intensity/latest": _latest,
    "carbon-intensity/history": _history,
    "carbon-intensity/forecast": _forecast,
    "renewable-energy/latest": _renewable,
    "carbon-free-energy/latest": _carbon_free,
}
