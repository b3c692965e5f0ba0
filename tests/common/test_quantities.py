"""Quantities as people read them: a fitting unit, three digits, nothing that looks like zero."""

from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common import template_quantities as filters
from apps.common.quantities import COUNT, ENERGY, MASS, VOLUME, shown, shown_range


@pytest.mark.parametrize(
    ("grams", "text"),
    [
        ("0", "0 g"),
        ("0E-12", "0 g"),
        ("412345", "412 kg"),
        ("1", "1 g"),
        ("0.19", "190 mg"),
        ("0.0001234", "123 µg"),
        ("0.000000000001", "<0.001 µg"),
        ("-0.000000000001", ">-0.001 µg"),
        ("-1500", "-1.5 kg"),
        ("999.4", "999 g"),
        ("999.6", "1 kg"),
        ("1000", "1 kg"),
        ("1234567890123", "1,234,568 t"),
        ("1005000", "1 t"),
        ("1015000", "1.02 t"),
    ],
)
def test_a_mass_is_shown_in_the_unit_that_fits(grams: str, text: str) -> None:
    assert shown(Decimal(grams), MASS) == text


def test_other_quantities_have_their_own_units() -> None:
    assert shown(Decimal("0.0123"), ENERGY) == "12.3 Wh"
    assert shown(1250.0, ENERGY) == "1.25 MWh"
    assert shown(Decimal("0.5"), VOLUME) == "500 ml"
    assert shown(12_345_678, COUNT) == "12.3 M"
    assert shown(7, COUNT) == "7"


def test_a_range_has_one_unit_that_of_its_middle() -> None:
    assert shown_range(231_000, 412_000, 894_000, MASS) == "231 to 894 kg"
    assert shown_range(0, 0, 0, MASS) == "0 to 0 g"
    assert shown_range(Decimal("0.001"), 1200, 1_500_000, MASS) == "<0.001 to 1,500 kg"


@given(st.decimals(min_value="1e-9", max_value="1e8", allow_nan=False, allow_infinity=False))
def test_what_is_shown_is_the_amount_to_three_digits(grams: Decimal) -> None:
    number, unit = shown(grams, MASS).split(" ")

    factor = {name: size for size, name in MASS}[unit]
    back = Decimal(number.replace(",", "").replace("<", "")) * factor
    if "<" not in number:
        assert abs(back - grams) <= grams * Decimal("0.005")
    else:
        assert grams < back


def test_a_figure_carries_its_exact_value() -> None:
    figure = filters.co2e(Decimal("1234.500000000000"))

    assert figure == '<data value="1234.5" title="1234.5 g CO2e">1.23 kg</data>'
    assert filters.energy(Decimal("1E+3")) == '<data value="1000" title="1000 kWh">1 MWh</data>'
    assert filters.water(0.25) == '<data value="0.25" title="0.25 l">250 ml</data>'
    assert filters.tokens(1500) == '<data value="1500" title="1500 ">1.5 k</data>'


def test_ranges_are_texts() -> None:
    bounds = SimpleNamespace(low=Decimal("0.5"), central=Decimal(1), high=Decimal(2))

    assert filters.co2e_range(bounds) == "0.5 to 2 g"
    assert filters.energy_range(bounds) == "0.5 to 2 kWh"
    assert filters.water_range(bounds) == "0.5 to 2 l"


def test_a_bar_is_drawn_to_scale() -> None:
    bounds = SimpleNamespace(low=Decimal(1), central=Decimal(2), high=Decimal(4))

    bar = filters.range_bar(bounds, Decimal(8))

    assert 'x="12.500" width="37.500"' in bar
    assert 'x="24.600" width="0.8"' in bar
    assert 'x="0.000"' in filters.range_bar(SimpleNamespace(low=0, central=0, high=0), 0)


def test_shares_fill_the_bar() -> None:
    bar = filters.share_bar(1, 3)

    assert 'class="a" x="0.000" width="25.000"' in bar
    assert 'class="b" x="25.000" width="75.000"' in bar
    assert 'width="0.000"' in filters.share_bar(0, 0)
