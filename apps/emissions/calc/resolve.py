"""From names to numbers: which model row, which operator, which grid, and all they imply."""

import functools
import math
from dataclasses import dataclass

from apps.emissions.calc.coefficients import Coefficients
from apps.emissions.calc.energy import ModelEnergy, model_energy
from apps.emissions.calc.estimate import Estimate, GridUsed, Method, Notice
from apps.emissions.calc.factors import ANY, FactorDocument, ModelRow
from apps.emissions.calc.given import NOTHING_GIVEN, Given
from apps.emissions.calc.names import normalized_model_name
from apps.emissions.calc.place import Place, find_place
from apps.emissions.calc.rates import Rates, rates

_REMEMBERED = 4096  # callers choose the names, so the memory of them is bounded


@dataclass(frozen=True, slots=True)
class Asked:
    """The names as the caller gave them, and what the caller knows better."""

    model: str | None
    provider: str | None
    region: str | None
    country: str | None
    given: Given


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """Everything about an estimate that does not depend on the token counts."""

    asked: Asked
    row: ModelRow
    energy: ModelEnergy
    place: Place
    coefficients: Coefficients
    sigma_energy: float
    rates: Rates
    grid: GridUsed
    factor_version: str
    warnings: tuple[Notice, ...]

    @property
    def tier_factor(self) -> float:
        """Energy of a call of the tier that was asked for, relative to an interactive one."""
        return self.coefficients.batch_tier_factor if self.asked.given.is_batch else 1.0

    def estimate(self, joules: float, per_joule: Rates, method: Method) -> Estimate:
        operational = per_joule.operational_co2e_grams.scaled(joules)
        embodied = per_joule.embodied_co2e_grams.scaled(joules)
        return Estimate(
            energy_kwh=per_joule.energy_kwh.scaled(joules),
            it_energy_kwh=per_joule.it_energy_kwh.scaled(joules),
            operational_co2e_grams=operational,
            embodied_co2e_grams=embodied,
            co2e_grams=operational + embodied,
            market_based_co2e_grams=(
                per_joule.market_based_operational_co2e_grams.scaled(joules) + embodied
            ),
            water_litres=per_joule.water_litres.scaled(joules),
            confidence=self.row.confidence,
            method=method,
            model_matched=self.row.pattern,
            model_found=self.row.is_specific,
            tier=self.row.tier,
            grid=self.grid,
            factor_version=self.factor_version,
            warnings=self.warnings,
        )


@functools.lru_cache(maxsize=_REMEMBERED)
def resolve(
    document: FactorDocument,
    model: str | None,
    provider: str | None = None,
    region: str | None = None,
    country: str | None = None,
    *,
    given: Given = NOTHING_GIVEN,
) -> Resolved:
    """Find the rows for these names. First match wins; what is unknown falls back and says so."""
    factors = document.coefficients
    name = normalized_model_name(model or "")
    row = document.model_row(name)
    place = find_place(
        document, row, provider=provider, region=region, country=country, given=given
    )
    energy = model_energy(row, factors)
    sigma_energy = math.hypot(
        factors.sigma_deployment, factors.sigma_server, place.sigma_pue, energy.sigma_model
    )
    return Resolved(
        asked=Asked(model, provider, region, country, given),
        row=row,
        energy=energy,
        place=place,
        coefficients=factors,
        sigma_energy=sigma_energy,
        rates=rates(place, factors, sigma_energy),
        grid=place.grid_used(),
        factor_version=document.version,
        warnings=(*_model_notices(row, name, model), *place.warnings, *_given_notices(given)),
    )


def _model_notices(row: ModelRow, name: str, model: str | None) -> tuple[Notice, ...]:
    if not name:
        return (Notice("model_missing", "No model was named: the medium tier is assumed."),)
    if not row.is_specific:
        guess = "by default" if row.pattern == ANY else "from its name"
        text = f"Model {model!r} is not in the catalogue: tier {row.tier}, {guess}."
        return (Notice("model_unknown", text),)
    return ()


def _given_notices(given: Given) -> tuple[Notice, ...]:
    told = (
        ("pue_given", given.pue, "The PUE is not the catalogue's: {:g} was given."),
        ("grid_given", given.gco2e_per_kwh, "The grid intensity was given: {:g} gCO2e/kWh."),
        (
            "tariff_given",
            given.tariff_gco2e_per_kwh,
            "A tariff for the market-based figure was given: {:g} gCO2e/kWh.",
        ),
    )
    notices = [Notice(code, text.format(value)) for code, value, text in told if value is not None]
    if given.is_batch:
        text = "Batch tier: no measurement of it is published, so no discount is taken."
        notices.append(Notice("batch_tier", text))
    return tuple(notices)
