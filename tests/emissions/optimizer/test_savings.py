"""Savings: against one's own choice, against the worst, and on traces by plain arithmetic."""

from functools import cache

import pytest

from apps.emissions.cloud import CloudCatalogue
from apps.emissions.optimizer.offers import ZoneIntensity
from apps.emissions.optimizer.ranking import rank
from apps.emissions.optimizer.runs import Run
from apps.emissions.optimizer.savings import Saving, against_own, best_against_worst
from apps.emissions.optimizer.series import HOUR, series_of
from apps.emissions.optimizer.windows import Window, contiguous, interruptible
from tests.emissions.optimizer.conftest import traces

SLACK = 24
EVERY = 17
"""Starts tried are this many hours apart: prime to a day, so that every hour of it is tried."""

PLACES = ("aws:us-east-1", "aws:us-west-2", "aws:ca-central-1")


def run(cloud: CloudCatalogue, region: str, instance: str, grams: float, hours: float) -> Run:
    place, machine = cloud.region(region), cloud.instance(instance)
    assert place is not None
    assert machine is not None
    intensity = ZoneIntensity(place.zone, grams, "lifecycle", "a test", is_estimate=False)
    return Run(place, machine, intensity, hours)


def test_the_own_choice_is_compared_by_place_and_then_by_time(cloud: CloudCatalogue) -> None:
    own = run(cloud, "us-east-1", "m5.large", 400, 10)
    moved = run(cloud, "eu-north-1", "m5.large", 50, 10)
    waited = moved.at(30)

    saving = against_own(own, waited, unit="vcpu_hour", chosen_started_now=moved)

    kwh, made = 0.0141 * 10, 0.958 * 10
    own_grams = kwh * own.region.pue * 400 + made
    moved_grams, waited_grams = (kwh * moved.region.pue * g + made for g in (50, 30))
    assert saving.by_place.saved_grams == pytest.approx(own_grams - moved_grams)
    assert saving.by_time.saved_grams == pytest.approx(moved_grams - waited_grams)
    assert saving.whole.saved_grams == pytest.approx(own_grams - waited_grams)
    assert saving.whole.saved_percent == pytest.approx(100 * (1 - waited_grams / own_grams))


def test_unlike_machines_are_compared_for_the_same_work(cloud: CloudCatalogue) -> None:
    own = run(cloud, "us-east-1", "m5.large", 400, 1)
    larger = run(cloud, "us-east-1", "m5.2xlarge", 400, 1)

    saving = against_own(own, larger, unit="vcpu_hour").whole

    assert saving.baseline_grams == pytest.approx(4 * own.co2e_grams.central)
    assert abs(saving.saved_percent) < 2


def test_a_worse_choice_saves_less_than_nothing(cloud: CloudCatalogue) -> None:
    own = run(cloud, "us-east-1", "m5.large", 30, 1)

    assert against_own(own, own.at(400), unit="instance_hour").whole.saved_grams < 0
    assert against_own(own, own, unit="instance_hour").whole.saved_grams == 0
    assert Saving(0.0, 0.0).saved_percent == 0


def test_who_does_not_wait_saves_exactly_nothing_by_waiting(cloud: CloudCatalogue) -> None:
    chosen = run(cloud, "eu-north-1", "g6.xlarge", 20, 24)

    saving = against_own(run(cloud, "us-east-1", "g6.xlarge", 418, 24), chosen, unit="gpu_hour")

    assert saving.by_time.saved_grams == 0


def test_what_does_no_such_work_is_no_comparison(cloud: CloudCatalogue) -> None:
    own = run(cloud, "us-east-1", "m5.large", 30, 1)
    gpu = run(cloud, "us-east-1", "g4dn.xlarge", 30, 1)

    with pytest.raises(ValueError, match="gpu_hour"):
        against_own(own, gpu, unit="gpu_hour")
    with pytest.raises(ValueError, match="gpu_hour"):
        against_own(gpu, own, unit="gpu_hour")


def test_best_against_worst_is_the_difference_of_the_ends(
    cloud: CloudCatalogue, yearly: dict[str, ZoneIntensity]
) -> None:
    instance = cloud.instance("p4d.24xlarge")
    assert instance is not None
    among = [(region, instance) for name in PLACES if (region := cloud.region(name))]
    ranked = rank(among, yearly, priority="carbon", unit="instance_hour", hours=24)

    saving = best_against_worst(ranked.options, ranked.unit)

    grams = [option.run.co2e_grams.central for option in ranked.options]
    assert saving is not None
    assert saving.baseline_grams == pytest.approx(max(grams))
    assert saving.chosen_grams == pytest.approx(min(grams))
    assert [option.run.region.zone for option in ranked.options] == [
        "CA-QC",
        "US-NW-PACW",
        "US-MIDA-PJM",
    ]
    assert best_against_worst((), ranked.unit) is None


def test_between_equals_nothing_is_saved(
    cloud: CloudCatalogue, yearly: dict[str, ZoneIntensity]
) -> None:
    region, instance = cloud.region("eu-west-3"), cloud.instance("m5.large")
    assert region is not None
    assert instance is not None
    ranked = rank([(region, instance)], yearly, priority="balanced", unit="vcpu_hour")

    saving = best_against_worst(ranked.options, ranked.unit)

    assert saving is not None
    assert saving.saved_percent == pytest.approx(0)
    assert ranked.options[0].score == 1.0


@cache
def mean_savings(hours: int) -> dict[str, tuple[float, float, float]]:
    """Per zone of the trace: ours with one window, by plain arithmetic, and ours with pauses."""
    found = {}
    for zone, trace in traces("intensity_2022_05_06.csv").items():
        whole: list[float] = []
        plain: list[float] = []
        paused: list[float] = []
        values = [value for _, value in trace if value is not None]
        for first in range(0, len(values) - SLACK - hours, EVERY):
            series = series_of(trace[first : first + 2 * SLACK + hours])
            until = series.start + (SLACK + hours) * HOUR
            for shares, search in ((whole, contiguous), (paused, interruptible)):
                window = search(series, hours * HOUR, not_before=series.start, deadline=until)
                assert isinstance(window, Window)
                assert window.saved_share is not None
                shares.append(window.saved_share)
            sums = [sum(values[n : n + hours]) for n in range(first, first + SLACK + 1)]
            plain.append(1 - min(sums) / sums[0])
        found[zone] = tuple(sum(shares) / len(shares) for shares in (whole, plain, paused))
    return found  # type: ignore[return-value] # three shares each


@pytest.mark.parametrize("hours", [1, 4, 6, 12])
def test_savings_on_a_trace_are_what_plain_arithmetic_finds(hours: int) -> None:
    savings = mean_savings(hours)

    assert len(savings) == 21
    for zone, (whole, plain, paused) in savings.items():
        assert whole == pytest.approx(plain, abs=1e-9), zone
        assert 0 < whole <= paused + 1e-12, zone


def test_short_jobs_and_sunny_zones_gain_most() -> None:
    def mean(hours: int) -> float:
        return sum(whole for whole, _, _ in mean_savings(hours).values()) / 21

    assert mean(1) > mean(4) > mean(6) > mean(12)
    assert mean_savings(4)["US-CAL-CISO"][0] > 3 * mean_savings(4)["KR"][0]


def test_trace_is_the_one_that_was_described() -> None:
    trace = traces("intensity_2022_05_06.csv")

    assert len(trace) == 21
    assert {len(rows) for rows in trace.values()} == {60 * 24}
    assert all(value is not None for rows in trace.values() for _, value in rows)
