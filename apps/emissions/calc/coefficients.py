"""The coefficients of the calculation, and where each of them comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from apps.emissions.calc.rows import InvalidFactorsError, read_row


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One coefficient with its unit, its meaning and its evidence."""

    value: float
    unit: str
    meaning: str
    source: str
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Coefficients:
    """The bare values, by name. What each of them means is in the document beside it."""

    decode_scale: float
    decode_active_exponent: float
    decode_spread_exponent: float
    decode_batch_exponent: float
    reference_batch: float
    deployment_factor: float
    batch_tier_factor: float
    prefill_flop_per_parameter: float
    prefill_flop_per_joule: float
    prefill_cap: float
    context_free_tokens: float
    decode_context_tokens_per_b: float
    decode_context_min: float
    decode_context_max: float
    prefill_context_tokens: float
    cache_write_factor: float
    cache_read_factor: float
    server_factor: float
    grid_loss: float
    embodied_grams_per_accelerator_kwh: float
    default_wue_litres_per_kwh: float
    sigma_deployment: float
    sigma_server: float
    sigma_measured: float
    sigma_regression: float
    size_range_divisor: float
    sigma_pue_known: float
    sigma_pue_unknown: float
    sigma_grid_given: float
    sigma_grid_country: float
    sigma_grid_default: float
    sigma_grid_world: float
    sigma_embodied: float
    sigma_water: float
    disclosure_band: float
    hardware_memory_overhead: float
    hardware_bytes_per_parameter: float
    hardware_memory_gb: float
    hardware_board_kw: float
    hardware_sharing: float
    sigma_hardware_sharing: float
    sigma_hardware_power: float
    sigma_hardware_exact_size: float
    sigma_hardware_size_range: float
    sigma_hardware_metered: float

    @classmethod
    def from_notes(cls, notes: Mapping[str, Coefficient]) -> "Coefficients":
        expected = {field.name for field in fields(cls)}
        if odd := expected ^ set(notes):
            raise InvalidFactorsError(f"coefficients missing or unknown: {', '.join(sorted(odd))}")
        return cls(**{name: note.value for name, note in notes.items()})


def read_coefficients(data: Mapping[str, Mapping[str, Any]]) -> dict[str, Coefficient]:
    """Bounds may be left out: they document the evidence and are not calculated with."""
    bare: dict[str, Any] = {"low": None, "high": None}
    return {
        name: read_row(Coefficient, {**bare, **note}, f"coefficient {name}")
        for name, note in data.items()
    }
