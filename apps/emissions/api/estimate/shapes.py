"""What goes into an estimate and what comes out: the published token contract, and ours beside."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from apps.common.typed import RowFault
from apps.emissions.calc.estimate import Method
from apps.emissions.calc.factors import Confidence, Tier

MOST_ROWS = 1000
_MOST = 10**12

Count = Annotated[int, Meta(ge=0, le=_MOST)]
Positive = Annotated[int, Meta(ge=1, le=_MOST)]
Name = Annotated[str, Meta(max_length=200)]
Country = Annotated[
    str,
    Meta(
        min_length=2,
        max_length=2,
        pattern="^[A-Za-z]{2}$",
        description="ISO 3166-1 alpha-2; one without a known intensity is the world's average.",
    ),
]
Intensity = Annotated[float, Meta(ge=0, le=10_000)]
Watts = Annotated[float, Meta(ge=0, le=1e9)]


class CallInput(Struct, frozen=True, kw_only=True):
    """The counts of a call, or of several alike, and where it ran; `null` is as good as nothing.

    Cached and written tokens are parts of `prompt_tokens`, reasoning tokens of
    `completion_tokens`. Names of models and providers as they are reported.
    """

    model: Name
    prompt_tokens: Count
    completion_tokens: Count
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    requests: Positive | None = None
    provider: Name | None = None
    region: Name | None = None
    country: Country | None = None
    batch: bool | None = None


class EstimateInput(CallInput, frozen=True, kw_only=True):
    """A call to estimate. `datacenter_country` and `country` are one thing under two names."""

    method: Method | None = None
    duration_ms: Positive | None = None
    datacenter_country: Country | None = None
    grid_intensity_gco2e_per_kwh: Intensity | None = None
    power_watts: Watts | None = None
    factor_version: Name | None = None


class Quantity(Struct, frozen=True):
    """A best estimate between the bounds of its 90 % interval."""

    low: float
    central: float
    high: float


class EstimateDetails(Struct, frozen=True, kw_only=True):
    """How the plain figure came about, with the numbers of this request."""

    formula: str
    total_tokens: int
    coefficient_per_1k: float
    method: Method


class EstimateGrid(Struct, frozen=True, kw_only=True):
    """The electricity that was calculated with; an estimate when its place was assumed."""

    gco2e_per_kwh: float
    zone: str
    source: str
    year: int
    is_estimate: bool


class EstimateWarning(Struct, frozen=True):
    """Something the reader of the figure has to know."""

    code: str
    text: str


class HardwareContext(Struct, frozen=True, kw_only=True):
    """The machine that the hardware method assumed, or the power that was metered."""

    accelerators: int | None
    board_power_kw: float | None
    sharing_requests: float | None
    metered_power_watts: float | None
    server_factor: float
    pue: float
    duration_ms: int
    country: str
    gco2e_per_kwh: float


class MethodComparison(Struct, frozen=True, kw_only=True):
    """Both methods on the same call. `ratio` is hardware by token; null where the token's is 0."""

    token_co2_grams: float
    hardware_co2_grams: float
    ratio: float | None


class EstimateOutput(Struct, frozen=True, kw_only=True):
    """`estimated_co2_grams` is the central total of `co2e_grams`. Nothing of it is stored."""

    estimated_co2_grams: float
    confidence: Confidence
    source: str
    billed_event: bool
    total_tokens: int
    co2_per_1k_tokens_used: float
    warning: str | UnsetType = UNSET
    calculation_details: EstimateDetails
    hardware_context: HardwareContext | UnsetType = UNSET
    comparison: MethodComparison | UnsetType = UNSET
    green_datacenter_tip: str | UnsetType = UNSET
    energy_kwh: Quantity
    co2e_grams: Quantity
    operational_co2e_grams: Quantity
    embodied_co2e_grams: Quantity
    water_litres: Quantity
    factor_version: str
    methodology_version: str
    model_matched: str
    model_found: bool
    tier: Tier
    method: Method
    grid: EstimateGrid
    warnings: list[EstimateWarning]
    equivalents: list[str]
    explanation_url: str


class EstimateBatchInput(Struct, frozen=True, kw_only=True):
    """Calls that are estimated with one version of the factors."""

    items: Annotated[list[EstimateInput], Meta(min_length=1, max_length=MOST_ROWS)]
    factor_version: Name | None = None


class EstimateBatchParts(Struct, frozen=True, kw_only=True):
    """The same before its rows are read, for who wants the good ones of them."""

    items: Annotated[list[Any], Meta(min_length=1, max_length=MOST_ROWS)]
    factor_version: Name | None = None


class EstimateSums(Struct, frozen=True, kw_only=True):
    """Lows added to lows and highs to highs: what is uncertain is common to all calls."""

    energy_kwh: Quantity
    co2e_grams: Quantity
    operational_co2e_grams: Quantity
    embodied_co2e_grams: Quantity
    water_litres: Quantity


class RefusedRow(Struct, frozen=True):
    """In the place of an estimate, where only the good rows were asked for."""

    index: int
    error: RowFault


_EITHER = [
    {"$ref": "#/components/schemas/Estimate"},
    {
        "type": "object",
        "description": RefusedRow.__doc__,
        "required": ["index", "error"],
        "properties": {
            "index": {"type": "integer", "minimum": 0},
            "error": {
                "type": "object",
                "description": RowFault.__doc__,
                "required": ["code", "message", "details"],
                "properties": {
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                    "details": {"type": "object", "additionalProperties": True},
                },
            },
        },
    },
]
Row = Annotated[Any, Meta(extra_json_schema={"anyOf": _EITHER})]
"""EstimateOutput or RefusedRow; msgspec describes no union of structs that bear no tag."""


class EstimateBatchOutput(Struct, frozen=True, kw_only=True):
    """The rows in the order they were given in, and their sum."""

    results: list[Row]
    total: EstimateSums
    factor_version: str
