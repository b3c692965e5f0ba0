"""One job on one instance type in one region: energy, grams and price."""

from dataclasses import dataclass, replace

from apps.emissions.calc.interval import Interval
from apps.emissions.optimizer.offers import Instance, Region, ZoneIntensity
from apps.emissions.optimizer.power import (
    DEFAULT_UTILISATION,
    Bounded,
    embodied_grams,
    energy_kwh,
)
from apps.emissions.optimizer.units import Unit, size_in


@dataclass(frozen=True, slots=True)
class Run:
    """What a job would cost the air there. Bounds are those of power, not of the grid's figure."""

    region: Region
    instance: Instance
    intensity: ZoneIntensity
    hours: float
    count: float = 1.0
    utilisation: float = DEFAULT_UTILISATION

    @property
    def energy_kwh(self) -> Bounded:
        """With the region's PUE."""
        return energy_kwh(
            self.instance,
            hours=self.hours,
            pue=self.region.pue,
            count=self.count,
            utilisation=self.utilisation,
        )

    @property
    def operational_co2e_grams(self) -> Interval:
        return self.energy_kwh.interval.scaled(self.intensity.gco2e_per_kwh)

    @property
    def embodied_co2e_grams(self) -> Bounded:
        return embodied_grams(self.instance, hours=self.hours, count=self.count)

    @property
    def co2e_grams(self) -> Interval:
        return self.operational_co2e_grams + self.embodied_co2e_grams.interval

    @property
    def usd(self) -> float | None:
        """List price of `instance.usd_region`, which need not be this region."""
        price = self.instance.usd_per_hour
        return None if price is None else price * self.hours * self.count

    def work(self, unit: Unit) -> float:
        """Units of work that the job does."""
        return size_in(unit, self.instance) * self.hours * self.count

    def at(self, gco2e_per_kwh: float) -> "Run":
        """The same run on electricity of another hour, such as the mean of a window."""
        return replace(self, intensity=replace(self.intensity, gco2e_per_kwh=gco2e_per_kwh))
