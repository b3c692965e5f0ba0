"""The hardware method: energy from the time a request took, or from a metered power."""

import math
from dataclasses import dataclass

from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.rates import JOULES_PER_KWH, rates
from apps.emissions.calc.resolve import Resolved

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class HardwareEstimate:
    """An estimate and the machine it assumes; the machine is absent when power was metered."""

    estimate: Estimate
    duration_seconds: float
    it_kwh: float
    sigma_energy: float
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
    hours = duration_seconds / SECONDS_PER_HOUR
    if power_watts is None:
        count: int | None = accelerators(resolved)
        it_kwh, sigma = _assumed(resolved, hours)
    else:
        count = None
        it_kwh, sigma = power_watts / 1000 * hours, resolved.coefficients.sigma_hardware_metered
    return HardwareEstimate(
        estimate=_estimate(resolved, it_kwh, sigma),
        duration_seconds=duration_seconds,
        it_kwh=it_kwh,
        sigma_energy=sigma,
        accelerators=count,
        board_power_kw=None if count is None else resolved.coefficients.hardware_board_kw,
        sharing_requests=None if count is None else resolved.coefficients.hardware_sharing,
        server_factor=resolved.coefficients.server_factor,
        pue=resolved.place.pue,
        metered_power_watts=power_watts,
    )


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


def sigma_parts(resolved: Resolved) -> dict[str, float]:
    """The doubts about an assumed machine, as log standard deviations."""
    factors, row = resolved.coefficients, resolved.row
    is_exact = row.total_b_low == row.total_b_high
    return {
        "sharing": factors.sigma_hardware_sharing,
        "board_power": factors.sigma_hardware_power,
        "server": factors.sigma_server,
        "model_size": (
            factors.sigma_hardware_exact_size if is_exact else factors.sigma_hardware_size_range
        ),
    }


def _assumed(resolved: Resolved, hours: float) -> tuple[float, float]:
    """What the request takes of the servers' kWh, and the log standard deviation of that."""
    factors = resolved.coefficients
    board_kwh = accelerators(resolved) * factors.hardware_board_kw * hours
    it_kwh = board_kwh * factors.server_factor / factors.hardware_sharing
    return it_kwh, math.hypot(*sigma_parts(resolved).values())


def _estimate(resolved: Resolved, it_kwh: float, sigma: float) -> Estimate:
    factors = resolved.coefficients
    joules = it_kwh / factors.server_factor * JOULES_PER_KWH
    return resolved.estimate(joules, rates(resolved.place, factors, sigma), "hardware")
