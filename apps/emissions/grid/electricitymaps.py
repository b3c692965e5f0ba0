"""Electricity Maps: intensities of 350 zones, measured or estimated, and up to three days ahead.

https://app.electricitymaps.com/developer-hub/api/reference. Written for /v3, understands /v4.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from apps.common import http
from apps.common.outside import RefusedError
from apps.common.secrets import Secret
from apps.emissions.grid import fields
from apps.emissions.grid.base import (
    HOUR,
    EmissionFactorType,
    Forecast,
    ForecastPoint,
    Reading,
    ShareKind,
    ShareReading,
)
from apps.emissions.grid.errors import (
    NoDataError,
    NotInPlanError,
    SandboxKeyError,
    UnusableAnswerError,
)

WHO = "Electricity Maps"
LATEST = "carbon-intensity/latest"
HISTORY = "carbon-intensity/history"
FORECAST = "carbon-intensity/forecast"
SHARES: Mapping[ShareKind, str] = {
    "renewable": "renewable-energy/latest",
    "carbon_free": "carbon-free-energy/latest",
}
HORIZONS_HOURS = (24, 72)
EVERYTHING = "*"
_WRONG_KEY = "invalid auth-token"
_SANDBOX = "SANDBOX"

AT_ONCE = http.Limits(connect_s=1.5, read_s=2, total_s=2.5, tries=2, longest_wait_s=0.5)
"""While a reader waits."""
IN_THE_BACKGROUND = http.Limits(connect_s=5, read_s=15, total_s=30, tries=3, longest_wait_s=4)


@dataclass(frozen=True, slots=True)
class ElectricityMaps:
    """One key's access. `spend` is called before each request, and raises when none is left."""

    base_url: str
    key: Secret
    spend: Callable[[], None]
    wait: http.Wait = http.pause

    name: ClassVar[str] = "electricitymaps"
    live_for: ClassVar[timedelta] = timedelta(hours=3)

    def covers(self, zone: str, factors: EmissionFactorType) -> bool:
        """Any zone may be asked for; what the key's plan holds, `access` tells."""
        return bool(zone and factors)

    def access(self) -> dict[str, frozenset[str]]:
        """By zone: the endpoints that the key's plan holds, or EVERYTHING."""
        answer = fields.document(self._get("zones", [], IN_THE_BACKGROUND), WHO)
        return {
            zone: frozenset(text for text in about["access"] if isinstance(text, str))
            for zone, about in answer.items()
            if isinstance(about, Mapping) and isinstance(about.get("access"), list)
        }

    def latest(self, zone: str, factors: EmissionFactorType, *, now: datetime) -> Reading:
        answer = self._ask(LATEST, zone, _factors(factors), AT_ONCE)
        return _reading(answer, zone, factors, now)

    def history(
        self, zone: str, factors: EmissionFactorType, *, now: datetime
    ) -> tuple[Reading, ...]:
        """Hours without a value are left out."""
        answer = self._ask(HISTORY, zone, _factors(factors), IN_THE_BACKGROUND)
        found = [
            _reading(row, zone, factors, now)
            for row in _rows(answer, "history")
            if row.get("carbonIntensity") is not None
        ]
        return tuple(sorted(found, key=lambda reading: reading.at))

    def forecast(
        self, zone: str, factors: EmissionFactorType, *, hours: int, now: datetime
    ) -> Forecast:
        """Hourly, the hour in progress first, over the shortest horizon that holds `hours`."""
        horizon = next((h for h in HORIZONS_HOURS if h >= hours), HORIZONS_HOURS[-1])
        asked = [*_factors(factors), ("horizonHours", str(horizon))]
        answer = self._ask(FORECAST, zone, asked, AT_ONCE)
        points = [
            ForecastPoint(fields.instant(row.get("datetime"), WHO), fields.intensity(value, WHO))
            for row in _rows(answer, "forecast")
            if (value := row.get("carbonIntensity")) is not None
        ]
        _check_factors(answer, factors)
        return Forecast(
            zone=zone,
            generated_at=_generated_at(answer, now),
            step=HOUR,
            points=fields.in_steps(points, HOUR, WHO, now),
            source=self.name,
            emission_factor_type=factors,
        )

    def share(self, zone: str, kind: ShareKind, *, now: datetime) -> ShareReading:
        answer = self._ask(SHARES[kind], zone, [], AT_ONCE)
        return ShareReading(
            zone=zone,
            at=fields.present_instant(answer.get("datetime"), WHO, now),
            percent=fields.percentage(answer.get("value"), WHO),
            kind=kind,
            source=self.name,
            is_estimated=answer.get("isEstimated") is not False,
        )

    def _ask(
        self, endpoint: str, zone: str, params: list[tuple[str, str]], limits: http.Limits
    ) -> Mapping[str, Any]:
        """The answer for this very zone: without a place the service answers for the caller's."""
        asked = [("zone", zone), *params, ("disableCallerLookup", "true")]
        answer = fields.document(self._get(endpoint, asked, limits), WHO)
        if "error" in answer:
            raise NoDataError(f"{WHO} has no value for {zone}")
        if _is_invented(answer):
            raise SandboxKeyError(f"The key of {WHO} is a sandbox key: its numbers are invented")
        if answer.get("zone") != zone:
            raise UnusableAnswerError(f"{WHO} answered for another zone than {zone}")
        return answer

    def _get(self, endpoint: str, params: list[tuple[str, str]], limits: http.Limits) -> Any:
        self.spend()
        try:
            return http.get_json(
                f"{self.base_url}/{endpoint}",
                params=params,
                credential=http.Credential("auth-token", self.key),
                limits=limits,
                wait=self._wait_and_spend,
            ).json
        except RefusedError as refusal:
            raise _named(refusal) from None

    def _wait_and_spend(self, seconds: float) -> None:
        """A second try is a request like the first."""
        self.wait(seconds)
        self.spend()


def _named(refusal: RefusedError) -> RefusedError:
    """401 says three things here, and only one of them is about the key."""
    if refusal.kind == "auth" and refusal.status is not None:
        is_the_key = _WRONG_KEY in refusal.message.lower()
        return refusal if is_the_key else NotInPlanError(refusal.message)
    return NoDataError(refusal.message) if refusal.kind == "not_found" else refusal


def _factors(factors: EmissionFactorType) -> list[tuple[str, str]]:
    return [("emissionFactorType", factors)]


def _rows(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Under their own name in /v3, under `data` in /v4."""
    found = fields.rows(answer.get(name, answer.get("data")), WHO)
    if any(_is_invented(row) for row in found):
        raise SandboxKeyError(f"The key of {WHO} is a sandbox key: its numbers are invented")
    return found


def _is_invented(answer: Mapping[str, Any]) -> bool:
    marks = (answer.get("_disclaimer"), answer.get("estimationMethod"))
    return any(isinstance(mark, str) and _SANDBOX in mark.upper() for mark in marks)


def _reading(
    row: Mapping[str, Any], zone: str, factors: EmissionFactorType, now: datetime
) -> Reading:
    """Old answers have four members; what does not say that it was measured, was not."""
    if row.get("zone", zone) != zone:
        raise UnusableAnswerError(f"{WHO} answered for another zone than {zone}")
    _check_factors(row, factors)
    method = row.get("estimationMethod")
    return Reading(
        zone=zone,
        at=fields.present_instant(row.get("datetime"), WHO, now),
        gco2e_per_kwh=fields.intensity(row.get("carbonIntensity"), WHO),
        source=ElectricityMaps.name,
        emission_factor_type=factors,
        is_estimated=row.get("isEstimated") is not False,
        estimation_method=method[:60] if isinstance(method, str) else None,
    )


def _check_factors(row: Mapping[str, Any], factors: EmissionFactorType) -> None:
    if row.get("emissionFactorType", factors) != factors:
        raise UnusableAnswerError(f"{WHO} answered with other emission factors than {factors}")


def _generated_at(answer: Mapping[str, Any], now: datetime) -> datetime:
    told = answer.get("updatedAt")
    return now if told is None else min(fields.present_instant(told, WHO, now), now)
