"""The factor document: every factor of one version, typed, checked and frozen."""

import fnmatch
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from apps.emissions.calc.coefficients import Coefficient, Coefficients, read_coefficients
from apps.emissions.calc.rows import InvalidFactorsError, read_row, read_rows

Tier = Literal["reasoning", "large", "medium", "small"]
Confidence = Literal["measured", "benchmarked", "estimated"]
OperatorKind = Literal["cloud", "ai_provider", "benchmark", "router", "region"]

ANY = "*"  # the pattern that matches every model; the operator that nobody named
WORLD = "ZZ"  # the grid row for a place that nobody named


@dataclass(frozen=True, slots=True)
class ModelRow:
    """What is known about the models whose normalized name matches `pattern`."""

    pattern: str
    provider: str  # "*" for a row that knows the tier only
    operator: str  # who is assumed to run it when the caller does not say
    tier: Tier
    active_b_low: float
    active_b_high: float
    total_b_low: float
    total_b_high: float
    architecture: str
    confidence: Confidence
    size_basis: str
    source_url: str
    note: str
    joules_per_output_token: float | None
    usd_per_million_output_tokens: float | None
    disclosed_gco2e_per_1k_output: float | None
    disclosed_water_litres_per_1k_output: float | None

    def __post_init__(self) -> None:
        ordered = 0 < self.active_b_low <= self.active_b_high
        if not (ordered and 0 < self.total_b_low <= self.total_b_high):
            raise InvalidFactorsError(f"model {self.pattern}: sizes are not ranges above zero")

    @property
    def is_specific(self) -> bool:
        return self.provider != ANY


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """Who runs the machines: a cloud, an AI provider, or one region (`aws:eu-west-1`)."""

    operator: str
    kind: OperatorKind
    pue: float | None
    wue_litres_per_kwh: float | None
    default_country: str | None
    regions_of: str | None  # whose regions this operator's regions are
    zone: str | None
    year: int
    source_url: str
    note: str

    def __post_init__(self) -> None:
        if self.kind != "router" and (self.pue is None or self.pue < 1):
            raise InvalidFactorsError(f"operator {self.operator}: a PUE is at least 1")


@dataclass(frozen=True, slots=True)
class GridRow:
    """Life-cycle intensity of a country's electricity, and the water behind it."""

    iso2: str
    iso3: str
    country: str
    gco2e_per_kwh: float
    water_litres_per_kwh: float | None
    year: int
    source_url: str

    def __post_init__(self) -> None:
        if self.gco2e_per_kwh <= 0:
            raise InvalidFactorsError(f"grid {self.iso2}: intensity is not above zero")


@dataclass(frozen=True, slots=True)
class EmbodiedRow:
    """Evidence for the manufacture of the hardware; the coefficients carry its result."""

    component: str
    value: float
    unit: str
    low: float | None
    high: float | None
    boundary: str
    year: int
    source_url: str
    note: str


@dataclass(frozen=True, slots=True)
class SourceFile:
    """Where a table comes from and what its licence asks for."""

    name: str
    sha256: str
    source: str
    url: str
    licence: str
    attribution: str


@dataclass(frozen=True, slots=True, eq=False)
class FactorDocument:
    """All factors of one version. Compared by identity, so that results can be cached by it."""

    version: str
    effective_from: str
    coefficients: Coefficients
    coefficient_notes: Mapping[str, Coefficient]
    models: tuple[ModelRow, ...]
    operators: Mapping[str, OperatorRow]
    grid: Mapping[str, GridRow]
    embodied: tuple[EmbodiedRow, ...]
    sources: tuple[SourceFile, ...]
    _matchers: tuple[tuple[Callable[[str], object], ModelRow], ...]
    _iso3: Mapping[str, str]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "FactorDocument":
        """Read and check a document. Raises InvalidFactorsError and names the row."""
        try:
            models = read_rows(ModelRow, data["models"], "pattern")
            grid = read_rows(GridRow, data["grid"], "iso2")
            notes = read_coefficients(data["coefficients"])
            document = cls(
                version=str(data["version"]),
                effective_from=str(data["effective_from"]),
                coefficients=Coefficients.from_notes(notes),
                coefficient_notes=notes,
                models=tuple(models.values()),
                operators=read_rows(OperatorRow, data["operators"], "operator"),
                grid=grid,
                embodied=tuple(read_rows(EmbodiedRow, data["embodied"], "component").values()),
                sources=tuple(read_row(SourceFile, row, "sources") for row in data["sources"]),
                _matchers=tuple((_matcher(row.pattern), row) for row in models.values()),
                _iso3={row.iso3: row.iso2 for row in grid.values()},
            )
        except KeyError as missing:
            raise InvalidFactorsError(f"missing: {missing.args[0]}") from missing
        document._check_references()
        return document

    def model_row(self, normalized_name: str) -> ModelRow:
        """The first row whose pattern matches; the last row matches everything."""
        return next(row for matches, row in self._matchers if matches(normalized_name))

    def grid_row(self, country: str) -> GridRow | None:
        """By ISO 3166-1 code of two or three letters, in any case."""
        code = country.strip().upper()
        return self.grid.get(self._iso3.get(code, code))

    def _check_references(self) -> None:
        if not self.models or self.models[-1].pattern != ANY:
            raise InvalidFactorsError(f"the last model row is not {ANY}")
        if ANY not in self.operators:
            raise InvalidFactorsError(f"operator {ANY} is missing")
        if WORLD not in self.grid or self.grid[WORLD].water_litres_per_kwh is None:
            raise InvalidFactorsError(f"grid {WORLD} with its water is missing")
        for model in self.models:
            if model.operator not in self.operators:
                raise InvalidFactorsError(f"model {model.pattern}: no operator {model.operator}")
        for row in self.operators.values():
            if row.default_country is not None and row.default_country not in self.grid:
                raise InvalidFactorsError(f"operator {row.operator}: no grid for its country")


def _matcher(pattern: str) -> Callable[[str], object]:
    # compiled here: fnmatch's own cache is smaller than the list of models
    return re.compile(fnmatch.translate(pattern)).match
