"""The summable columns that an entry and a rollup share, and how exact each is."""

from typing import Final

from django.db import models

ENERGY_PLACES = 15
"""A single output token of a small model is about 4e-8 kWh: 15 places keep seven digits of it."""
MASS_PLACES = 12
"""Grams and litres alike: the same token is about 2e-5 g."""
COST_PLACES = 12
"""A token of the cheapest model costs about 1e-8 USD."""


def energy_column() -> models.DecimalField:
    """Kilowatt-hours, exact to a femto-kWh."""
    return models.DecimalField(max_digits=36, decimal_places=ENERGY_PLACES)


def mass_column() -> models.DecimalField:
    """Grams of CO2e (or litres of water), exact to a pico-unit."""
    return models.DecimalField(max_digits=36, decimal_places=MASS_PLACES)


def cost_column() -> models.DecimalField:
    """US dollars as the provider reports them; null where it reports none."""
    return models.DecimalField(max_digits=36, decimal_places=COST_PLACES, null=True)


def count_column() -> models.DecimalField:
    """A whole number whose sums may need more than 64 bits."""
    return models.DecimalField(max_digits=30, decimal_places=0)


TOKENS: Final = (
    "input_uncached_tokens",
    "input_cache_read_tokens",
    "input_cache_write_tokens",
    "output_tokens",
)
BOUNDED: Final = (
    "energy_kwh",
    "co2e_grams",
    "operational_co2e_grams",
    "embodied_co2e_grams",
    "market_based_co2e_grams",
    "water_litres",
)
"""The quantities that carry bounds."""
UNKNOWABLE: Final = ("requests", "cost_usd")
"""The quantities that not every report tells: null is unknown, and never 0."""
SUMMED: Final = (
    *TOKENS,
    *UNKNOWABLE,
    *(f"{name}{bound}" for name in BOUNDED for bound in ("_low", "", "_high")),
)
"""Every summable column of `Quantities`."""


class Quantities(models.Model):
    """The summable columns of entries and rollups: tokens, energy, mass, water, with bounds.

    In an entry each is a difference and may be negative; in a rollup each is a sum.
    """

    input_uncached_tokens = count_column()
    input_cache_read_tokens = count_column()
    input_cache_write_tokens = count_column()
    output_tokens = count_column()
    requests = models.DecimalField(max_digits=30, decimal_places=0, null=True)
    cost_usd = cost_column()
    energy_kwh_low = energy_column()
    energy_kwh = energy_column()
    energy_kwh_high = energy_column()
    operational_co2e_grams_low = mass_column()
    operational_co2e_grams = mass_column()
    operational_co2e_grams_high = mass_column()
    embodied_co2e_grams_low = mass_column()
    embodied_co2e_grams = mass_column()
    embodied_co2e_grams_high = mass_column()
    co2e_grams_low = mass_column()
    co2e_grams = mass_column()
    co2e_grams_high = mass_column()
    market_based_co2e_grams_low = mass_column()
    market_based_co2e_grams = mass_column()
    market_based_co2e_grams_high = mass_column()
    water_litres_low = mass_column()
    water_litres = mass_column()
    water_litres_high = mass_column()

    class Meta:
        abstract = True
