"""The best window of any series, against trying every one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.emissions.optimizer.series import Series, series_of
from apps.emissions.optimizer.windows import NoWindow, Window, contiguous, interruptible
from tests.emissions.optimizer.conftest import traces

START = datetime(2026, 2, 11, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
CELL = timedelta(minutes=10)

Search = Callable[..., Window | NoWindow]


def hourly(*values: float | None) -> Series:
    return Series(START, HOUR, values)


def at(hour: int, minute: int = 0) -> datetime:
    return START.replace(hour=hour, minute=minute)


def found(answer: Window | NoWindow) -> Window:
    assert isinstance(answer, Window), answer
    return answer


def test_the_window_with_the_smallest_mean_wins() -> None:
    best = found(contiguous(hourly(50, 40, 10, 20, 60), 2 * HOUR, not_before=START))

    assert (best.start, best.end, best.gco2e_per_kwh) == (at(12), at(14), 15)
    assert (best.start_now_gco2e_per_kwh, best.saved_gco2e_per_kwh) == (45, 30)
    assert best.saved_share == pytest.approx(30 / 45)
    assert (best.current_gco2e_per_kwh, best.current_vs_optimal_gco2e_per_kwh) == (50, 35)


def test_partly_covered_hours_weigh_by_their_minutes() -> None:
    """2.5 hours from 10:20 cover 40, 60 and 50 minutes."""
    best = found(contiguous(hourly(30, 60, 90), 2.5 * HOUR, not_before=at(10, 20)))

    assert best.start == at(10, 20)
    assert best.gco2e_per_kwh == pytest.approx((40 * 30 + 60 * 60 + 50 * 90) / 150)


def test_a_job_begins_now_or_at_a_step() -> None:
    values = (100, 10, 100, 100)

    assert found(contiguous(hourly(*values), HOUR, not_before=at(10, 20))).start == at(11)
    assert found(contiguous(hourly(10, 100, 100), HOUR, not_before=at(10, 20))).start == at(10, 20)


def test_half_hours_are_steps_too() -> None:
    halves = Series(START, HOUR / 2, (50, 40, 10, 20))

    best = found(contiguous(halves, HOUR, not_before=START))

    assert (best.start, best.gco2e_per_kwh) == (at(11), 15)


def test_equal_values_mean_start_now_and_save_nothing() -> None:
    flat = hourly(*[0.1] * 48)  # a value that floats cannot sum exactly

    for search in (contiguous, interruptible):
        best = found(search(flat, 7 * HOUR, not_before=at(10, 20)))
        assert (best.start, len(best.spans)) == (at(10, 20), 1)
        assert (best.saved_gco2e_per_kwh, best.saved_share) == (0, 0)


def test_free_electricity_saves_a_share_of_nothing() -> None:
    assert found(contiguous(hourly(0, 0), HOUR, not_before=START)).saved_share == 0


def test_pauses_take_the_best_hours_and_merge_neighbours() -> None:
    best = found(interruptible(hourly(10, 50, 30, 20, 60), 3 * HOUR, not_before=START))

    assert [(span.start, span.end) for span in best.spans] == [(at(10), at(11)), (at(12), at(14))]
    assert [span.gco2e_per_kwh for span in best.spans] == [10, 25]
    assert (best.gco2e_per_kwh, best.start_now_gco2e_per_kwh) == (20, 30)


def test_the_last_hour_chosen_is_used_from_its_beginning() -> None:
    best = found(interruptible(hourly(50, 10, 50, 20), 1.5 * HOUR, not_before=START))

    assert [(span.start, span.end) for span in best.spans] == [
        (at(11), at(12)),
        (at(13), at(13, 30)),
    ]


@pytest.mark.parametrize("search", [contiguous, interruptible])
@pytest.mark.parametrize(
    ("values", "hours", "deadline", "reason"),
    [
        ((1, 1, 1), 4, None, "horizon_too_short"),
        ((1, 1, 1), 4, at(20), "horizon_too_short"),
        ((1, 1, 1, 1), 3, at(12), "deadline_too_early"),
        ((1, 1), 4, at(13), "deadline_too_early"),
        ((1, None, None, 1), 3, None, "gap"),
    ],
)
def test_where_nothing_fits_the_reason_is_told(
    search: Search, values: tuple[float | None, ...], hours: int, deadline: datetime, reason: str
) -> None:
    answer = search(hourly(*values), hours * HOUR, not_before=START, deadline=deadline)

    assert answer == NoWindow(reason)  # type: ignore[arg-type] # parametrized text


def test_a_series_that_begins_later_or_ended_before_is_used_as_far_as_it_goes() -> None:
    later = found(contiguous(hourly(5, 9), HOUR, not_before=at(8)))

    assert (later.start, later.start_now_gco2e_per_kwh) == (START, None)
    assert later.saved_gco2e_per_kwh is None
    assert later.saved_share is None
    assert later.current_vs_optimal_gco2e_per_kwh is None
    assert contiguous(hourly(5), HOUR, not_before=at(15)) == NoWindow("horizon_too_short")


def test_a_start_in_a_gap_is_no_comparison() -> None:
    best = found(contiguous(hourly(None, 5, 4), HOUR, not_before=START))

    assert best.start == at(12)
    assert best.start_now_gco2e_per_kwh is None


@pytest.mark.parametrize("search", [contiguous, interruptible])
def test_a_job_takes_time(search: Search) -> None:
    with pytest.raises(ValueError, match="takes time"):
        search(hourly(1), timedelta(), not_before=START)


def test_no_window_of_a_real_trace_spans_its_gap() -> None:
    series = series_of(traces("gaps_2022.csv")["PJM"])
    missing = [n for n, value in enumerate(series.values) if value is None]
    first, last = series.start + missing[0] * HOUR, series.start + (missing[-1] + 1) * HOUR

    assert len(missing) == 22
    assert last - first == 22 * HOUR
    for hours in range(1, 49):
        best = found(contiguous(series, hours * HOUR, not_before=series.start))
        assert best.end <= first or best.start >= last
    assert contiguous(series, 100 * HOUR, not_before=series.start) == NoWindow("gap")


@dataclass(frozen=True)
class Question:
    series: Series
    length: int
    begin: int
    deadline: int | None

    @property
    def per_step(self) -> int:
        return self.series.step // CELL

    @property
    def cells(self) -> list[float | None]:
        return [value for value in self.series.values for _ in range(self.per_step)]

    @property
    def last(self) -> int:
        end = len(self.cells)
        return end if self.deadline is None else min(end, self.deadline)

    def ask(self, search: Search) -> Window | NoWindow:
        return search(
            self.series,
            self.length * CELL,
            not_before=START + self.begin * CELL,
            deadline=None if self.deadline is None else START + self.deadline * CELL,
        )

    def too_short(self) -> str | None:
        if self.deadline is not None and self.deadline - self.begin < self.length:
            return "deadline_too_early"
        return "horizon_too_short" if self.last - self.begin < self.length else None


@st.composite
def questions(draw: st.DrawFn) -> Question:
    value = st.one_of(st.none(), st.integers(0, 9), st.floats(0, 900), st.floats(0, 900))
    values = draw(st.lists(value, min_size=1, max_size=14))
    step = draw(st.sampled_from([HOUR, HOUR / 2]))
    cells = len(values) * (step // CELL)
    return Question(
        Series(START, step, tuple(values)),
        length=draw(st.integers(1, cells + 2)),
        begin=draw(st.integers(0, cells)),
        deadline=draw(st.one_of(st.none(), st.integers(0, cells + 6))),
    )


@given(question=questions())
@settings(max_examples=400)
def test_one_window_is_what_trying_every_start_finds(question: Question) -> None:
    cells, length = question.cells, question.length
    tried = {
        start: sum(value for value in cells[start : start + length] if value is not None) / length
        for start in range(question.begin, question.last - length + 1)
        if (start == question.begin or start % question.per_step == 0)
        and None not in cells[start : start + length]
    }

    answer = question.ask(contiguous)

    if not tried:
        assert answer == NoWindow(question.too_short() or "gap")  # type: ignore[arg-type] # text
        return
    best = found(answer)
    assert best.end - best.start == length * CELL
    assert best.gco2e_per_kwh == pytest.approx(min(tried.values()), abs=1e-6)
    chosen = (best.start - START) // CELL
    assert tried[chosen] == pytest.approx(min(tried.values()), abs=1e-6)
    assert not [start for start in tried if start < chosen and tried[start] < tried[chosen] - 1e-6]
    if question.begin in tried:
        assert best.start_now_gco2e_per_kwh == pytest.approx(tried[question.begin], abs=1e-6)
        assert best.saved_gco2e_per_kwh is not None
        assert best.saved_gco2e_per_kwh >= 0


@given(question=questions())
@settings(max_examples=400)
def test_pauses_are_what_choosing_the_smallest_parts_finds(question: Question) -> None:
    cells = question.cells[question.begin : question.last]
    smallest = sorted(value for value in cells if value is not None)[: question.length]

    answer = question.ask(interruptible)

    if len(smallest) < question.length:
        assert answer == NoWindow(question.too_short() or "gap")  # type: ignore[arg-type] # text
        return
    best = found(answer)
    assert sum((span.end - span.start for span in best.spans), timedelta()) == (
        question.length * CELL
    )
    assert best.gco2e_per_kwh == pytest.approx(sum(smallest) / question.length, abs=1e-6)
    assert all(one.end < other.start for one, other in pairwise(best.spans))
    for span in best.spans:
        assert span.start == START + question.begin * CELL or not (
            (span.start - START) % question.series.step
        )


@given(question=questions())
def test_pauses_never_cost_more(question: Question) -> None:
    whole, parts = question.ask(contiguous), question.ask(interruptible)

    if isinstance(whole, Window):
        assert found(parts).gco2e_per_kwh <= whole.gco2e_per_kwh + 1e-9
