"""What a caller knows better than the catalogue about one use of a model."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Given:
    """Facts that replace the catalogue's values. None: the catalogue's value stands.

    `gco2e_per_kwh` is the intensity of the grid that the machines draw from, location-based.
    `tariff_gco2e_per_kwh` is what a supply contract states; it decides the market-based figure
    alone and never the location-based one.
    """

    pue: float | None = None
    gco2e_per_kwh: float | None = None
    tariff_gco2e_per_kwh: float | None = None
    is_batch: bool = False

    def __post_init__(self) -> None:
        if self.pue is not None and not 1.0 <= self.pue < math.inf:
            raise ValueError(f"not a PUE: {self.pue}")
        for intensity in (self.gco2e_per_kwh, self.tariff_gco2e_per_kwh):
            if intensity is not None and not 0.0 <= intensity < math.inf:
                raise ValueError(f"not a grid intensity: {intensity}")


NOTHING_GIVEN = Given()
