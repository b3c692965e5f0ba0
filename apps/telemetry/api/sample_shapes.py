"""What a sample of compute is and what is answered: the published form, and ours beside."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

from drf_spectacular.extensions import OpenApiSerializerExtension
from msgspec import UNSET, Meta, Struct, UnsetType

from apps.common.typed import RowFault
from apps.emissions.calc.compute_factors import ResourceType, UsageUnit
from apps.emissions.services.compute_catalogue import FactorSetName

MOST_SAMPLES: Final = 10_000

Label = Annotated[str, Meta(description="1 to 64 characters, trimmed.")]
Amount = Annotated[
    Decimal,
    Meta(description="A text or a number above 0; at most 12 digits before the point, 6 after it."),
]
GivenIntensity = Annotated[
    Decimal,
    Meta(
        description="A text or a number, 0 or more; at most 8 digits before the point, 4 after it. "
        "Left out, it is looked up by provider and region."
    ),
]
InstanceType = Annotated[
    str, Meta(description="As the provider calls it, `m5.large`. Of an instance alone, and needed.")
]
Utilization = Annotated[
    Decimal,
    Meta(
        description="A text or a number from 0 to 1, at most 4 digits after the point: the mean "
        "load of an instance. Left out, 0.5."
    ),
]
ExternalId = Annotated[str, Meta(description="1 to 200 characters, trimmed.")]


class UsageSampleInput(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One metered fact. Binary multiples: 1 TB is 1024 GB; a month is 730 h.

    `factor_set`: left out, `demo-static-v1` where an intensity is given (these are demonstration
    factors, without PUE or manufacture), else `compute-2026.11.1`; an instance is valued by the
    cloud catalogue, and its amount is hours times machines. `external_id` is your own name of the
    sample: the same sample sent again is stored once.
    """

    provider: Label
    region: Label
    resource_type: ResourceType
    usage_amount: Amount
    usage_unit: UsageUnit
    measured_at: Annotated[datetime, Meta(tz=True)]
    carbon_intensity_grams_co2e_per_kwh: GivenIntensity | None = None
    factor_set: FactorSetName | None = None
    external_id: ExternalId | None = None
    instance_type: InstanceType | None = None
    utilization: Utilization | None = None


class DecimalBounds(Struct, frozen=True, gc=False):
    """Decimal strings: a central value between the lowest and the highest published factor's."""

    low: str
    central: str
    high: str


class UsageSampleOutput(Struct, frozen=True, kw_only=True, gc=False):
    """A sample with its value. `estimated_grams_co2e` is the central total of `co2e_grams`.

    Plain decimals are rounded half up to the published places; the bounds are what is stored.
    `pue` is null for an instance that an earlier cloud catalogue valued.
    """

    id: UUID
    workspace_id: UUID
    provider: str
    region: str
    resource_type: ResourceType
    instance_type: str | None
    utilization: str | None
    usage_amount: str
    usage_unit: UsageUnit
    measured_at: datetime
    normalized_usage_amount: str
    normalized_usage_unit: str
    energy_kwh: str
    carbon_intensity_grams_co2e_per_kwh: str
    estimated_grams_co2e: str
    factor_source: str
    created_at: datetime
    external_id: str | None
    is_test: bool
    intensity_source: str
    intensity_is_estimate: bool
    pue: DecimalBounds | None
    energy_kwh_bounds: DecimalBounds
    co2e_grams: DecimalBounds
    operational_co2e_grams: DecimalBounds
    embodied_co2e_grams: DecimalBounds
    warnings: tuple[str, ...]


class UsageSampleRow(Struct, frozen=True, kw_only=True, gc=False):
    """One row of a list: stored, or refused in its place where only the good ones are wanted."""

    index: int
    sample: UsageSampleOutput | UnsetType = UNSET
    error: RowFault | UnsetType = UNSET


class UsageSamplesOutput(Struct, frozen=True, kw_only=True):
    """What was stored of a list: rows in the order they were given in."""

    accepted: int
    is_test: bool
    results: list[UsageSampleRow]


class UsageSamplePage(Struct, frozen=True, kw_only=True):
    """A page of the stored samples, the latest measured first."""

    next: str | None
    previous: str | None
    results: list[UsageSampleOutput]


class SampleSums(Struct, frozen=True, kw_only=True):
    """Sums of samples. The plain decimals are the central ones, rounded half up at the end."""

    usage_sample_count: int
    energy_kwh: str
    estimated_grams_co2e: str
    energy_kwh_bounds: DecimalBounds
    co2e_grams: DecimalBounds


class WorkspaceSampleSums(SampleSums, frozen=True, kw_only=True):
    """Of one workspace."""

    workspace_id: UUID
    workspace_name: str


class ProviderSampleSums(SampleSums, frozen=True, kw_only=True):
    """Of one provider."""

    provider: str


class RegionSampleSums(SampleSums, frozen=True, kw_only=True):
    """Of one region's name, whoever the provider is."""

    region: str


class SampleTimeRange(Struct, frozen=True, kw_only=True):
    """Half-open; null where an end was left open."""

    start_time: datetime | None
    end_time: datetime | None


class SampleSummaryOutput(Struct, frozen=True, kw_only=True):
    """Sums over a time range, whole and by group in order of names."""

    time_range: SampleTimeRange
    total: SampleSums
    by_workspace: list[WorkspaceSampleSums]
    by_provider: list[ProviderSampleSums]
    by_region: list[RegionSampleSums]


class OneOrManyInput:
    """A sample, or a list of them. For the API document."""


class OneOrManyOutput:
    """What is answered to one, or to a list. For the API document."""


class OneOrManyInputExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    target_class = OneOrManyInput

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        return "UsageSampleOrSamples"

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        one = auto_schema.resolve_serializer(UsageSampleInput, direction).ref
        many = {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_SAMPLES}
        return {"oneOf": [one, many]}


class OneOrManyOutputExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    target_class = OneOrManyOutput

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        return "UsageSampleOrSamples"

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        kinds = (UsageSampleOutput, UsageSamplesOutput)
        return {"oneOf": [auto_schema.resolve_serializer(kind, direction).ref for kind in kinds]}
