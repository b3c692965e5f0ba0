"""The yearly means that stand in where nothing newer is known: the catalogues of this release."""

from dataclasses import dataclass

from apps.emissions import cloud
from apps.emissions.errors import NoCurrentFactorsError
from apps.emissions.grid.base import Average
from apps.emissions.selectors import recent_factors


@dataclass(frozen=True, slots=True)
class CatalogueAverages:
    """Of a zone by Electricity Maps, of its country by Ember through the current factor set."""

    def of_zone(self, zone: str) -> Average | None:
        row = cloud.catalogue().zone(zone)
        if row is None:
            return None
        return Average(row.gco2e_per_kwh, row.year, "electricitymaps_annual")

    def of_country(self, zone: str) -> Average | None:
        """A zone's key begins with its country."""
        try:
            grid = recent_factors().document.grid
        except NoCurrentFactorsError:
            return None
        row = grid.get(zone.partition("-")[0])
        return None if row is None else Average(row.gco2e_per_kwh, row.year, "ember")
