"""What every method answers with, and ours in that form."""

from dataclasses import dataclass
from typing import Literal

from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.interval import Interval

MethodName = Literal["ours", "ecologits", "carbon_llm"]
Quantity = Interval | float  # a float where the method states no bounds


@dataclass(frozen=True, slots=True)
class MethodResult:
    """One method's answer. A quantity is None where the method does not state it.

    `note` says what it was given here, `difference` why its answer is not ours.
    """

    name: MethodName
    version: str
    formula: str
    leaves_out: tuple[str, ...]
    source_url: str
    is_available: bool
    energy_kwh: Quantity | None
    co2e_grams: Quantity | None
    note: str
    difference: str = ""


def central(quantity: Quantity) -> float:
    return quantity.central if isinstance(quantity, Interval) else quantity


def our_result(estimate: Estimate) -> MethodResult:
    return MethodResult(
        name="ours",
        version=estimate.factor_version,
        formula=(
            "energy = (output tokens x energy per output token x context growth + prompt tokens"
            " x energy per prompt token x context growth, cached ones at a tenth) x server factor"
            " x PUE; CO2e = energy x grid intensity + accelerator energy x share of manufacture"
        ),
        leaves_out=(
            "training",
            "devices of the users",
            "networks outside the data centre",
            "searches and tool calls made by the provider",
            "buildings, and the end of life of the hardware",
        ),
        source_url="/methodology/",
        is_available=True,
        energy_kwh=estimate.energy_kwh,
        co2e_grams=estimate.co2e_grams,
        note=(
            f"Factor set {estimate.factor_version}, row {estimate.model_matched},"
            f" {estimate.confidence}; bounds are a 90 % interval."
        ),
    )
