"""Rows as sources send them become equal steps, or are refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from apps.emissions.optimizer.errors import UnevenSeriesError
from apps.emissions.optimizer.series import Series, series_of

START = datetime(2026, 2, 11, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_rows_come_in_any_order_and_a_missing_one_is_a_gap() -> None:
    series = series_of([(START + 3 * HOUR, 4.0), (START, 1.0), (START + HOUR, 2.0)])

    assert series == Series(START, HOUR, (1.0, 2.0, None, 4.0))
    assert series.end == START + 4 * HOUR


def test_of_rows_for_one_moment_the_first_number_stands() -> None:
    elsewhere = START.astimezone(timezone(timedelta(hours=5, minutes=30)))
    rows = [(START, None), (elsewhere, 1.0), (START, 2.0), (START + HOUR, 3.0)]

    assert series_of(rows).values == (1.0, 3.0)


def test_a_moment_has_the_value_of_its_step() -> None:
    series = Series(START, HOUR, (1.0, None))

    moments = [START - HOUR / 60, START, START + HOUR * 0.99, START + HOUR, START + 2 * HOUR]
    assert [series.at(moment) for moment in moments] == [None, 1.0, 1.0, None, None]


@pytest.mark.parametrize(
    "minutes",
    [
        (0, 60, 90, 150, 195),
        (0, 60, 100),
        (0, 45, 90),
        (0, 120, 240),
        (0,),
        (),
    ],
)
def test_steps_that_are_not_equal_parts_of_an_hour_are_refused(minutes: tuple[int, ...]) -> None:
    with pytest.raises(UnevenSeriesError):
        series_of([(START + timedelta(minutes=minute), 1.0) for minute in minutes])


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), 1e9])
def test_values_that_are_no_intensity_are_refused(value: float) -> None:
    with pytest.raises(UnevenSeriesError):
        Series(START, HOUR, (1.0, value))


def test_a_moment_without_a_time_zone_is_refused() -> None:
    naive = START.replace(tzinfo=None)

    with pytest.raises(UnevenSeriesError):
        series_of([(naive, 1.0), (naive + HOUR, 1.0)])
    with pytest.raises(UnevenSeriesError):
        Series(naive, HOUR, (1.0,))
    with pytest.raises(UnevenSeriesError):
        Series(START, HOUR, ())
