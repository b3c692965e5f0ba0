"""Published figures against our interval, and ten examples redone by plain arithmetic."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.hardware import hardware_estimate
from apps.emissions.calc.interval import Interval
from apps.emissions.calc.resolve import Resolved, resolve
from apps.emissions.calc.tokens import token_estimate
from apps.emissions.calc.usage import TokenUsage
from tests.emissions.conftest import expected

FIGURES = json.loads(
    (Path(__file__).parent / "data" / "published_disclosures.json").read_text(encoding="utf-8")
)["figures"]
FIVE_DIGITS = 0.5e-5


def in_unit(quantity: str, estimate: Estimate, resolved: Resolved) -> Interval:
    server = resolved.coefficients.server_factor
    on_site = resolved.place.wue_litres_per_kwh
    return {
        "facility_wh": estimate.energy_kwh.scaled(1000),
        "accelerator_wh": estimate.it_energy_kwh.scaled(1000 / server),
        "accelerator_mwh": estimate.it_energy_kwh.scaled(1 / server / 1000),
        "on_site_ml": estimate.it_energy_kwh.scaled(1000 * on_site),
        "water_ml": estimate.water_litres.scaled(1000),
        "grams": estimate.co2e_grams,
    }[quantity]


def ours(document: FactorDocument, figure: dict[str, Any]) -> Interval:
    resolved = resolve(document, figure["model"], country=figure.get("country"))
    estimate = token_estimate(TokenUsage(**figure["usage"]), resolved)
    return in_unit(figure["quantity"], estimate, resolved)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure["what"])
def test_a_published_figure_lies_where_the_documentation_says(
    document: FactorDocument, figure: dict[str, Any]
) -> None:
    interval = ours(document, figure)

    for published in figure["published"]:
        assert (interval.low <= published <= interval.high) == figure["inside"]
    found = {name: value for name, value in interval.as_dict().items() if name in figure["ours"]}
    assert found == pytest.approx(figure["ours"], rel=0.02, abs=0.0006)


def test_openais_water_is_four_times_ours(document: FactorDocument) -> None:
    resolved = resolve(document, "gpt-4o")
    estimate = token_estimate(TokenUsage(input=500, output=400), resolved)

    on_site = in_unit("on_site_ml", estimate, resolved)

    assert on_site.central == pytest.approx(0.07, abs=0.005)
    assert 0.32 / on_site.central == pytest.approx(4.3, abs=0.05)


# From here on each example is worked out with numbers alone, and the engine is asked afterwards.


def bounds(central: float, *doubts: float) -> tuple[float, float, float]:
    """90 % of a lognormal quantity: 1.6449 standard deviations to each side."""
    spread = math.exp(1.6449 * math.sqrt(sum(doubt**2 for doubt in doubts)))
    return central / spread, central, central * spread


def sums(one: tuple[float, ...], other: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def decode(active: float, total: float) -> float:
    """Joules per output token at batch 128, by size in billions."""
    return float(0.1739 * active**0.8707 * (total / active) ** 0.5712 * 128**-0.4786)


def size_doubt(active: tuple[float, float], total: tuple[float, float]) -> float:
    """The range of sizes as standard deviations of the energy, beside the regression's 0.44."""
    range_of_energy = decode(active[1], total[1]) / decode(active[0], total[0])
    return math.hypot(0.44, math.log(range_of_energy) / 3.2898)


Answer = tuple[tuple[float, ...], tuple[float, ...]]  # kWh and grams, each low, central, high


def answer(joules: float, pue: float, grid: float, grid_doubt: float, *doubts: float) -> Answer:
    accelerator = joules / 3.6e6
    kwh = accelerator * 1.6 * pue
    operational = bounds(kwh * grid, *doubts, grid_doubt)
    embodied = bounds(accelerator * 60, *doubts, 0.55)
    return bounds(kwh, *doubts), sums(operational, embodied)


GPT_4O_OUT = 0.6 * decode(math.sqrt(30 * 150), math.sqrt(200 * 1200))
GPT_4O_IN = 2e9 * math.sqrt(30 * 150) / 5.5e11
GPT_4O_CONTEXT = 200 * math.sqrt(200 * 1200)
GPT_4O_DOUBTS = (0.67, 0.17, 0.03, size_doubt((30, 150), (200, 1200)))


def g1() -> Answer:
    """1,000 in, 500 out: mean context 1,000 + 500 / 2."""
    written = 500 * GPT_4O_OUT * (1 + (1250 - 500) / GPT_4O_CONTEXT)
    read = 1000 * GPT_4O_IN * (1 + 1000 / 100000)
    return answer(written + read, 1.17, 383.55, 0.35, *GPT_4O_DOUBTS)


def g2() -> Answer:
    """2,000 fresh, 50,000 cached and 3,000 stored in, 800 out, in Ireland."""
    written = 800 * GPT_4O_OUT * (1 + (55400 - 500) / GPT_4O_CONTEXT)
    read = (2000 + 3000) * GPT_4O_IN * (1 + 55000 / 100000) + 50000 * 0.1 * GPT_4O_IN
    return answer(written + read, 1.17, 279.79, 0.20, *GPT_4O_DOUBTS)


def g3() -> Answer:
    """A size from a list price: 21.2 to 132 B active of 348 to 5,570 B."""
    total = math.sqrt(348 * 5570)
    e_out = 0.6 * decode(math.sqrt(21.2 * 132), total)
    written = 500 * e_out * (1 + 750 / min(200 * total, 100000))
    read = 1000 * 2e9 * math.sqrt(21.2 * 132) / 5.5e11 * 1.01
    doubt = size_doubt((21.2, 132), (348, 5570))
    return answer(written + read, 1.14, 383.55, 0.35, 0.67, 0.17, 0.03, doubt)


def g4() -> Answer:
    """A reasoning model: 11.4 to 71.2 B active of 66.9 to 1,070 B."""
    total = math.sqrt(66.9 * 1070)
    e_out = 0.6 * decode(math.sqrt(11.4 * 71.2), total)
    written = 500 * e_out * (1 + 750 / (200 * total))
    read = 1000 * 2e9 * math.sqrt(11.4 * 71.2) / 5.5e11 * 1.01
    doubt = size_doubt((11.4, 71.2), (66.9, 1070))
    return answer(written + read, 1.17, 383.55, 0.35, 0.67, 0.17, 0.03, doubt)


def g5() -> Answer:
    """A metered model, 0.097 J: its prompt token hits the cap of half an output token."""
    e_out = 0.6 * 0.097
    joules = 500 * e_out * (1 + 750 / 4000) + 1000 * 0.5 * e_out * 1.01
    return answer(joules, 1.25, 44.18, 0.20, 0.67, 0.17, 0.03, 0.15)


def g6() -> Answer:
    """An unknown model: the medium tier, an average data centre, the world's grid."""
    total = math.sqrt(30 * 500)
    e_out = 0.6 * decode(math.sqrt(10 * 70), total)
    written = 500 * e_out * (1 + 750 / (200 * total))
    read = 1000 * 2e9 * math.sqrt(10 * 70) / 5.5e11 * 1.01
    doubt = size_doubt((10, 70), (30, 500))
    return answer(written + read, 1.25, 472.94, 0.60, 0.67, 0.17, 0.087, doubt)


def g7() -> Answer:
    """A published assessment, 2.85 g per 1,000 output tokens: 400 of them, give or take 30 %."""
    e_out = 0.6 * decode(122.6, 122.6)
    joules = 400 * e_out + 100 * 0.5 * e_out * (1 + 100 / 100000)
    energy, _ = answer(joules, 1.25, 44.18, 0.35, 0.67, 0.17, 0.03, 0.44)
    return energy, (1.14 * 0.7, 1.14, 1.14 * 1.3)


def g8() -> Answer:
    """By time: 120 s on 8 accelerators of 541 W, shared by 64, in Finland."""
    joules = 8 * 541 * 120 / 64
    return answer(joules, 1.17, 72.25, 0.20, 0.84, 0.20, 0.17, 0.5)


def g9() -> Answer:
    """100 in, 50 out: too short for the context to count."""
    joules = 50 * GPT_4O_OUT + 100 * GPT_4O_IN * (1 + 100 / 100000)
    return answer(joules, 1.17, 383.55, 0.35, *GPT_4O_DOUBTS)


def g10() -> Answer:
    """600 calls in one bucket, in an Irish region: the mean prompt is 56,166.67 tokens."""
    total, active = math.sqrt(625 * 6000), math.sqrt(27.4 * 171)
    prompt = (1200000 + 30000000 + 2500000) / 600
    context = prompt + 400000 / 1200
    written = 400000 * 0.6 * decode(active, total) * (1 + (context - 500) / 100000)
    e_in = 2e9 * active / 5.5e11
    read = 3700000 * e_in * (1 + prompt / 100000) + 30000000 * 0.1 * e_in
    doubt = size_doubt((27.4, 171), (625, 6000))
    return answer(written + read, 1.11, 279.79, 0.35, 0.67, 0.17, 0.03, doubt)


HAND = {work.__name__.upper(): work for work in (g1, g2, g3, g4, g5, g6, g7, g8, g9, g10)}


@pytest.mark.parametrize("case", expected("worked_examples"), ids=lambda case: case["id"])
def test_an_example_redone_by_hand_is_what_was_published_and_what_the_engine_says(
    document: FactorDocument, case: dict[str, Any]
) -> None:
    energy, grams = HAND[case["id"]]()
    resolved = resolve(document, case["model"], **case["place"])
    if "hardware" in case:
        estimate = hardware_estimate(resolved, **case["hardware"]).estimate
    else:
        estimate = token_estimate(TokenUsage(**case["usage"]), resolved)

    for by_hand, stated, found in (
        (energy, case["energy_kwh"], estimate.energy_kwh),
        (grams, case["co2e_grams"], estimate.co2e_grams),
    ):
        assert by_hand == pytest.approx(
            (stated["low"], stated["central"], stated["high"]), rel=FIVE_DIGITS
        )
        assert by_hand == pytest.approx((found.low, found.central, found.high), rel=1e-12)
