"""What the public catalogue shows: the factor document as it is stored, and its rows."""

from datetime import date, datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from apps.emissions.calc.factors import Confidence, OperatorKind, Tier

Day = Annotated[date, Meta(description="ISO 8601; the last day is null until it is replaced.")]
Digest = Annotated[
    str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256 of the document as canonical JSON.")
]


class FactorModel(Struct, frozen=True, kw_only=True):
    """What is known about the models whose normalized name matches `pattern`; first match wins.

    Sizes are in billions of parameters. `provider` is `*` in a row that knows the tier only.
    """

    pattern: str
    provider: str
    operator: str
    tier: Tier
    active_b_low: float
    active_b_high: float
    total_b_low: float
    total_b_high: float
    architecture: str
    size_basis: str
    joules_per_output_token: float | None
    usd_per_million_output_tokens: float | None
    disclosed_gco2e_per_1k_output: float | None
    disclosed_water_litres_per_1k_output: float | None
    source_url: str
    note: str
    year: int
    confidence: Confidence
    valid_from: Day
    valid_until: Day | None


class FactorOperator(Struct, frozen=True, kw_only=True):
    """Who runs the machines: a cloud, an AI provider, or one region (`aws:eu-west-1`)."""

    operator: str
    kind: OperatorKind
    pue: float | None
    wue_litres_per_kwh: float | None
    default_country: str | None
    regions_of: str | None
    zone: str | None
    source_url: str
    note: str
    year: int
    confidence: Confidence
    valid_from: Day
    valid_until: Day | None


class FactorAlias(Struct, frozen=True):
    """Another name of an operator, and the page that writes it so."""

    alias: str
    operator: str
    source_url: str


class FactorGrid(Struct, frozen=True, kw_only=True):
    """Life-cycle intensity of a country's electricity, and the water behind it."""

    iso2: str
    iso3: str
    country: str
    gco2e_per_kwh: float
    water_litres_per_kwh: float | None
    source_url: str
    year: int
    confidence: Confidence
    valid_from: Day
    valid_until: Day | None


class FactorHardware(Struct, frozen=True, kw_only=True):
    """Evidence for the manufacture of the hardware."""

    component: str
    value: float
    unit: str
    low: float | None
    high: float | None
    boundary: str
    source_url: str
    note: str
    year: int
    confidence: Confidence
    valid_from: Day
    valid_until: Day | None


class FactorCoefficient(Struct, frozen=True, kw_only=True):
    """One coefficient of the calculation; bounds where the evidence has them."""

    value: float
    unit: str
    meaning: str
    source: str
    low: float | UnsetType = UNSET
    high: float | UnsetType = UNSET
    year: int
    confidence: Confidence
    valid_from: Day
    valid_until: Day | None


class FactorSource(Struct, frozen=True, kw_only=True):
    """Where a table comes from and what its licence asks for."""

    name: str
    sha256: str
    source: str
    url: str
    licence: str
    attribution: str


class FactorSetOutput(Struct, frozen=True, kw_only=True):
    """The whole document. Its bytes are canonical: their SHA-256 is the one of the set."""

    version: str
    effective_from: date
    coefficients: dict[str, FactorCoefficient]
    models: list[FactorModel]
    operators: list[FactorOperator]
    operator_aliases: list[FactorAlias]
    grid: list[FactorGrid]
    embodied: list[FactorHardware]
    sources: list[FactorSource]


class FactorCounts(Struct, frozen=True, kw_only=True):
    """Rows in each table."""

    coefficients: int
    models: int
    operators: int
    operator_aliases: int
    grid: int
    embodied: int
    sources: int


class FactorVersion(Struct, frozen=True, kw_only=True):
    """A published set of factors. It never changes."""

    version: str
    sha256: Digest
    effective_from: date
    published_at: datetime
    is_current: bool
    counts: FactorCounts


class FactorVersionsOutput(Struct, frozen=True):
    """All published versions, the newest first."""

    factor_sets: list[FactorVersion]


class ModelResolved(Struct, frozen=True, kw_only=True):
    """The row that a name, in whatever spelling, is calculated with."""

    name: str
    normalized: str
    pattern: str
    model_found: bool
    tier: Tier


class ModelsOutput(Struct, frozen=True, kw_only=True):
    """Model rows in order of priority. `resolved` answers a search."""

    version: str
    sha256: Digest
    resolved: ModelResolved | UnsetType = UNSET
    models: list[FactorModel]
