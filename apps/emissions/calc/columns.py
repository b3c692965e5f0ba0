"""Many rows at once: the token method over columns, bit for bit what one row at a time gives."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.given import Given
from apps.emissions.calc.resolve import Resolved, resolve
from apps.emissions.calc.usage import MOST_TOKENS

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]
Question = tuple[str | None, str | None, str | None, str | None, Given]
"""Model, provider, region, country and what is given: the members of an `Asked`, in its order."""


@dataclass(frozen=True, slots=True, eq=False)
class UsageColumns:
    """Disjoint token counts of many rows, in arrays of one length; the columns of `TokenUsage`."""

    input: Counts
    cached_input: Counts
    cache_write: Counts
    output: Counts
    requests: Counts

    def __post_init__(self) -> None:
        for field in fields(self):
            column: Counts = getattr(self, field.name)
            if column.dtype != np.int64 or column.shape != (self.input.size,):
                raise ValueError(f"{field.name}: not a column of {self.input.size} 64-bit integers")
            least = 1 if field.name == "requests" else 0
            if column.size and not least <= column.min() <= column.max() <= MOST_TOKENS:
                raise ValueError(f"{field.name}: not all of it are counts of at least {least}")


@dataclass(frozen=True, slots=True, eq=False)
class IntervalColumns:
    """One quantity of many rows: each row's best estimate between its two bounds."""

    low: Numbers
    central: Numbers
    high: Numbers

    def __post_init__(self) -> None:
        if not np.isfinite(self.high).all():
            raise ValueError("not intervals: a bound is not finite")

    def __add__(self, other: "IntervalColumns") -> "IntervalColumns":
        return IntervalColumns(
            self.low + other.low, self.central + other.central, self.high + other.high
        )

    def where(self, chosen: Mask, other: "IntervalColumns") -> "IntervalColumns":
        """The other's rows where they are chosen."""
        return IntervalColumns(
            np.where(chosen, other.low, self.low),
            np.where(chosen, other.central, self.central),
            np.where(chosen, other.high, self.high),
        )


@dataclass(frozen=True, slots=True, eq=False)
class EstimateColumns:
    """The quantities of an `Estimate`, row by row."""

    energy_kwh: IntervalColumns
    it_energy_kwh: IntervalColumns
    operational_co2e_grams: IntervalColumns
    embodied_co2e_grams: IntervalColumns
    co2e_grams: IntervalColumns
    market_based_co2e_grams: IntervalColumns
    water_litres: IntervalColumns


def resolve_each(
    document: FactorDocument, asked: Iterable[Question]
) -> tuple[list[Resolved], NDArray[np.intp]]:
    """Each distinct question resolved once, and which of the answers is each row's."""
    places: dict[Question, int] = {}
    which = np.fromiter((places.setdefault(each, len(places)) for each in asked), np.intp)
    return [resolve(document, *names, given=given) for *names, given in places], which


def token_estimates(
    usage: UsageColumns, resolved: Sequence[Resolved], which: NDArray[np.intp]
) -> EstimateColumns:
    """Estimates of all rows; `resolved[which[i]]` is the model and the place of row i."""
    if which.shape != usage.input.shape:
        raise ValueError(f"{which.size} answers for {usage.input.size} rows")
    if which.size and not 0 <= which.min() <= which.max() < len(resolved):
        raise ValueError("a row points at none of the answers")
    with np.errstate(over="ignore"):  # what overflows is not an interval and refused as such
        return _estimates(usage, _Gatherer(resolved, which))


def _estimates(usage: UsageColumns, per_row: "_Gatherer") -> EstimateColumns:
    joules = _joules(usage, per_row)
    operational = per_row.scaled("operational_co2e_grams", joules)
    embodied = per_row.scaled("embodied_co2e_grams", joules)
    market_based = per_row.scaled("market_based_operational_co2e_grams", joules)
    estimates = EstimateColumns(
        energy_kwh=per_row.scaled("energy_kwh", joules),
        it_energy_kwh=per_row.scaled("it_energy_kwh", joules),
        operational_co2e_grams=operational,
        embodied_co2e_grams=embodied,
        co2e_grams=operational + embodied,
        market_based_co2e_grams=market_based + embodied,
        water_litres=per_row.scaled("water_litres", joules),
    )
    return _with_disclosures(estimates, usage, per_row)


@dataclass(frozen=True, slots=True)
class _Gatherer:
    """What each row's answer says of one thing, as a column."""

    resolved: Sequence[Resolved]
    which: NDArray[np.intp]

    def column(self, member: Callable[[Resolved], float]) -> Numbers:
        return np.array([member(one) for one in self.resolved], np.float64)[self.which]

    def known(self, member: Callable[[Resolved], float | None]) -> tuple[Numbers, Mask]:
        """The column with zero where there is none, and where there is one."""
        values = [member(one) for one in self.resolved]
        has_value = np.array([value is not None for value in values], np.bool_)
        return self.column(lambda one: member(one) or 0.0), has_value[self.which]

    def scaled(self, rate: str, joules: Numbers) -> IntervalColumns:
        return IntervalColumns(
            self.column(lambda one: getattr(one.rates, rate).low) * joules,
            self.column(lambda one: getattr(one.rates, rate).central) * joules,
            self.column(lambda one: getattr(one.rates, rate).high) * joules,
        )


def _joules(usage: UsageColumns, per_row: _Gatherer) -> Numbers:
    """`tokens.context_work`, operation by operation in the same order, so that no bit differs."""
    column = per_row.column
    prompt = (usage.input + usage.cached_input + usage.cache_write) / usage.requests
    context = prompt + usage.output / (2 * usage.requests)
    free = column(lambda one: one.coefficients.context_free_tokens)
    excess = np.maximum(0.0, context - free)
    decode_growth = 1.0 + excess / column(lambda one: one.energy.decode_context_tokens)
    prefill_growth = 1.0 + prompt / column(lambda one: one.coefficients.prefill_context_tokens)
    written = column(lambda one: one.coefficients.cache_write_factor) * usage.cache_write
    cached = column(lambda one: one.coefficients.cache_read_factor) * usage.cached_input
    decoded = usage.output * column(lambda one: one.energy.output_joules) * decode_growth
    read = column(lambda one: one.energy.input_joules) * (
        (usage.input + written) * prefill_growth + cached
    )
    joules: Numbers = (decoded + read) * column(lambda one: one.tier_factor)
    return joules


def _with_disclosures(
    estimates: EstimateColumns, usage: UsageColumns, per_row: _Gatherer
) -> EstimateColumns:
    """`tokens._with_disclosure`, for the rows whose model has one."""
    if not any(one.row.disclosed_gco2e_per_1k_output is not None for one in per_row.resolved):
        return estimates
    grams, has_grams = per_row.known(lambda one: one.row.disclosed_gco2e_per_1k_output)
    litres, has_litres = per_row.known(lambda one: one.row.disclosed_water_litres_per_1k_output)
    share = per_row.column(lambda one: one.coefficients.disclosure_band)
    thousands = usage.output / 1000
    total, water = _band(grams * thousands, share), _band(litres * thousands, share)
    return replace(
        estimates,
        co2e_grams=estimates.co2e_grams.where(has_grams, total),
        market_based_co2e_grams=estimates.market_based_co2e_grams.where(has_grams, total),
        water_litres=estimates.water_litres.where(has_grams & has_litres, water),
    )


def _band(central: Numbers, share: Numbers) -> IntervalColumns:
    return IntervalColumns(central * (1.0 - share), central, central * (1.0 + share))
