"""What a caller knows better than the catalogue: what it replaces, and what it leaves alone."""

import math
from typing import Any

import pytest

from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.given import NOTHING_GIVEN, Given
from apps.emissions.calc.hardware import hardware_estimate
from apps.emissions.calc.interval import Z90
from apps.emissions.calc.resolve import Asked, Resolved, resolve
from apps.emissions.calc.tokens import token_estimate
from apps.emissions.calc.usage import TokenUsage

USAGE = TokenUsage(input=1000, output=500)
DISCLOSED = "mistral-large-2407"


def resolved_with(document: FactorDocument, model: str = "gpt-4o", **given: Any) -> Resolved:
    return resolve(document, model, country="FR", given=Given(**given))


def estimated(document: FactorDocument, model: str = "gpt-4o", **given: Any) -> Estimate:
    return token_estimate(USAGE, resolved_with(document, model, **given))


def codes(estimate: Estimate) -> list[str]:
    return [notice.code for notice in estimate.warnings]


def test_a_given_pue_replaces_the_operators_and_is_known(document: FactorDocument) -> None:
    usual = resolve(document, "some-new-model")
    resolved = resolve(document, "some-new-model", given=Given(pue=1.5))
    before, after = token_estimate(USAGE, usual), token_estimate(USAGE, resolved)

    assert (usual.place.pue, usual.place.sigma_pue) == (1.25, 0.087)
    assert (resolved.place.pue, resolved.place.sigma_pue) == (1.5, 0.03)
    assert after.energy_kwh.central == pytest.approx(before.energy_kwh.central * 1.5 / 1.25)
    assert after.it_energy_kwh.central == before.it_energy_kwh.central
    assert after.embodied_co2e_grams.central == before.embodied_co2e_grams.central
    assert codes(after) == ["model_unknown", "pue_given"]


@pytest.mark.parametrize(
    ("place", "zone"), [({"country": "FR"}, "FR"), ({}, "US"), ({"country": "XX"}, "ZZ")]
)
def test_a_given_intensity_replaces_the_grids_wherever_it_is(
    document: FactorDocument, place: dict[str, str], zone: str
) -> None:
    resolved = resolve(document, "gpt-4o", **place, given=Given(gco2e_per_kwh=17.5))
    grid, result = resolved.grid, token_estimate(USAGE, resolved)

    assert (grid.gco2e_per_kwh, grid.zone, grid.basis) == (17.5, zone, "given")
    assert (grid.source, grid.is_estimate) == ("given by the caller", False)
    assert resolved.place.sigma_grid == 0.10
    assert result.operational_co2e_grams.central == pytest.approx(result.energy_kwh.central * 17.5)
    assert result.operational_co2e_grams.high == pytest.approx(
        result.operational_co2e_grams.central
        * math.exp(Z90 * math.hypot(resolved.sigma_energy, 0.10))
    )
    assert "grid_given" in codes(result)


def test_a_given_intensity_leaves_electricity_and_water_alone(document: FactorDocument) -> None:
    before, after = estimated(document), estimated(document, gco2e_per_kwh=17.5)

    assert after.energy_kwh == before.energy_kwh
    assert after.embodied_co2e_grams == before.embodied_co2e_grams
    assert after.water_litres == before.water_litres


def test_a_grid_without_emissions_leaves_the_manufacture(document: FactorDocument) -> None:
    result = estimated(document, gco2e_per_kwh=0.0)

    assert result.operational_co2e_grams.high == 0.0
    assert result.co2e_grams == result.embodied_co2e_grams


def test_a_tariff_makes_the_market_based_figure_and_no_other(document: FactorDocument) -> None:
    resolved = resolved_with(document, tariff_gco2e_per_kwh=300.0)
    before, after = estimated(document), token_estimate(USAGE, resolved)
    bought = after.energy_kwh.central * 300.0
    spread = math.exp(Z90 * math.hypot(resolved.sigma_energy, 0.10))
    embodied = after.embodied_co2e_grams

    assert after.market_based_co2e_grams.as_dict() == pytest.approx(
        {
            "low": bought / spread + embodied.low,
            "central": bought + embodied.central,
            "high": bought * spread + embodied.high,
        }
    )
    assert after.co2e_grams == before.co2e_grams
    assert after.grid == before.grid
    assert codes(after) == ["tariff_given"]


@pytest.mark.parametrize("model", ["gpt-4o", DISCLOSED])
def test_without_a_tariff_both_figures_are_the_same_bits(
    document: FactorDocument, model: str
) -> None:
    result = estimated(document, model, gco2e_per_kwh=17.5, pue=1.3, is_batch=True)

    assert result.market_based_co2e_grams == result.co2e_grams


def test_a_published_total_stands_against_a_tariff_and_says_so(document: FactorDocument) -> None:
    result = estimated(document, DISCLOSED, tariff_gco2e_per_kwh=0.0)

    assert result.market_based_co2e_grams == result.co2e_grams
    assert codes(result) == ["tariff_given", "disclosure_applied", "tariff_not_used"]


def test_a_batch_tier_has_no_discount_and_says_why(document: FactorDocument) -> None:
    before, after = estimated(document), estimated(document, is_batch=True)

    assert after.energy_kwh == before.energy_kwh
    assert codes(after) == ["batch_tier"]


def test_a_batch_tier_has_the_factor_of_its_factor_set(newer: dict[str, Any]) -> None:
    newer["coefficients"]["batch_tier_factor"]["value"] = 0.5
    document = FactorDocument.from_dict(newer)

    before, after = estimated(document), estimated(document, is_batch=True)

    assert after.energy_kwh == before.energy_kwh.scaled(0.5)


def test_everything_given_is_told_and_remembered(document: FactorDocument) -> None:
    given = Given(pue=1.1, gco2e_per_kwh=20.0, tariff_gco2e_per_kwh=0.0, is_batch=True)
    resolved = resolve(document, "gpt-4o", "azure", "eastus", "FR", given=given)

    assert resolved.asked == Asked("gpt-4o", "azure", "eastus", "FR", given)
    told = [notice.code for notice in resolved.warnings]
    assert told[-4:] == ["pue_given", "grid_given", "tariff_given", "batch_tier"]


def test_nothing_given_changes_nothing(document: FactorDocument) -> None:
    resolved = resolve(document, "gpt-4o", country="FR")

    assert resolved.asked.given == NOTHING_GIVEN == Given()
    assert token_estimate(USAGE, resolved) == estimated(document)
    assert resolved.warnings == ()


def test_what_is_given_holds_for_the_hardware_method_too(document: FactorDocument) -> None:
    resolved = resolved_with(document, pue=2.0, gco2e_per_kwh=10.0, tariff_gco2e_per_kwh=0.0)
    result = hardware_estimate(resolved, duration_seconds=60).estimate

    assert result.energy_kwh.central == result.it_energy_kwh.central * 2.0
    assert result.operational_co2e_grams.central == pytest.approx(result.energy_kwh.central * 10.0)
    assert result.market_based_co2e_grams == result.embodied_co2e_grams


def test_a_tariff_counts_by_time_even_where_the_maker_published_a_figure(
    document: FactorDocument,
) -> None:
    resolved = resolved_with(document, DISCLOSED, tariff_gco2e_per_kwh=0.0)
    result = hardware_estimate(resolved, duration_seconds=60).estimate

    assert result.market_based_co2e_grams == result.embodied_co2e_grams
    assert codes(result) == ["tariff_given"]


@pytest.mark.parametrize(
    "given",
    [
        {"pue": 0.99},
        {"pue": math.inf},
        {"pue": math.nan},
        {"gco2e_per_kwh": -0.1},
        {"gco2e_per_kwh": math.nan},
        {"tariff_gco2e_per_kwh": math.inf},
    ],
)
def test_what_cannot_be_is_not_given(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not a (PUE|grid intensity)"):
        Given(**given)
