"""Why a method's answer is not ours: the ratio taken apart, the heaviest reason first."""

import math
from dataclasses import dataclass

from apps.emissions.calc.estimate import Estimate
from apps.emissions.calc.methods.ecologits import EcologitsSite, required_gpus
from apps.emissions.calc.methods.flat import FlatCoefficient
from apps.emissions.calc.methods.results import MethodResult, central
from apps.emissions.calc.resolve import Resolved
from apps.emissions.calc.tokens import context_work
from apps.emissions.calc.usage import TokenUsage

_WORTH_SAYING = math.log(1.1)  # a factor that moves the figure by less is not a reason

OURS = "This is the method behind every figure of this product."
_DISCLOSED = (
    "ours applies the maker's published figure to output tokens alone, as it was published, and"
    " its coefficient applies to all tokens"
)
_NO_TOKENS = "There are no tokens, so there is nothing to differ in."


@dataclass(frozen=True, slots=True)
class _Reason:
    """One factor of theirs / ours, and what it comes from."""

    factor: float
    text: str


def ecologits_difference(
    theirs: MethodResult,
    ours: Estimate,
    usage: TokenUsage,
    resolved: Resolved,
    site: EcologitsSite,
) -> str:
    """Of the energy. Prompt and context, the server's work per output token, and the PUE."""
    if not usage.total:
        return _NO_TOKENS
    if not usage.output:
        return "It counts output tokens alone, and here are none: it answers zero."
    energy, work = resolved.energy, context_work(usage, resolved)
    ratio = central(theirs.energy_kwh or 0.0) / ours.energy_kwh.central
    bare = usage.output * energy.output_joules / work.joules
    pue = math.sqrt(site.pue_low * site.pue_high) / resolved.place.pue
    gpus = required_gpus(energy.total_b)
    base = (
        "ours takes metered runs of this very model"
        if resolved.row.joules_per_output_token is not None
        else "ours follows metered runs of other models by size"
    )
    reasons = [
        _Reason(
            bare,
            f"it counts neither the {_prompt(usage):,} prompt tokens nor a growth with context,"
            f" which are {1 - bare:.0%} of our energy",
        ),
        _Reason(
            ratio / (bare * pue),
            f"an output token costs its servers {ratio / (bare * pue):.2g} times as much as ours:"
            f" 16-bit weights on {gpus} of its GPUs at batch 64, where {base}",
        ),
        _Reason(pue, f"its PUE is {pue:.2f} times ours"),
    ]
    return _sentence("energy", ratio, reasons) + _beyond_the_energy(resolved, site)


def flat_difference(
    theirs: MethodResult,
    ours: Estimate,
    usage: TokenUsage,
    resolved: Resolved,
    coefficient: FlatCoefficient | None,
) -> str:
    """Of the emissions. The one coefficient counts all tokens as if they were alike."""
    if coefficient is None:
        return "It publishes coefficients for a few models only, and this one is not among them."
    if not usage.total:
        return _NO_TOKENS
    if not ours.co2e_grams.central:
        return f"There is no ratio: {_DISCLOSED}, and here are no output tokens."
    ratio = central(theirs.co2e_grams or 0.0) / ours.co2e_grams.central
    if resolved.row.disclosed_gco2e_per_1k_output is not None:
        return _sentence("emissions", ratio, [_Reason(ratio, _DISCLOSED)])
    energy, work = resolved.energy, context_work(usage, resolved)
    alike = usage.total * energy.output_joules / work.joules
    per_token = energy.output_joules / energy.input_joules
    reasons = [
        _Reason(
            alike,
            f"it counts the {_prompt(usage):,} prompt tokens like output,"
            f" while ours takes an output token for {per_token:.2g} fresh prompt tokens",
        ),
        _Reason(
            ratio / alike,
            f"its coefficient is {ratio / alike:.2g} times ours of an output token alone,"
            " with a grid and a data centre inside that it does not state",
        ),
    ]
    return _sentence("emissions", ratio, reasons)


def _sentence(quantity: str, ratio: float, reasons: list[_Reason]) -> str:
    weighty = [reason for reason in reasons if abs(math.log(reason.factor)) > _WORTH_SAYING]
    weighty.sort(key=lambda reason: -abs(math.log(reason.factor)))
    because = "; ".join(reason.text for reason in weighty) or "no part of it differs by a tenth"
    return f"It gives {ratio:.2g} times our {quantity}: {because}."


def _beyond_the_energy(resolved: Resolved, site: EcologitsSite) -> str:
    """What else keeps the two apart: the meaning of a size, another grid, a published total."""
    told = ""
    if resolved.row.confidence == "estimated":
        told += " The size of this model is not published: with its own list it answers otherwise."
    if resolved.row.size_basis == "list_price":
        told += " Ours comes from a list price and stands for energy, not for weights."
    grid = site.gco2e_per_kwh / resolved.place.gco2e_per_kwh
    if abs(math.log(grid)) > _WORTH_SAYING:
        told += f" It takes another country's grid, {grid:.2g} times as intense as ours."
    if resolved.row.disclosed_gco2e_per_1k_output is not None:
        told += " Our emissions are the maker's published figure, not made from this energy."
    return told


def _prompt(usage: TokenUsage) -> int:
    return usage.input + usage.cached_input + usage.cache_write
