"""The same tokens under other published methods, each with the reason why it differs."""

import csv
import functools
from dataclasses import dataclass, replace

from apps.emissions.calc.methods.differences import OURS, ecologits_difference, flat_difference
from apps.emissions.calc.methods.ecologits import EcologitsSite, ecologits_result
from apps.emissions.calc.methods.flat import FlatCoefficient, flat_coefficient, flat_result
from apps.emissions.calc.methods.results import MethodResult, our_result
from apps.emissions.calc.names import normalized_model_name
from apps.emissions.calc.resolve import Resolved, resolve
from apps.emissions.calc.tokens import token_estimate
from apps.emissions.calc.usage import TokenUsage
from apps.emissions.selectors import current_factors
from apps.emissions.services.catalogue import CATALOGUE

_COMPARISON = CATALOGUE / "comparison"


@dataclass(frozen=True, slots=True)
class _FixedPlace:
    """The PUE and the country that EcoLogits fixes for an operator, as an ISO 3166-1 code."""

    pue_low: float
    pue_high: float
    country: str


def compare(
    model: str | None,
    usage: TokenUsage,
    *,
    provider: str | None = None,
    region: str | None = None,
    country: str | None = None,
) -> list[MethodResult]:
    """Ours first, with the current factors, then EcoLogits, then the flat coefficient."""
    document = current_factors().document
    resolved = resolve(document, model, provider, region, country)
    ours = token_estimate(usage, resolved)
    gco2e_per_kwh = {iso2: row.gco2e_per_kwh for iso2, row in document.grid.items()}
    site = _site(resolved, gco2e_per_kwh)
    ecologits = ecologits_result(resolved.row, usage, site)
    coefficient = flat_coefficient(_flat_coefficients(), normalized_model_name(model or ""))
    flat = flat_result(coefficient, usage)
    return [
        replace(our_result(ours), difference=OURS),
        replace(ecologits, difference=ecologits_difference(ecologits, ours, usage, resolved, site)),
        replace(flat, difference=flat_difference(flat, ours, usage, resolved, coefficient)),
    ]


def _site(resolved: Resolved, gco2e_per_kwh: dict[str, float]) -> EcologitsSite:
    """Its own PUE and country where it fixes them; a country that the caller names prevails."""
    place = resolved.place
    fixed = _fixed_places().get(place.operator.operator)
    if fixed is None:
        basis = f"it fixes no PUE for {place.operator.operator}, so PUE and grid are ours"
        return EcologitsSite(place.pue, place.pue, place.gco2e_per_kwh, basis)
    named = place.grid.iso2 if place.basis == "country" else None
    country = named or fixed.country
    basis = f"PUE as it fixes it for this provider; our grid intensity of {country}, " + (
        "which the caller named" if named else "its own default"
    )
    return EcologitsSite(fixed.pue_low, fixed.pue_high, gco2e_per_kwh[country], basis)


@functools.cache
def _flat_coefficients() -> tuple[FlatCoefficient, ...]:
    return tuple(
        FlatCoefficient(
            model=row["model"],
            patterns=tuple(row["patterns"].split()),
            gco2e_per_1k_tokens=float(row["gco2e_per_1k_tokens"]),
            grade=row["grade"],
            source_url=row["source_url"],
            remark=row["remark"],
        )
        for row in _rows("flat_coefficients.csv")
    )


@functools.cache
def _fixed_places() -> dict[str, _FixedPlace]:
    return {
        row["operator"]: _FixedPlace(float(row["pue_low"]), float(row["pue_high"]), row["country"])
        for row in _rows("ecologits_operators.csv")
    }


def _rows(name: str) -> list[dict[str, str]]:
    with (_COMPARISON / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
