"""POST /optimize's answer: the published fields from the central values, ours beside them."""

from collections import Counter
from typing import Any

from apps.common.ids import public_id
from apps.emissions import cloud
from apps.emissions.api.optimizer.outputs import (
    CarbonSavings,
    FrontierPoint,
    OptimizeMetadata,
    OptimizeOutput,
    OwnSavings,
    RankedFigures,
    RankingTerms,
    Recommendation,
    Recommended,
)
from apps.emissions.api.optimizer.parts import (
    GRAMS_PER_KG,
    job_figures,
    saved_grams,
    time_window,
    total_grams,
    window_advice,
)
from apps.emissions.optimizer.ranking import Option
from apps.emissions.services.optimizing import Advice, OwnChoice
from apps.emissions.services.optimizing_advice import advice

_NOT_INCLUDED = [
    "whether the region offers the instance, or has it free now",
    "storage, network, load balancers and managed services",
    "moving data to the region",
    "regional price differences, discounts and spot prices",
    "the uncertainty of the grid's own figure",
]
_BASES = {
    "forecast": "Both zones' forecasts over the hours of each run.",
    "pattern": "The same hours of the last days; for one of the zones there is no forecast.",
    "now": "The intensities of now: the hours of the runs are not known in both zones.",
}


def request_id() -> str:
    return public_id("carbon_req")


def optimized(found: Advice) -> OptimizeOutput:
    return OptimizeOutput(
        request_id=request_id(),
        recommendation=Recommendation(
            workload_type=found.wish.kind,
            priority=found.wish.priority,
            timestamp=found.at,
            recommendations=[
                _recommended(found, option, rank) for rank, option in enumerate(found.listed, 1)
            ],
            reason=why_empty(found),
            carbon_savings=_savings(found),
            service_optimizations=advice(found.ranking, found.times),
            frontier=[_point(option) for option in found.frontier],
            lower_bounds=[
                RankedFigures(**_ranked(found, option, rank))
                for rank, option in enumerate(found.ranking.lower_bounds[: found.wish.most], 1)
            ],
            metadata=_metadata(found),
        ),
    )


def why_empty(found: Advice) -> str | None:
    """In words, where no candidate could be ranked."""
    ranking = found.ranking
    if ranking.options:
        return None
    if ranking.lower_bounds:
        return "The power of every candidate is incomplete: they stand under lower_bounds."
    if ranking.regions_without_intensity:
        return "Nothing is known of the grids of the regions that meet the limits."
    if not found.regions:
        return "No region meets the limits."
    return f"No instance type for {found.wish.kind} meets the limits there."


def _recommended(found: Advice, option: Option, rank: int) -> Recommended:
    best = found.times[option.run.region.zone]
    return Recommended(
        **_ranked(found, option, rank),
        optimal_time_window=time_window(best.window, option.run.hours),
        window=window_advice(best),
    )


def _ranked(found: Advice, option: Option, rank: int) -> dict[str, Any]:
    run = option.run
    grams = total_grams(run)
    return {
        **job_figures(run, found.intensities[run.region.zone]),
        "estimated_co2_emissions_g": grams,
        "estimated_co2_emissions_kg": grams / GRAMS_PER_KG,
        "rank": rank,
        "score": option.score,
        "terms": RankingTerms(
            carbon=option.terms.carbon, speed=option.terms.speed, price=option.terms.price
        ),
        "unit": found.ranking.unit,
        "co2e_grams_per_unit": option.grams_per_unit,
        "usd_per_unit": option.usd_per_unit,
    }


def _savings(found: Advice) -> CarbonSavings | None:
    saving = found.against_worst
    if saving is None:
        return None
    return CarbonSavings(
        potential_savings_kg=saving.saved_grams / GRAMS_PER_KG,
        potential_savings_percentage=saving.saved_percent,
        comparison=(
            f"The first option emits {saving.saved_percent:.1f}% less CO2e than the dirtiest "
            "one for the same work"
        ),
        is_estimate=True,
        own=None if found.own is None else _own(found, found.own),
        own_reason=_own_reason(found),
    )


def _own(found: Advice, own: OwnChoice) -> OwnSavings:
    reason = found.intensities[own.run.region.zone].reason
    return OwnSavings(
        start_region=own.run.region.region,
        instance_type=own.run.instance.instance_type,
        by_place=saved_grams(own.saving.by_place),
        by_time=saved_grams(own.saving.by_time),
        total=saved_grams(own.saving.whole),
        basis=own.basis,
        is_estimate=True,
        estimate_reason=f"Power is modelled. {_BASES[own.basis]} {reason}",
    )


def _own_reason(found: Advice) -> str:
    if found.own is not None:
        return _BASES[found.own.basis]
    if found.wish.start is None:
        return "Say start_region, where the job would run without advice."
    return "Nothing comparable runs in start_region, or its grid is not known."


def _point(option: Option) -> FrontierPoint:
    return FrontierPoint(
        cloud=option.run.region.provider,
        region=option.run.region.region,
        instance_type=option.run.instance.instance_type,
        usd_per_unit=option.usd_per_unit or 0.0,  # options without a price are not on it
        co2e_grams_per_unit=option.grams_per_unit,
    )


def _metadata(found: Advice) -> OptimizeMetadata:
    wish = found.wish
    rungs: Counter[str] = Counter(each.rung for each in found.intensities.values())
    return OptimizeMetadata(
        total_regions_analyzed=found.regions,
        total_options_ranked=len(found.ranking.options),
        duration_hours=wish.job.hours,
        api_data_freshness=freshness(rungs),
        rungs=dict(rungs),
        utilization=wish.job.utilisation,
        count=int(wish.job.count),
        unit=found.ranking.unit,
        clouds=sorted(wish.limits.providers),
        emission_factor_type="lifecycle",
        regions_without_intensity=list(found.ranking.regions_without_intensity),
        catalogue_version=cloud.catalogue().version,
        not_included=_NOT_INCLUDED,
    )


def freshness(rungs: Counter[str]) -> str:
    """In words, how many of the zones are live."""
    live = rungs["live_measured"] + rungs["live_estimated"]
    total = rungs.total()
    if total and live == total:
        return "Real-time (5min cache)"
    return f"{live} of {total} zones real-time (5min cache), the others from older values or means"
