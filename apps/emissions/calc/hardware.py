"""The hardware method: energy from the time a request took, or from a metered power."""

import math
from dataclasses import dataclass

from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.rates import JOULES_PER_KWH, rates
from apps.emissions.calc.resolve import Resolved

_SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class HardwareEstimate:
    """An estimate and the machine it assumes; the machine is absent when power was metered."""

    estimate: Estimate
    accelerators: int | None
    board_power_kw: float | None
    sharing_requests: float | None
    server_factor: float
    pue: float
    metered_power_watts: float | None


def hardware_estimate(
    resolved: Resolved, *, duration_seconds: float, power_watts: float | None = None
) -> HardwareEstimate:
    """Energy of a request that took this long. Waiting time counts as if it were work."""
    for value in (duration_seconds, 0.0 if power_watts is None else power_watts):
        if not 0.0 <= value < math.inf:
            raise ValueError(f"not a duration or a power: {value}")
    hours = duration_seconds / _SECONDS_PER_HOUR
    factors = resolved.coefficients
    if power_watts is not None:
        it_kwh = power_watts / 1000 * hours
        return _hardware_estimate(resolved, it_kwh, factors.sigma_hardware_metered, power_watts)
    board_kwh = accelerators(resolved) * factors.hardware_board_kw * hours
    it_kwh = board_kwh * factors.server_factor / factors.hardware_sharing
    return _hardware_estimate(resolved, it_kwh, _sigma(resolved), None)


def accelerators(resolved: Resolved) -> int:
    """A power of two, enough for the weights and some working memory."""
    factors = resolved.coefficients
    gigabytes = (
        factors.hardware_memory_overhead
        * resolved.energy.total_b
        * factors.hardware_bytes_per_parameter
    )
    needed = max(1, math.ceil(gigabytes / factors.hardware_memory_gb))
    return 1 << (needed - 1).bit_length()


def _sigma(resolved: Resolved) -> float:
    factors, row = resolved.coefficients, resolved.row
    is_exact = row.total_b_low == row.total_b_high
    return math.hypot(
        factors.sigma_hardware_sharing,
        factors.sigma_hardware_power,
        factors.sigma_server,
        factors.sigma_hardware_exact_size if is_exact else factors.sigma_hardware_size_range,
    )


def _hardware_estimate(
    resolved: Resolved, it_kwh: float, sigma: float, metered: float | None
) -> HardwareEstimate:
    factors = resolved.coefficients
    joules = it_kwh / factors.server_factor * JOULES_PER_KWH
    per_joule = rates(resolved.place, factors, sigma)
    is_metered = metered is not None
    return HardwareEstimate(
        estimate=resolved.estimate(joules, per_joule, "hardware"),
        accelerators=None if is_metered else accelerators(resolved),
        board_power_kw=None if is_metered else factors.hardware_board_kw,
        sharing_requests=None if is_metered else factors.hardware_sharing,
        server_factor=factors.server_factor,
        pue=resolved.place.pue,
        metered_power_watts=metered,
    )
