"""The calculation against numbers worked out elsewhere."""

import math
from typing import Any

import pytest

from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.hardware import hardware_estimate
from apps.emissions.calc.interval import Interval
from apps.emissions.calc.resolve import Resolved, resolve
from apps.emissions.calc.tokens import context_work, token_estimate
from apps.emissions.calc.usage import TokenUsage
from tests.emissions.conftest import expected

FIVE_DIGITS = 1e-5


def label(case: dict[str, Any]) -> str:
    return str(case.get("id") or f"{case['model']}-{case.get('input')}-{case.get('output')}")


def estimated(document: FactorDocument, case: dict[str, Any]) -> tuple[Resolved, Estimate]:
    resolved = resolve(document, case["model"], **case["place"])
    if "hardware" in case:
        return resolved, hardware_estimate(resolved, **case["hardware"]).estimate
    return resolved, token_estimate(TokenUsage(**case["usage"]), resolved)


def hundredths(value: float) -> float:
    return round(value, 2)


@pytest.mark.parametrize("case", expected("worked_examples"), ids=label)
def test_a_worked_example_comes_out_to_five_digits(
    document: FactorDocument, case: dict[str, Any]
) -> None:
    _, result = estimated(document, case)

    assert result.tier == case["tier"]
    assert result.confidence == case["confidence"]
    assert result.energy_kwh.as_dict() == pytest.approx(case["energy_kwh"], rel=FIVE_DIGITS)
    assert result.co2e_grams.as_dict() == pytest.approx(case["co2e_grams"], rel=FIVE_DIGITS)
    tokens = TokenUsage(**case["usage"]).total
    per_1k = result.co2e_grams.central / tokens * 1000
    assert per_1k == pytest.approx(case["grams_per_1k_tokens"], rel=FIVE_DIGITS)


@pytest.mark.parametrize(
    "case", [case for case in expected("worked_examples") if "hardware" not in case], ids=label
)
def test_the_inputs_of_a_worked_example_come_out(
    document: FactorDocument, case: dict[str, Any]
) -> None:
    resolved, _ = estimated(document, case)
    work = context_work(TokenUsage(**case["usage"]), resolved)

    found = {
        "output_joules": resolved.energy.output_joules,
        "input_joules": resolved.energy.input_joules,
        "pue": resolved.place.pue,
        "gco2e_per_kwh": resolved.place.gco2e_per_kwh,
        "sigma_energy": resolved.sigma_energy,
        "decode_growth": work.decode_growth,
    }
    assert found == pytest.approx(case["inputs"], rel=1e-4)


@pytest.mark.parametrize("case", expected("published_figures"), ids=label)
def test_a_published_figure_lies_inside_the_interval(
    document: FactorDocument, case: dict[str, Any]
) -> None:
    resolved = resolve(document, case["model"], country=case.get("country"))
    usage = TokenUsage(input=case["input"], output=case["output"])

    wh = token_estimate(usage, resolved).energy_kwh.scaled(1000)

    assert wh.low <= case["published_wh"] <= wh.high
    found = {name: value for name, value in wh.as_dict().items() if name in case["wh"]}
    assert found == pytest.approx(case["wh"], rel=0.02)


@pytest.mark.parametrize("case", expected("side_by_side"), ids=label)
def test_a_thousand_tokens_in_and_five_hundred_out_match_the_table(
    document: FactorDocument, case: dict[str, Any]
) -> None:
    resolved = resolve(document, case["model"])
    result = token_estimate(TokenUsage(input=1000, output=500), resolved)
    alone = token_estimate(TokenUsage(output=500), resolved)

    def bounds(quantity: Interval) -> list[float]:
        return [quantity.central, quantity.low, quantity.high]

    assert result.confidence == case["confidence"]
    assert bounds(result.energy_kwh.scaled(1000)) == pytest.approx(case["wh"], abs=0.00051)
    assert bounds(result.co2e_grams) == pytest.approx(case["grams"], abs=0.00051)
    assert alone.energy_kwh.central * 1000 == pytest.approx(case["wh_output_only"], abs=0.00051)


@pytest.mark.parametrize("case", expected("tier_fallback"), ids=lambda case: str(case["tier"]))
def test_an_unknown_model_falls_back_to_its_tier(
    document: FactorDocument, case: dict[str, Any]
) -> None:
    resolved = resolve(document, case["name"])
    factors = resolved.coefficients
    wh = factors.server_factor * resolved.place.pue / 3600 * 1000

    assert resolved.row.tier == case["tier"]
    assert [notice.code for notice in resolved.warnings] == ["model_unknown"]
    assert resolved.place.pue == 1.25
    energy = resolved.energy
    assert hundredths(energy.output_joules) == case["output_joules"]
    assert hundredths(energy.output_joules * wh) == case["wh_per_1k_output"]
    assert energy.input_joules * wh == pytest.approx(case["wh_per_1k_input"], abs=0.005)
    assert hundredths(resolved.sigma_energy) == case["log_sd"]


def test_googles_split_of_a_prompt_comes_out(document: FactorDocument) -> None:
    resolved = resolve(document, "gemini-2.5-flash")
    usage = TokenUsage(input=1000, output=600)
    result = token_estimate(usage, resolved)

    accelerator_wh = context_work(usage, resolved).joules / 3600
    on_site_millilitres = result.it_energy_kwh.central * resolved.place.wue_litres_per_kwh * 1000

    assert accelerator_wh == pytest.approx(0.091, abs=0.0005)
    assert on_site_millilitres == pytest.approx(0.168, abs=0.0005)
    assert result.co2e_grams.central == pytest.approx(0.067, abs=0.0005)


def test_water_is_on_site_water_and_water_behind_the_electricity(document: FactorDocument) -> None:
    result = token_estimate(TokenUsage(1000, 0, 0, 500), resolve(document, "gpt-4o"))

    # 0.27 L per IT kWh of the operator, 3.1321 L per kWh of the grid, PUE 1.17
    it_kwh = 0.000453114 / 1.17
    assert result.water_litres.central == pytest.approx(
        it_kwh * 0.27 + 0.000453114 * 3.1321, rel=FIVE_DIGITS
    )
    assert result.water_litres.high / result.water_litres.central == pytest.approx(
        math.exp(1.6449 * math.hypot(0.9390, 0.5)), rel=1e-4
    )


def test_a_metered_power_replaces_the_assumed_machine(document: FactorDocument) -> None:
    resolved = resolve(document, "gpt-4o", country="FI")
    found = hardware_estimate(resolved, duration_seconds=3600, power_watts=1000)

    assert found.accelerators is None
    assert found.estimate.it_energy_kwh.central == pytest.approx(1.0)
    assert found.estimate.energy_kwh.central == pytest.approx(1.17)
    assert found.estimate.energy_kwh.high / 1.17 == pytest.approx(1.30, abs=0.005)
    assert found.estimate.method == "hardware"


def test_the_assumed_machine_has_a_power_of_two_accelerators(document: FactorDocument) -> None:
    large = hardware_estimate(resolve(document, "gpt-4o"), duration_seconds=1)
    small = hardware_estimate(resolve(document, "llama-3.1-8b"), duration_seconds=1)

    assert (large.accelerators, small.accelerators) == (8, 1)


@pytest.mark.parametrize("seconds", [-1.0, math.inf, math.nan])
def test_an_impossible_duration_is_refused(document: FactorDocument, seconds: float) -> None:
    with pytest.raises(ValueError, match="duration"):
        hardware_estimate(resolve(document, "gpt-4o"), duration_seconds=seconds)
