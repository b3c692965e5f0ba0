"""What sources say of a grid's carbon intensity, and what is made of it. Pure.

Intensities are grams CO2e per kilowatt-hour, averages over the mix that is consumed, never
marginal. Life-cycle and direct factors differ several times over: a value has one of them, and
the two never stand in one comparison.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal, Protocol

EmissionFactorType = Literal["lifecycle", "direct"]
ShareKind = Literal["renewable", "carbon_free"]
Rung = Literal[
    "live_measured",
    "live_estimated",
    "stale",
    "recent_pattern",
    "zone_average",
    "country_average",
    "unknown",
]

HALF_HOUR = timedelta(minutes=30)
HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def floor(moment: datetime, width: timedelta) -> datetime:
    """The beginning of the step that a moment lies in, UTC."""
    return _EPOCH + (moment - _EPOCH) // width * width


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source said of one zone and the step that begins at `at`."""

    zone: str
    at: datetime
    gco2e_per_kwh: float
    source: str
    emission_factor_type: EmissionFactorType
    is_estimated: bool
    estimation_method: str | None = None  # an open list: stored as it came


@dataclass(frozen=True, slots=True)
class ShareReading:
    """How much of a zone's electricity is renewable, or free of carbon (nuclear added)."""

    zone: str
    at: datetime
    percent: float
    kind: ShareKind
    source: str
    is_estimated: bool


@dataclass(frozen=True, slots=True)
class ForecastPoint:
    """The mean over one step that begins at `at`."""

    at: datetime
    gco2e_per_kwh: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """Steps to come, ascending, the first one in progress. A missing step is simply not there.

    `pattern` is no forecast but the mean of the same hour over the last days.
    """

    zone: str
    generated_at: datetime
    step: timedelta
    points: tuple[ForecastPoint, ...]
    source: str
    emission_factor_type: EmissionFactorType
    kind: Literal["forecast", "pattern"] = "forecast"


@dataclass(frozen=True, slots=True)
class Intensity:
    """The answer to "what is it now", with where it comes from, how old it is and why it is that.

    `age` is from the beginning of the step (of an average: of its year) to the question. An
    unknown intensity has neither value nor time.
    """

    zone: str
    at: datetime | None
    gco2e_per_kwh: float | None
    source: str
    emission_factor_type: EmissionFactorType
    is_estimated: bool
    estimation_method: str | None
    age: timedelta | None
    rung: Rung
    reason: str

    @property
    def is_estimate(self) -> bool:
        """Anything else than a measurement of the present."""
        return self.rung != "live_measured"


@dataclass(frozen=True, slots=True)
class Share:
    """A share of now, with its age."""

    zone: str
    at: datetime
    percent: float
    kind: ShareKind
    source: str
    is_estimated: bool
    age: timedelta


@dataclass(frozen=True, slots=True)
class Outlook:
    """A forecast with the reason why it is this one; or the reason why there is none."""

    zone: str
    forecast: Forecast | None
    is_stale: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Average:
    """A life-cycle mean over a whole year, from a table."""

    gco2e_per_kwh: float
    year: int
    source: str


class Averages(Protocol):
    """The tables of annual means, all of them life-cycle."""

    def of_zone(self, zone: str) -> Average | None:
        """Of the grid zone itself."""
        ...

    def of_country(self, zone: str) -> Average | None:
        """Of the country that the zone lies in, with another publisher's factors."""
        ...


@dataclass(frozen=True, slots=True)
class AveragesOf:
    """Tables at hand."""

    zones: Mapping[str, Average]
    countries: Mapping[str, Average]  # by zone too

    def of_zone(self, zone: str) -> Average | None:
        return self.zones.get(zone)

    def of_country(self, zone: str) -> Average | None:
        return self.countries.get(zone)


class GridSource(Protocol):
    """One publisher. Every call may raise an OutsideError, whose text is fit to be shown."""

    name: ClassVar[str]
    live_for: ClassVar[timedelta]
    """How long after the beginning of its step a reading still counts as the present."""

    def covers(self, zone: str, factors: EmissionFactorType) -> bool: ...

    def latest(self, zone: str, factors: EmissionFactorType, *, now: datetime) -> Reading: ...

    def history(
        self, zone: str, factors: EmissionFactorType, *, now: datetime
    ) -> tuple[Reading, ...]:
        """The last 24 hours, ascending."""
        ...

    def forecast(
        self, zone: str, factors: EmissionFactorType, *, hours: int, now: datetime
    ) -> Forecast: ...
