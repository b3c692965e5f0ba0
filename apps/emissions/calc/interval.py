"""A quantity with its doubt: a best estimate between two bounds of a 90 % interval."""

import math
from dataclasses import dataclass

Z90 = 1.6449  # a 90 % interval reaches this many standard deviations to each side


@dataclass(frozen=True, slots=True)
class Interval:
    """A best estimate between two bounds, all in one unit, none below zero."""

    low: float
    central: float
    high: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.low <= self.central <= self.high < math.inf:
            raise ValueError(f"not an interval: {self.low} {self.central} {self.high}")

    def __add__(self, other: "Interval") -> "Interval":
        """Lows with lows and highs with highs: the dominant error is common to all calls."""
        return Interval(self.low + other.low, self.central + other.central, self.high + other.high)

    def scaled(self, factor: float) -> "Interval":
        return Interval(self.low * factor, self.central * factor, self.high * factor)

    def as_dict(self) -> dict[str, float]:
        return {"low": self.low, "central": self.central, "high": self.high}


def around(central: float, log_sd: float) -> Interval:
    """The 90 % interval of a lognormal quantity: central x exp(-/+ Z90 log_sd)."""
    spread = math.exp(Z90 * log_sd)
    return Interval(central / spread, central, central * spread)


def band(central: float, share: float) -> Interval:
    """A flat band: central x (1 -/+ share)."""
    return Interval(central * (1.0 - share), central, central * (1.0 + share))
