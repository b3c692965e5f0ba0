"""Where a model runs: the operator's overheads, the electricity it draws, and their doubt."""

from dataclasses import dataclass

from apps.emissions.calc.estimate import GridBasis, GridUsed, Notice
from apps.emissions.calc.factors import (
    ANY,
    WORLD,
    FactorDocument,
    GridRow,
    ModelRow,
    OperatorRow,
)
from apps.emissions.calc.given import NOTHING_GIVEN, Given


@dataclass(frozen=True, slots=True)
class Place:
    """One operator on one grid, with the values that a calculation takes from them."""

    operator: OperatorRow
    grid: GridRow
    basis: GridBasis
    pue: float
    wue_litres_per_kwh: float
    water_litres_per_kwh: float
    gco2e_per_kwh: float
    sigma_pue: float
    sigma_grid: float
    tariff_gco2e_per_kwh: float | None
    warnings: tuple[Notice, ...]

    def grid_used(self) -> GridUsed:
        return GridUsed(
            gco2e_per_kwh=self.gco2e_per_kwh,
            zone=self.grid.iso2,
            source="given by the caller" if self.basis == "given" else self.grid.source_url,
            year=self.grid.year,
            basis=self.basis,
            is_estimate=self.basis not in ("given", "country"),
        )


def find_place(
    document: FactorDocument,
    model: ModelRow,
    *,
    provider: str | None,
    region: str | None,
    country: str | None,
    given: Given = NOTHING_GIVEN,
) -> Place:
    """The caller's operator, region and country; else the model's; else average and world."""
    warnings: list[Notice] = []
    operator = _operator(document, model, provider, warnings)
    operator = _region(document, operator, region, warnings)
    grid, basis = _grid(document, operator, country, warnings)
    if given.gco2e_per_kwh is not None:
        basis = "given"
    factors = document.coefficients
    unknown = given.pue is None and (operator.operator == ANY or operator.kind == "benchmark")
    wue, water = operator.wue_litres_per_kwh, grid.water_litres_per_kwh
    if water is None:
        water = document.grid[WORLD].water_litres_per_kwh
    if operator.pue is None or water is None:
        raise AssertionError(f"a checked document has these: {operator.operator}, {grid.iso2}")
    return Place(
        operator=operator,
        grid=grid,
        basis=basis,
        pue=operator.pue if given.pue is None else given.pue,
        wue_litres_per_kwh=factors.default_wue_litres_per_kwh if wue is None else wue,
        water_litres_per_kwh=water,
        gco2e_per_kwh=grid.gco2e_per_kwh if given.gco2e_per_kwh is None else given.gco2e_per_kwh,
        sigma_pue=factors.sigma_pue_unknown if unknown else factors.sigma_pue_known,
        sigma_grid={
            "given": factors.sigma_grid_given,
            "country": factors.sigma_grid_country,
            "operator": factors.sigma_grid_default,
            "world": factors.sigma_grid_world,
        }[basis],
        tariff_gco2e_per_kwh=given.tariff_gco2e_per_kwh,
        warnings=tuple(warnings),
    )


def _operator(
    document: FactorDocument, model: ModelRow, provider: str | None, warnings: list[Notice]
) -> OperatorRow:
    name = (provider or "").strip()
    row = document.operator_row(name)
    if row is not None and row.kind != "router":
        return row
    if name and row is None:
        text = f"Operator {provider!r} is not in the catalogue: average data centres are assumed."
        warnings.append(Notice("provider_unknown", text))
        return document.operators[ANY]
    return document.operators[model.operator]


def _region(
    document: FactorDocument, operator: OperatorRow, region: str | None, warnings: list[Notice]
) -> OperatorRow:
    name = (region or "").strip().lower()
    if not name:
        return operator
    row = document.operators.get(f"{operator.regions_of}:{name}")
    if row is not None:
        return row
    text = f"Region {region!r} of {operator.operator} is not in the catalogue: not used."
    warnings.append(Notice("region_unknown", text))
    return operator


def _grid(
    document: FactorDocument, operator: OperatorRow, country: str | None, warnings: list[Notice]
) -> tuple[GridRow, GridBasis]:
    if country and country.strip():
        row = document.grid_row(country)
        if row is not None:
            return row, "world" if row.iso2 == WORLD else "country"
        text = f"No grid intensity for country {country!r}: the world average is used."
        warnings.append(Notice("country_unknown", text))
        return document.grid[WORLD], "world"
    if operator.default_country:
        return document.grid[operator.default_country], "operator"
    return document.grid[WORLD], "world"
