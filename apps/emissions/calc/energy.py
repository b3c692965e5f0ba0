"""What a model costs the accelerator: joules per token from its size or its meter readings."""

import math
from dataclasses import dataclass

from apps.emissions.calc.coefficients import Coefficients
from apps.emissions.calc.factors import ModelRow


@dataclass(frozen=True, slots=True)
class ModelEnergy:
    """Joules per token at the accelerator, how they grow with context, and their doubt."""

    active_b: float
    total_b: float
    reference_joules: float
    output_joules: float
    input_joules: float
    decode_context_tokens: float
    sigma_size: float
    sigma_model: float


def model_energy(row: ModelRow, factors: Coefficients) -> ModelEnergy:
    active_b = math.sqrt(row.active_b_low * row.active_b_high)
    total_b = math.sqrt(row.total_b_low * row.total_b_high)
    metered = row.joules_per_output_token
    reference = _decode_joules(active_b, total_b, factors) if metered is None else metered
    output = factors.deployment_factor * reference
    operations = factors.prefill_flop_per_parameter * 1e9 * active_b
    context = factors.decode_context_tokens_per_b * total_b
    sigma_size = _sigma_size(row, factors)
    return ModelEnergy(
        active_b=active_b,
        total_b=total_b,
        reference_joules=reference,
        output_joules=output,
        input_joules=min(operations / factors.prefill_flop_per_joule, factors.prefill_cap * output),
        decode_context_tokens=min(
            max(context, factors.decode_context_min), factors.decode_context_max
        ),
        sigma_size=sigma_size,
        sigma_model=(
            math.hypot(factors.sigma_regression, sigma_size)
            if metered is None
            else factors.sigma_measured
        ),
    )


def _decode_joules(active_b: float, total_b: float, factors: Coefficients) -> float:
    """Regression over metered runs, at the reference batch."""
    return (
        factors.decode_scale
        * math.pow(active_b, factors.decode_active_exponent)
        * math.pow(total_b / active_b, factors.decode_spread_exponent)
        * math.pow(factors.reference_batch, factors.decode_batch_exponent)
    )


def _sigma_size(row: ModelRow, factors: Coefficients) -> float:
    smallest = _decode_joules(row.active_b_low, row.total_b_low, factors)
    largest = _decode_joules(row.active_b_high, row.total_b_high, factors)
    return math.log(largest / smallest) / factors.size_range_divisor
