"""Every quantity of one joule: the chain from the accelerator to the air is linear."""

import math
from dataclasses import dataclass

from apps.emissions.calc.coefficients import Coefficients
from apps.emissions.calc.interval import Interval, around
from apps.emissions.calc.place import Place

JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True)
class Rates:
    """What one accelerator joule costs in this place."""

    energy_kwh: Interval
    it_energy_kwh: Interval
    operational_co2e_grams: Interval
    embodied_co2e_grams: Interval
    market_based_operational_co2e_grams: Interval
    water_litres: Interval


def rates(place: Place, factors: Coefficients, sigma_energy: float) -> Rates:
    accelerator_kwh = 1.0 / JOULES_PER_KWH
    it_kwh = accelerator_kwh * factors.server_factor
    kwh = it_kwh * place.pue
    operational = around(
        kwh * place.gco2e_per_kwh * (1.0 + factors.grid_loss),
        math.hypot(sigma_energy, place.sigma_grid),
    )
    embodied = accelerator_kwh * factors.embodied_grams_per_accelerator_kwh
    water = it_kwh * place.wue_litres_per_kwh + kwh * place.water_litres_per_kwh
    return Rates(
        energy_kwh=around(kwh, sigma_energy),
        it_energy_kwh=around(it_kwh, sigma_energy),
        operational_co2e_grams=operational,
        embodied_co2e_grams=around(embodied, math.hypot(sigma_energy, factors.sigma_embodied)),
        market_based_operational_co2e_grams=(
            operational
            if place.tariff_gco2e_per_kwh is None
            else around(
                kwh * place.tariff_gco2e_per_kwh,
                math.hypot(sigma_energy, factors.sigma_grid_given),
            )
        ),
        water_litres=around(water, math.hypot(sigma_energy, factors.sigma_water)),
    )
