"""The rule for unusual days, as properties and as its limits."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.telemetry.anomaly import LEAST_EXCESS, LEAST_USED, WEEKS, is_anomalous

grams = st.decimals(min_value=0, max_value=10**9, places=3)
used = st.decimals(min_value="0.001", max_value=10**9, places=3)
histories = st.lists(used, min_size=LEAST_USED, max_size=WEEKS)


def middle(history: list[Decimal]) -> Decimal:
    ordered = sorted(history)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


@given(used, st.integers(0, WEEKS))
def test_a_day_like_all_days_is_never_unusual(value: Decimal, number: int) -> None:
    assert not is_anomalous([value] * number, value)


@given(st.lists(used, max_size=LEAST_USED - 1), grams)
def test_young_or_sparse_use_is_never_unusual(history: list[Decimal], value: Decimal) -> None:
    sparse = [*history, *[Decimal()] * (WEEKS - len(history))]

    assert not is_anomalous(history, value)
    assert not is_anomalous(sparse, value)


@given(histories)
def test_ten_times_the_median_is_unusual_once_it_is_large_enough(history: list[Decimal]) -> None:
    usual = middle(history)
    assume(usual * 9 >= LEAST_EXCESS)

    assert is_anomalous(history, usual * 10)


@given(histories, grams, st.integers(1, 1000))
def test_the_unit_does_not_matter(history: list[Decimal], value: Decimal, times: int) -> None:
    scaled = [day * times for day in history]

    assert is_anomalous(history, value) == is_anomalous(
        scaled, value * times, least_excess=LEAST_EXCESS * times
    )


@given(histories, grams, grams)
def test_what_lies_above_an_unusual_day_is_unusual(
    history: list[Decimal], value: Decimal, more: Decimal
) -> None:
    assert is_anomalous(history, value) <= is_anomalous(history, value + more)


@given(histories, grams)
def test_the_order_of_the_weeks_does_not_matter(history: list[Decimal], value: Decimal) -> None:
    assert is_anomalous(history, value) == is_anomalous(sorted(history), value)


@given(histories)
def test_no_day_is_unusual_that_is_below_twice_the_median_or_hardly_above_it(
    history: list[Decimal],
) -> None:
    usual = middle(history)

    assert not is_anomalous(history, usual * 2 - Decimal("0.001"))
    assert not is_anomalous(history, usual + LEAST_EXCESS - Decimal("0.001"))


@pytest.mark.parametrize(
    ("history", "value", "expected"),
    [
        ([1000] * 8, 2000, True),  # the spread is a tenth of the median, at least
        ([1000] * 8, 1999, False),
        ([10] * 8, 110, True),  # at least 100 g above
        ([10] * 8, 109, False),
        ([600, 700, 800, 900, 1000, 1100, 1200, 1300], 2433, True),  # 950 + 5 x 1.4826 x 200
        ([600, 700, 800, 900, 1000, 1100, 1200, 1300], 2432, False),
        ([1000] * 7 + [100_000], 2000, True),  # one earlier anomaly moves nothing
        ([0, 0, 1000, 1000, 1000, 1000, 1000, 1000], 2000, True),
        ([0, 0, 0, 1000, 1000, 1000, 1000, 1000], 99_999, False),
    ],
)
def test_the_limits_are_where_the_formula_puts_them(
    history: list[int], value: int, *, expected: bool
) -> None:
    assert is_anomalous([Decimal(day) for day in history], Decimal(value)) is expected
