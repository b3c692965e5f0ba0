"""The calculation behind samples, and the published factor sets that it takes."""

import hashlib
import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.emissions.calc.compute import compute_estimate, rounded
from apps.emissions.calc.compute_factors import ComputeFactors, unit_rates
from apps.emissions.calc.rows import InvalidFactorsError
from apps.emissions.services.catalogue import CATALOGUE
from apps.emissions.services.compute_catalogue import DEMO, NAMES, NEWEST, compute_factors
from tests.telemetry.samples.published import CASES, Case

UNITS = sorted(compute_factors(DEMO).units)
amounts = st.decimals("0.000001", "999999999999.999999", places=6)
intensities = st.decimals("0", "99999999.9999", places=4)
names = st.sampled_from(NAMES)
providers = st.sampled_from(["aws", "Azure", "google cloud", "elsewhere"])


def document(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((CATALOGUE / "compute" / f"{name}.json").read_text())
    return read


@pytest.mark.parametrize(
    ("name", "sha256"),
    [
        (DEMO, "ea6c611c31cea2abdf96dca9e9cf539fb62bf3aa0950a7fb123dc4ab051cdb66"),
        (NEWEST, "ded93f96aa5eec8bfd6d462a57288a15c41e26348f8e433feb816ca6dab8fa0c"),
    ],
)
def test_a_published_set_never_changes(name: str, sha256: str) -> None:
    content = (CATALOGUE / "compute" / f"{name}.json").read_bytes()

    assert hashlib.sha256(content).hexdigest() == sha256


@pytest.mark.parametrize("case", CASES)
def test_the_published_cases(case: Case) -> None:
    rates = unit_rates(compute_factors(DEMO), "anybody", case.usage_unit)

    estimate = compute_estimate(Decimal(case.usage_amount), rates, Decimal(case.intensity))

    assert rates.resource_type == case.resource_type
    assert str(rounded(estimate.normalized_usage_amount, 6)) == case.normalized
    assert str(rounded(estimate.energy_kwh.central, 6)) == case.energy_kwh
    assert str(rounded(estimate.co2e_grams.central, 4)) == case.grams


def test_a_vcpu_hour_by_hand() -> None:
    rates = unit_rates(compute_factors(NEWEST), "Amazon Web Services", "vcpu_minute")

    estimate = compute_estimate(Decimal(60), rates, Decimal(100))

    # (0.74 + 0.5 x (3.5 - 0.74)) W x 1.135, and 1,100 kg / 35,040 h / 96
    assert estimate.energy_kwh.central == Decimal("0.00212") * Decimal("1.135")
    assert estimate.operational_co2e_grams.central == Decimal("0.24062")
    assert rounded(estimate.embodied_co2e_grams.central, 4) == rounded(
        Decimal(1_100_000) / 35_040 / 96, 4
    )


@given(names, providers, st.sampled_from(UNITS), amounts, intensities)
def test_bounds_hold_the_central_value_and_the_parts_add_up(
    name: str, provider: str, unit: str, amount: Decimal, intensity: Decimal
) -> None:
    rates = unit_rates(compute_factors(name), provider, unit)

    estimate = compute_estimate(amount, rates, intensity)

    for interval in (*estimate[1:], estimate.co2e_grams):
        assert 0 <= interval.low <= interval.central <= interval.high
    parts = estimate.operational_co2e_grams.high + estimate.embodied_co2e_grams.high
    assert abs(estimate.co2e_grams.high - parts) <= parts * Decimal("1e-27")


@given(names, st.sampled_from(UNITS), amounts, intensities)
def test_the_answer_is_the_exact_product_rounded_once(
    name: str, unit: str, amount: Decimal, intensity: Decimal
) -> None:
    factors = compute_factors(name)
    row, rates = factors.units[unit], unit_rates(factors, "aws", unit)
    energy = Fraction(amount) * row.numerator / row.denominator * Fraction(rates.energy_kwh.central)

    estimate = compute_estimate(amount, rates, intensity)

    grams = energy * Fraction(intensity)
    for stored, exact in (
        (estimate.energy_kwh.central, energy),
        (estimate.operational_co2e_grams.central, grams),
    ):
        assert abs(Fraction(stored) - exact) <= Fraction(1, 2 * 10**18) + exact / 10**50


@given(names, st.sampled_from(UNITS), amounts, intensities)
def test_twice_the_use_costs_twice_as_much(
    name: str, unit: str, amount: Decimal, intensity: Decimal
) -> None:
    rates = unit_rates(compute_factors(name), "gcp", unit)

    once, twice = (compute_estimate(amount * n, rates, intensity) for n in (1, 2))

    exact = Fraction(twice.co2e_grams.central) - 2 * Fraction(once.co2e_grams.central)
    assert abs(exact) <= Fraction(4, 10**18) + Fraction(twice.co2e_grams.central) / 10**26


def test_every_factor_has_its_source() -> None:
    assert all(row.source.count("https://") for row in compute_factors(NEWEST).rows)


@pytest.mark.parametrize(
    "broken",
    [
        {"units": []},
        {"energy": []},
        {"pue": [{"subject": "pue"}]},
        {"energy": document(DEMO)["energy"] * 2},
        {"energy": [document(DEMO)["energy"][0] | {"low": "1"}]},
        {"energy": [document(DEMO)["energy"][0] | {"central": "NaN"}]},
        {"energy": [document(DEMO)["energy"][0] | {"high": "much"}]},
        {"energy": [document(DEMO)["energy"][0] | {"source": ""}]},
        {"units": [document(DEMO)["units"][0] | {"denominator": 0}]},
    ],
)
def test_a_document_that_cannot_be_used_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(InvalidFactorsError):
        ComputeFactors.from_dict(document(DEMO) | broken)


def test_a_document_without_a_table_is_refused() -> None:
    with pytest.raises(InvalidFactorsError, match="missing: units"):
        ComputeFactors.from_dict({"name": "x"})
