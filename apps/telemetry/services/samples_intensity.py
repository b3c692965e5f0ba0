"""The intensity of the hour and the place of each sample that names none."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from apps.emissions.calc.compute import rounded
from apps.emissions.services.grid_hours import hour_intensities, hour_of, zone_of
from apps.telemetry.selectors.samples import (
    INTENSITY_PLACES,
    Intensity,
    IntensityFor,
    country_intensities,
)
from apps.telemetry.services.samples import NewSample


def intensities_for(samples: Iterable[NewSample], *, now: datetime) -> IntensityFor:
    """What `value` asks for these samples: all of them read at once, by zone and hour.

    The country's year stands in where no zone is known, or nothing of it. Samples that bring their
    own intensity ask for nothing. May look outside: not within a transaction.
    """
    open_samples = [sample for sample in samples if sample.intensity is None]
    regions = {(sample.provider, sample.region) for sample in open_samples}
    zones = {region: zone_of(*region) for region in regions}
    places = {
        (zone, hour_of(sample.measured_at))
        for sample in open_samples
        if (zone := zones[sample.provider, sample.region]) is not None
    }
    known = {
        place: Intensity(rounded(Decimal(str(found.gco2e_per_kwh)), INTENSITY_PLACES), *found[1:])
        for place, found in hour_intensities(places, now=now).items()
    }
    of_country = country_intensities()

    def of_hour(provider: str, region: str, at: datetime) -> Intensity:
        zone = zones.get((provider, region))
        found = None if zone is None else known.get((zone, hour_of(at)))
        return found or of_country(provider, region, at)

    return of_hour
