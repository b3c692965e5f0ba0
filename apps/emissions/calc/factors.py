"""The factor document: every factor of one version, typed, checked and frozen."""

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal

from apps.emissions.calc.coefficients import Coefficient, Coefficients, read_coefficients
from apps.emissions.calc.rows import InvalidFactorsError, read_row, read_rows

Tier = Literal["reasoning", "large", "medium", "small"]
Confidence = Literal["measured", "benchmarked", "estimated"]
OperatorKind = Literal["cloud", "ai_provider", "benchmark", "router", "region"]

ANY = "*"  # the pattern that matches every model; the operator that nobody named
WORLD = "ZZ"  # the grid row for a place that nobody named

_SOURCED = re.compile(r"https?://|\bassum", re.IGNORECASE)
_GAPS = re.compile(r"[._\s-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How good the evidence of a row is, of which year, and when the row is used."""

    year: int  # of the evidence, not of what it speaks about
    confidence: Confidence  # metered or published by the maker; of comparable things; assumed
    valid_from: str
    valid_until: str | None  # None: until a newer version replaces it

    def check_evidence(self, row: str, source: str) -> None:
        """Raise InvalidFactorsError unless `source` is an address or says that it assumes."""
        try:
            first = date.fromisoformat(self.valid_from)
            last = date.fromisoformat(self.valid_until or self.valid_from)
        except ValueError as problem:
            raise InvalidFactorsError(f"{row}: not a date: {problem}") from problem
        if last < first:
            raise InvalidFactorsError(f"{row}: valid_until is before valid_from")
        if not _SOURCED.search(source):
            raise InvalidFactorsError(f"{row}: neither a source nor a stated assumption")


@dataclass(frozen=True, slots=True)
class ModelRow(Evidence):
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
        self.check_evidence(f"model {self.pattern}", self.source_url or self.note)

    @property
    def is_specific(self) -> bool:
        return self.provider != ANY


@dataclass(frozen=True, slots=True)
class OperatorRow(Evidence):
    """Who runs the machines: a cloud, an AI provider, or one region (`aws:eu-west-1`)."""

    operator: str
    kind: OperatorKind
    pue: float | None
    wue_litres_per_kwh: float | None
    default_country: str | None
    regions_of: str | None  # whose regions this operator's regions are
    zone: str | None
    source_url: str
    note: str

    def __post_init__(self) -> None:
        if self.kind != "router" and (self.pue is None or self.pue < 1):
            raise InvalidFactorsError(f"operator {self.operator}: a PUE is at least 1")
        self.check_evidence(f"operator {self.operator}", self.source_url or self.note)


@dataclass(frozen=True, slots=True)
class AliasRow:
    """Another name of an operator, as some interface or router writes it."""

    alias: str
    operator: str
    source_url: str


@dataclass(frozen=True, slots=True)
class GridRow(Evidence):
    """Life-cycle intensity of a country's electricity, and the water behind it."""

    iso2: str
    iso3: str
    country: str
    gco2e_per_kwh: float
    water_litres_per_kwh: float | None
    source_url: str

    def __post_init__(self) -> None:
        if self.gco2e_per_kwh <= 0:
            raise InvalidFactorsError(f"grid {self.iso2}: intensity is not above zero")
        self.check_evidence(f"grid {self.iso2}", self.source_url)


@dataclass(frozen=True, slots=True)
class EmbodiedRow(Evidence):
    """Evidence for the manufacture of the hardware; the coefficients carry its result."""

    component: str
    value: float
    unit: str
    low: float | None
    high: float | None
    boundary: str
    source_url: str
    note: str

    def __post_init__(self) -> None:
        self.check_evidence(f"embodied {self.component}", self.source_url or self.note)


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
    coefficient_evidence: Mapping[str, Evidence]
    models: tuple[ModelRow, ...]
    operators: Mapping[str, OperatorRow]
    grid: Mapping[str, GridRow]
    embodied: tuple[EmbodiedRow, ...]
    sources: tuple[SourceFile, ...]
    _matchers: tuple[tuple[Callable[[str], object], ModelRow], ...]
    _iso3: Mapping[str, str]
    _named: Mapping[str, OperatorRow]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "FactorDocument":
        """Read and check a document. Raises InvalidFactorsError and names the row."""
        try:
            models = read_rows(ModelRow, data["models"], "pattern")
            grid = read_rows(GridRow, data["grid"], "iso2")
            notes, evidence = _coefficients(data["coefficients"])
            operators = read_rows(OperatorRow, data["operators"], "operator")
            aliases = read_rows(AliasRow, data["operator_aliases"], "alias")
            document = cls(
                version=str(data["version"]),
                effective_from=str(data["effective_from"]),
                coefficients=Coefficients.from_notes(notes),
                coefficient_notes=notes,
                coefficient_evidence=evidence,
                models=tuple(models.values()),
                operators=operators,
                grid=grid,
                embodied=tuple(read_rows(EmbodiedRow, data["embodied"], "component").values()),
                sources=tuple(read_rows(SourceFile, data["sources"], "name").values()),
                _matchers=tuple((_matcher(row.pattern), row) for row in models.values()),
                _iso3={row.iso3: row.iso2 for row in grid.values()},
                _named=_named(operators, aliases.values()),
            )
        except KeyError as missing:
            raise InvalidFactorsError(f"missing: {missing.args[0]}") from missing
        document._check_references()
        return document

    def model_row(self, normalized_name: str) -> ModelRow:
        """The first row whose pattern matches; the last row matches everything."""
        return next(row for matches, row in self._matchers if matches(normalized_name))

    def operator_row(self, name: str) -> OperatorRow | None:
        """By its own name or an alias, in any case: `aws.bedrock` and `Amazon_Bedrock` are one."""
        return self.operators.get(name.strip().lower()) or self._named.get(_folded(name))

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


def _coefficients(
    data: Mapping[str, Mapping[str, Any]],
) -> tuple[Mapping[str, Coefficient], Mapping[str, Evidence]]:
    """What each coefficient means, and beside it how good that is."""
    dated = {field.name for field in fields(Evidence)}
    notes = read_coefficients(
        {name: {key: row[key] for key in row.keys() - dated} for name, row in data.items()}
    )
    evidence = {}
    for name, row in data.items():
        known = {key: row[key] for key in row if key in dated}
        evidence[name] = read_row(Evidence, known, f"coefficient {name}")
        evidence[name].check_evidence(f"coefficient {name}", notes[name].source)
    return notes, evidence


def _named(
    operators: Mapping[str, OperatorRow], aliases: Iterable[AliasRow]
) -> dict[str, OperatorRow]:
    named = {_folded(name): row for name, row in operators.items()}
    for row in aliases:
        if row.operator not in operators:
            raise InvalidFactorsError(f"operator alias {row.alias}: no operator {row.operator}")
        if _folded(row.alias) in named:
            raise InvalidFactorsError(f"operator alias {row.alias}: the name is taken")
        named[_folded(row.alias)] = operators[row.operator]
    return named


def _folded(name: str) -> str:
    return _GAPS.sub("-", name.strip().lower())


def _matcher(pattern: str) -> Callable[[str], object]:
    # compiled here: fnmatch's own cache is smaller than the list of models
    return re.compile(fnmatch.translate(pattern)).match
