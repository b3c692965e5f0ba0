"""Everyday things of the size of a figure, and cleaner places for the same electricity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.emissions.calc.equivalents import (
    CAR_GRAMS_PER_KM,
    KETTLE_KWH_PER_LITRE,
    equivalents,
)
from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.greener import greener_tip


@pytest.mark.parametrize(
    ("grams", "kwh", "first"),
    [
        (0.0, 1e-12, "less than 1 ms of a 10 W LED lamp"),
        (0.0, 1 / 360_000, "about 1 s of a 10 W LED lamp"),
        (0.0, 59.7 / 360_000, "about 1 min of a 10 W LED lamp"),
        (0.0, 0.01, "about 1 h of a 10 W LED lamp"),
        (0.0, 0.24, "about 1 day of a 10 W LED lamp"),
        (0.0, 87.6, "about 1 year of a 10 W LED lamp"),
    ],
)
def test_a_small_figure_is_told_as_the_time_of_a_lamp(grams: float, kwh: float, first: str) -> None:
    assert equivalents(grams, kwh)[0] == first


def test_each_text_has_the_figure_that_it_was_converted_by() -> None:
    _, kettle, car = equivalents(3 * CAR_GRAMS_PER_KM, 2 * KETTLE_KWH_PER_LITRE)

    assert kettle == "about 2 l of water brought to the boil (0.093 kWh a litre)"
    assert car == "about 3 km in a typical passenger car (251 g/km, US EPA)"


def test_a_large_figure_is_told_by_large_things_only() -> None:
    car, home = equivalents(2.5e12, 10_715 * 3)

    assert car == "about 10 billion km in a typical passenger car (251 g/km, US EPA)"
    assert home == (
        "about 3 years of the electricity of an average US home (10,715 kWh a year, US EIA)"
    )


def test_nothing_is_like_nothing() -> None:
    assert equivalents(0.0, 0.0) == []


@given(st.floats(0, 1e18), st.floats(0, 1e18))
def test_no_figure_is_written_with_an_exponent_or_more_than_two_digits(
    grams: float, kwh: float
) -> None:
    for text in equivalents(grams, kwh):
        number = text.removeprefix("about ").removeprefix("less than ").split(" ")[0]
        digits = number.replace(",", "").replace(".", "").strip("0")
        assert digits.isdigit()
        assert len(digits) <= 2


@given(st.floats(0, 2000))
def test_a_tip_promises_less_and_only_on_a_grid_that_is_not_clean(
    document: FactorDocument, intensity: float
) -> None:
    tip = greener_tip(document, intensity)

    assert (tip is not None) == (intensity >= 100)


def test_a_tip_names_the_place_its_intensity_and_the_share(document: FactorDocument) -> None:
    assert greener_tip(document, 383.55) == (
        "The same electricity in Sweden (35.89 gCO2e/kWh, 2024) "
        "would emit 91% less than at 383.55 gCO2e/kWh."
    )
