"""Which of the known intensities is the answer, rung by rung, and in which words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apps.emissions.grid.base import (
    Average,
    Averages,
    EmissionFactorType,
    Intensity,
    Reading,
    Rung,
)
from apps.emissions.services.grid_history import HourMean
from apps.emissions.services.grid_shelf import Kept, Trouble

STALEST = timedelta(hours=12)
"""An older value says less than the mean of its hour over the last days."""
NAMES: Mapping[str, str] = {
    "electricitymaps": "Electricity Maps",
    "uk_carbon_intensity": "the UK Carbon Intensity API",
    "electricitymaps_annual": "Electricity Maps",
    "ember": "Ember",
}


@dataclass(frozen=True, slots=True)
class Heard:
    """What a source said of a zone, whether that is the present, and why it is not newer."""

    kept: Kept[Reading] | None
    is_live: bool
    trouble: Trouble | None

    def is_better_than(self, other: "Heard") -> bool:
        if self.kept is None or other.kept is None:
            return self.kept is not None
        if self.is_live != other.is_live:
            return self.is_live
        return self.kept.value.at > other.kept.value.at


def from_reading(heard: Heard, now: datetime) -> Intensity | None:
    """Rungs 1 to 3: live and measured, live and estimated, or stale. None when there is nothing."""
    if heard.kept is None:
        return None
    reading, age = heard.kept.value, _age(now, heard.kept.value.at)
    if not heard.is_live and age > STALEST:
        return None
    who = NAMES.get(reading.source, reading.source)
    if heard.is_live:
        how = "estimated by" if reading.is_estimated else "measured, says"
        reason = f"Live: {how} {who} for {clock_time(reading.at)}."
    else:
        why = f"{heard.trouble.reason}. " if heard.trouble else ""
        reason = f"{why}The last value of {who}, for {clock_time(reading.at)}, stands in."
    live: Rung = "live_estimated" if reading.is_estimated else "live_measured"
    return Intensity(
        zone=reading.zone,
        at=reading.at,
        gco2e_per_kwh=reading.gco2e_per_kwh,
        source=reading.source,
        emission_factor_type=reading.emission_factor_type,
        is_estimated=reading.is_estimated,
        estimation_method=reading.estimation_method,
        age=age,
        rung=live if heard.is_live else "stale",
        reason=reason,
    )


def from_pattern(
    zone: str, factors: EmissionFactorType, mean: HourMean, why: str, now: datetime
) -> Intensity:
    """Rung 4: the same hour of the last days. Its time is that of the newest of them."""
    who = NAMES.get(mean.source, mean.source)
    return Intensity(
        zone=zone,
        at=mean.newest_at,
        gco2e_per_kwh=mean.gco2e_per_kwh,
        source=mean.source,
        emission_factor_type=factors,
        is_estimated=True,
        estimation_method="HOUR_OF_DAY_MEAN",
        age=_age(now, mean.newest_at),
        rung="recent_pattern",
        reason=f"{why}. The mean of this hour over {mean.days} of the last days, by {who}, "
        "stands in.",
    )


def from_tables(
    zone: str, factors: EmissionFactorType, averages: Averages, why: str, now: datetime
) -> Intensity:
    """Rungs 5 to 7: the zone's year, its country's year, unknown. The tables are life-cycle."""
    if factors == "lifecycle":
        of_zone = averages.of_zone(zone)
        if of_zone is not None:
            return _from_average(zone, "zone_average", of_zone, why, now)
        of_country = averages.of_country(zone)
        if of_country is not None:
            return _from_average(zone, "country_average", of_country, why, now)
    return Intensity(
        zone=zone,
        at=None,
        gco2e_per_kwh=None,
        source="none",
        emission_factor_type=factors,
        is_estimated=True,
        estimation_method=None,
        age=None,
        rung="unknown",
        reason=f"{why}. No {_WORDS[factors]} value of {zone} is known.",
    )


def clock_time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _from_average(zone: str, rung: Rung, average: Average, why: str, now: datetime) -> Intensity:
    who = NAMES.get(average.source, average.source)
    what = "the zone" if rung == "zone_average" else "the whole country, with other factors,"
    at = datetime(average.year, 1, 1, tzinfo=UTC)
    return Intensity(
        zone=zone,
        at=at,
        gco2e_per_kwh=average.gco2e_per_kwh,
        source=average.source,
        emission_factor_type="lifecycle",
        is_estimated=True,
        estimation_method="ANNUAL_MEAN",
        age=_age(now, at),
        rung=rung,
        reason=f"{why}. The mean of {what} in {average.year}, by {who}, stands in.",
    )


_WORDS: Mapping[EmissionFactorType, str] = {"lifecycle": "life-cycle", "direct": "direct"}


def _age(now: datetime, at: datetime) -> timedelta:
    """Never negative: clocks differ a little."""
    return max(now - at, timedelta())
