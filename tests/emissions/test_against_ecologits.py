"""Against the real EcoLogits: our form of its formula is exact, and our figures are near its."""

import csv
import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ecologits.impacts.llm import compute_llm_impacts
from ecologits.model_repository import ParametersMoE, models
from ecologits.tracers.utils import PROVIDER_CONFIG_MAP, llm_impacts
from ecologits.utils.range_value import RangeValue

from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.interval import Interval
from apps.emissions.calc.methods.ecologits import EcologitsCase, ecologits_impact
from apps.emissions.calc.resolve import resolve
from apps.emissions.calc.tokens import token_estimate
from apps.emissions.calc.usage import TokenUsage

USAGE = TokenUsage(input=1000, output=500)
KG_PER_KWH = 0.3844
LISTED = models.list_models()

with (Path(__file__).parent / "data" / "ecologits_side_by_side.csv").open() as file:
    TABLE = list(csv.DictReader(file))


def ends(value: Any) -> tuple[float, float]:
    return (value.min, value.max) if isinstance(value, RangeValue) else (value, value)


def sizes(model: Any) -> tuple[Any, Any]:
    parameters = model.architecture.parameters
    if isinstance(parameters, ParametersMoE):
        return parameters.active, parameters.total
    return parameters, parameters


def ours(document: FactorDocument, row: dict[str, str]) -> Estimate:
    return token_estimate(USAGE, resolve(document, row["model"]))


def theirs(row: dict[str, str]) -> Any:
    return llm_impacts(row["provider"], row["ecologits_name"], USAGE.output, math.inf)


def ratio(document: FactorDocument, row: dict[str, str]) -> float:
    low, high = ends(theirs(row).energy.value)
    return ours(document, row).energy_kwh.central / math.sqrt(low * high)


@pytest.mark.parametrize("model", LISTED, ids=lambda one: f"{one.provider.value}-{one.name}")
def test_our_form_of_the_formula_equals_the_package(model: Any) -> None:
    active, total = sizes(model)
    pue = PROVIDER_CONFIG_MAP[model.provider.value].datacenter_pue
    speed = model.deployment.tps if model.deployment else None
    wait = model.deployment.ttft if model.deployment else None
    expected = compute_llm_impacts(
        active, total, 500, 0, 0, KG_PER_KWH, 0, pue, 0, tps=speed, ttft=wait
    )

    case = partial(
        EcologitsCase,
        gco2e_per_kwh=KG_PER_KWH * 1000,
        tokens_per_second=speed,
        first_token_seconds=wait or 0.0,
    )
    found = [
        ecologits_impact(case(active_b=a, total_b=t, pue=p), 500)
        for a, t, p in zip(ends(active), ends(total), ends(pue), strict=True)
    ]

    for impact, kwh, operational, embodied in zip(
        found,
        ends(expected.usage.energy.value),
        ends(expected.usage.gwp.value),
        ends(expected.embodied.gwp.value),
        strict=True,
    ):
        assert impact.energy_kwh == pytest.approx(kwh, rel=1e-6)
        assert impact.operational_co2e_grams == pytest.approx(operational * 1000, rel=1e-6)
        assert impact.embodied_co2e_grams == pytest.approx(embodied * 1000, rel=1e-6)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["model"])
def test_the_table_of_the_documentation_is_what_both_say(
    document: FactorDocument, row: dict[str, str]
) -> None:
    answer = theirs(row)
    wh = [value * 1000 for value in ends(answer.energy.value)]
    grams = [value * 1000 for value in ends(answer.gwp.value)]

    assert wh == pytest.approx([float(row["wh_low"]), float(row["wh_high"])], abs=0.00051)
    assert grams == pytest.approx([float(row["grams_low"]), float(row["grams_high"])], abs=0.00051)
    assert ratio(document, row) == pytest.approx(float(row["ratio"]), abs=0.0051)
    assert overlap(ours(document, row).energy_kwh, wh) == (row["overlaps"] == "yes")


def overlap(interval: Interval, wh: list[float]) -> bool:
    return interval.low * 1000 <= wh[1] and wh[0] <= interval.high * 1000


def test_most_intervals_overlap_and_ours_are_lower_in_the_middle(document: FactorDocument) -> None:
    logs = [math.log(ratio(document, row)) for row in TABLE]
    mean = sum(logs) / len(logs)
    spread = math.sqrt(sum((one - mean) ** 2 for one in logs) / len(logs))

    assert len(TABLE) == 40
    assert sum(row["overlaps"] == "yes" for row in TABLE) == 31
    assert math.exp(mean) == pytest.approx(0.60, abs=0.005)
    assert spread == pytest.approx(1.15, abs=0.01)
