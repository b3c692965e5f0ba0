"""The UK's Carbon Intensity API: Great Britain by half-hours, two days ahead, without a key.

https://carbon-intensity.github.io/api-definitions/. Its factors count what is burnt (wind, sun,
water and nuclear are zero), so they are direct and stand in no comparison with life-cycle ones.
Published under CC BY 4.0 by the National Energy System Operator.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from apps.common import http
from apps.common.outside import RefusedError
from apps.emissions.grid import fields
from apps.emissions.grid.base import (
    HALF_HOUR,
    EmissionFactorType,
    Forecast,
    ForecastPoint,
    Reading,
    floor,
)
from apps.emissions.grid.errors import NoDataError

WHO = "The UK Carbon Intensity API"
ZONE = "GB"
HORIZON_HOURS = 48

AT_ONCE = http.Limits(connect_s=1.5, read_s=2, total_s=2.5, tries=2, longest_wait_s=0.5)
IN_THE_BACKGROUND = http.Limits(connect_s=5, read_s=15, total_s=30, tries=3, longest_wait_s=4)


@dataclass(frozen=True, slots=True)
class UkCarbonIntensity:
    base_url: str
    wait: http.Wait = http.pause

    name: ClassVar[str] = "uk_carbon_intensity"
    live_for: ClassVar[timedelta] = timedelta(hours=2)

    def covers(self, zone: str, factors: EmissionFactorType) -> bool:
        return zone == ZONE and factors == "direct"

    def latest(self, zone: str, factors: EmissionFactorType, *, now: datetime) -> Reading:
        """The half-hour in progress, which is a forecast until its actual value is known."""
        self._check_covered(zone, factors)
        found = self._periods("/intensity", AT_ONCE)
        if not found:
            raise NoDataError(f"{WHO} has no value")
        return _reading(found[-1], now)

    def history(
        self, zone: str, factors: EmissionFactorType, *, now: datetime
    ) -> tuple[Reading, ...]:
        self._check_covered(zone, factors)
        found = self._periods(f"/intensity/{_written(now)}/pt24h", IN_THE_BACKGROUND)
        readings = [_reading(row, now) for row in found if _value(row) is not None]
        return tuple(sorted(readings, key=lambda reading: reading.at))

    def forecast(
        self, zone: str, factors: EmissionFactorType, *, hours: int, now: datetime
    ) -> Forecast:
        """Half-hours, the one in progress first; never more than HORIZON_HOURS of them."""
        self._check_covered(zone, factors)
        points = [
            ForecastPoint(fields.instant(row.get("from"), WHO), fields.intensity(value, WHO))
            for row in self._periods(f"/intensity/{_written(now)}/fw48h", AT_ONCE)
            if (value := _intensity(row).get("forecast")) is not None
        ]
        wanted = fields.in_steps(points, HALF_HOUR, WHO, now)
        until = now + timedelta(hours=max(hours, 1))
        return Forecast(
            zone=zone,
            generated_at=now,
            step=HALF_HOUR,
            points=tuple(point for point in wanted if point.at < until),
            source=self.name,
            emission_factor_type="direct",
        )

    def _check_covered(self, zone: str, factors: EmissionFactorType) -> None:
        if not self.covers(zone, factors):
            raise NoDataError(f"{WHO} knows direct intensities of {ZONE} only")

    def _periods(self, path: str, limits: http.Limits) -> list[Mapping[str, Any]]:
        try:
            answer = http.get_json(self.base_url + path, limits=limits, wait=self.wait).json
        except RefusedError as refusal:
            if refusal.kind == "not_found":
                raise NoDataError(refusal.message) from None
            raise
        return fields.rows(fields.document(answer, WHO).get("data"), WHO)


def _written(now: datetime) -> str:
    return f"{floor(now, HALF_HOUR):%Y-%m-%dT%H:%MZ}"


def _intensity(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return fields.document(row.get("intensity"), WHO)


def _value(row: Mapping[str, Any]) -> Any:
    about = _intensity(row)
    actual = about.get("actual")
    return about.get("forecast") if actual is None else actual


def _reading(row: Mapping[str, Any], now: datetime) -> Reading:
    is_actual = _intensity(row).get("actual") is not None
    return Reading(
        zone=ZONE,
        at=fields.present_instant(row.get("from"), WHO, now),
        gco2e_per_kwh=fields.intensity(_value(row), WHO),
        source=UkCarbonIntensity.name,
        emission_factor_type="direct",
        is_estimated=not is_actual,
        estimation_method=None if is_actual else "FORECAST",
    )
