"""What running totals add, in whatever order their points come."""

from collections.abc import Iterable
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from apps.telemetry.otlp.series import SeriesState, advance
from apps.telemetry.otlp.signals import SeriesPoint
from tests.telemetry.otlp.sending import START, counter, metrics, point, received

TEMPLATE = received("metrics", metrics(counter(point({"type": "input", "model": "m"}, 1)))).usages[
    0
]

Read = tuple[int | None, int, int]
"""When it began to count, when it was read, and what it said."""


def step(read: Read, requests: int | None = None) -> SeriesPoint:
    start, time, value = read
    return SeriesPoint(
        series=bytes(32),
        start_time=None if start is None else START + timedelta(seconds=start),
        time=START + timedelta(seconds=time),
        value=value,
        requests=requests,
        column="input_uncached",
        template=TEMPLATE,
    )


def growths(reads: Iterable[Read]) -> list[int]:
    state: SeriesState | None = None
    found = []
    for read in reads:
        growth, state = advance(state, step(read))
        found.append(growth.tokens)
    return found


def test_a_counter_adds_its_growth() -> None:
    assert growths([(0, 60, 1000), (0, 120, 1600), (0, 180, 1600)]) == [1000, 600, 0]


def test_a_point_that_is_not_later_adds_nothing() -> None:
    assert growths([(0, 60, 1000), (0, 60, 1000), (0, 60, 2000), (0, 30, 500)]) == [1000, 0, 0, 0]


def test_a_start_after_the_last_time_is_a_restart() -> None:
    assert growths([(0, 60, 1000), (100, 160, 1500)]) == [1000, 1500]


def test_a_value_below_the_last_one_is_a_restart() -> None:
    assert growths([(0, 60, 1000), (0, 120, 90), (0, 180, 100)]) == [1000, 90, 10]


def test_the_first_point_without_a_start_only_sets_the_base() -> None:
    assert growths([(None, 60, 1000), (None, 120, 1600), (None, 180, 50)]) == [0, 600, 50]


def test_a_start_that_only_moves_a_little_is_the_same_run() -> None:
    assert growths([(0, 60, 1000), (1, 120, 1600)]) == [1000, 600]


def test_an_earlier_run_that_goes_on_adds_nothing() -> None:
    assert growths([(0, 60, 100), (70, 75, 3), (0, 80, 110), (70, 85, 4)]) == [100, 3, 0, 1]


def test_requests_grow_with_the_tokens() -> None:
    first, state = advance(None, step((0, 60, 1000), requests=3))
    second, state = advance(state, step((0, 120, 1600), requests=5))
    again, state = advance(state, step((0, 120, 1600), requests=5))
    restarted, _ = advance(state, step((0, 180, 90), requests=1))

    assert [one.requests for one in (first, second, again, restarted)] == [3, 2, 0, 1]
    assert advance(None, step((0, 60, 1000)))[0].requests is None


@st.composite
def runs(draw: st.DrawFn) -> list[list[Read]]:
    """Runs one after the other, each of which only grows."""
    found = []
    clock = 0
    has_starts = draw(st.booleans())
    for _ in range(draw(st.integers(1, 4))):
        start, value = clock, 0
        run: list[Read] = []
        for _ in range(draw(st.integers(1, 5))):
            clock += draw(st.integers(1, 100))
            value += draw(st.integers(0, 1000))
            run.append((start if has_starts else None, clock, value))
        clock += draw(st.integers(1, 100))
        found.append(run)
    return found


@given(runs())
def test_in_order_the_total_is_what_every_run_came_to(of_runs: list[list[Read]]) -> None:
    with_starts = [read for run in of_runs for read in run if read[0] is not None]
    if not with_starts:
        return

    # A run that begins where the one before ended in value is seen as a restart by its start.
    assert sum(growths(with_starts)) == sum(run[-1][2] for run in of_runs)


@given(runs(), st.data())
def test_in_any_order_the_total_is_not_above_the_last_value_of_each_run(
    of_runs: list[list[Read]], data: st.DataObject
) -> None:
    reads = [read for run in of_runs for read in run]
    repeated = reads + data.draw(st.lists(st.sampled_from(reads), max_size=5))

    found = growths(data.draw(st.permutations(repeated)))

    assert min(found) >= 0
    assert sum(found) <= sum(run[-1][2] for run in of_runs)


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 200)), min_size=1, max_size=12), st.data()
)
def test_two_processes_under_one_name_are_never_counted_too_high(
    increments: list[tuple[int, int]], data: st.DataObject
) -> None:
    reads: list[Read] = []
    reached: dict[int, int] = {}
    clock = 100
    for seconds, tokens in increments:
        clock += seconds
        start = data.draw(st.sampled_from([0, 40, 90]))
        reached[start] = reached.get(start, 0) + tokens
        reads.append((start, clock, reached[start]))

    assert sum(growths(data.draw(st.permutations(reads)))) <= sum(reached.values())
