"""The formula of EcoLogits 0.11.3, in our own words: output tokens, 16-bit weights, batch 64.

Source: https://github.com/genai-impact/ecologits/blob/main/ecologits/impacts/llm.py.
Sizes are in billions of parameters.
"""

import math
from dataclasses import dataclass

from apps.emissions.calc.factors import ModelRow
from apps.emissions.calc.interval import Interval
from apps.emissions.calc.methods.results import MethodResult
from apps.emissions.calc.usage import TokenUsage

_GPU_ENERGY_PER_B = 1.1665273170451914e-06  # Wh per output token, before the batch is shared
_GPU_ENERGY_BATCH_DECAY = -0.011205921025579175
_GPU_ENERGY_FLOOR = 4.052928146734005e-05  # Wh per output token
_LATENCY_PER_B = 0.0006785088094353663  # seconds per output token
_LATENCY_PER_REQUEST = 0.0003119310311688259
_LATENCY_FLOOR = 0.019473717579473387
_BATCH = 64
_BYTES_PER_PARAMETER = 2  # 16-bit weights
_MEMORY_OVERHEAD = 1.2
_GPU_MEMORY_GB = 80
_GPUS_PER_SERVER = 8
_SERVER_KW = 1.2
_SERVER_KG = 5700
_GPU_KG = 273
_LIFETIME_SECONDS = 3 * 365 * 24 * 3600
_SECONDS_PER_HOUR = 3600
_GRAMS_PER_KG = 1000


@dataclass(frozen=True, slots=True)
class EcologitsCase:
    """One model size in one place. `tokens_per_second` and `first_token_seconds` when published."""

    active_b: float
    total_b: float
    pue: float
    gco2e_per_kwh: float
    tokens_per_second: float | None = None
    first_token_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class EcologitsImpact:
    """What the formula says of one case: the use of the hardware, and its manufacture."""

    energy_kwh: float
    operational_co2e_grams: float
    embodied_co2e_grams: float

    @property
    def co2e_grams(self) -> float:
        return self.operational_co2e_grams + self.embodied_co2e_grams


@dataclass(frozen=True, slots=True)
class EcologitsSite:
    """The data centre of one calculation; `basis` says whose PUE and whose grid these are."""

    pue_low: float
    pue_high: float
    gco2e_per_kwh: float
    basis: str


def ecologits_result(row: ModelRow, usage: TokenUsage, site: EcologitsSite) -> MethodResult:
    """Least size at least PUE to largest at largest: the only bounds that the method has."""
    least, most = (
        ecologits_impact(
            EcologitsCase(active_b, total_b, pue, site.gco2e_per_kwh),
            usage.output,
            requests=usage.requests,
        )
        for active_b, total_b, pue in (
            (row.active_b_low, row.total_b_low, site.pue_low),
            (row.active_b_high, row.total_b_high, site.pue_high),
        )
    )
    return MethodResult(
        name="ecologits",
        version="0.11.3",
        formula=(
            "energy = PUE x (server power x latency / 64 + GPUs x energy per GPU and output token);"
            " GPUs hold 16-bit weights and a fifth more, rounded up to a power of two;"
            " CO2e = energy x grid intensity + latency x hardware / (3 years x 64)"
        ),
        leaves_out=(
            "prompt tokens, cached or not",
            "growth with the length of the context",
            "doubt about batch, engine and hardware: the bounds are of size and PUE alone",
            "training, networks and devices of the users",
        ),
        source_url="https://github.com/genai-impact/ecologits/blob/main/ecologits/impacts/llm.py",
        is_available=True,
        energy_kwh=_between(least.energy_kwh, most.energy_kwh),
        co2e_grams=_between(least.co2e_grams, most.co2e_grams),
        note=_note(row, site),
    )


def _note(row: ModelRow, site: EcologitsSite) -> str:
    stand_in = "" if row.is_specific else ", a tier, for want of this model"
    return (
        f"Our implementation of its formula, with the sizes of our row {row.pattern}{stand_in},"
        f" not with its own list of models; {site.basis}. Latency by its regression, without the"
        " speeds it lists. The central value is the geometric middle of its two bounds."
    )


def ecologits_impact(
    case: EcologitsCase, output_tokens: int, *, requests: int = 1
) -> EcologitsImpact:
    """Input and cached tokens are no argument: the formula does not see them."""
    gpus = required_gpus(case.total_b)
    seconds = output_tokens * _seconds_per_token(case) + requests * case.first_token_seconds
    server_kwh = seconds / _SECONDS_PER_HOUR * _SERVER_KW * gpus / _GPUS_PER_SERVER / _BATCH
    gpu_kwh = output_tokens * _gpu_kwh_per_token(case.active_b)
    kwh = case.pue * (server_kwh + gpus * gpu_kwh)
    hardware_kg = gpus / _GPUS_PER_SERVER * _SERVER_KG + gpus * _GPU_KG
    embodied_kg = seconds * hardware_kg / (_LIFETIME_SECONDS * _BATCH)
    return EcologitsImpact(kwh, kwh * case.gco2e_per_kwh, embodied_kg * _GRAMS_PER_KG)


def required_gpus(total_b: float) -> int:
    """A power of two, enough for the weights and a fifth more."""
    gigabytes = _MEMORY_OVERHEAD * total_b * _BYTES_PER_PARAMETER
    return 1 << (math.ceil(gigabytes / _GPU_MEMORY_GB) - 1).bit_length()


def _gpu_kwh_per_token(active_b: float) -> float:
    """Of one GPU: each of them is taken to draw as much as the regression's."""
    shared = math.exp(_GPU_ENERGY_BATCH_DECAY * _BATCH)
    return (_GPU_ENERGY_PER_B * shared * active_b + _GPU_ENERGY_FLOOR) / 1000


def _seconds_per_token(case: EcologitsCase) -> float:
    if case.tokens_per_second is not None:
        return 1 / case.tokens_per_second
    return _LATENCY_PER_B * case.active_b + _LATENCY_PER_REQUEST * _BATCH + _LATENCY_FLOOR


def _between(low: float, high: float) -> Interval:
    """A range of one value has its middle exactly there, whatever a square root rounds to."""
    return Interval(low, min(max(math.sqrt(low * high), low), high), high)
