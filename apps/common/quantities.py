"""How quantities are shown to people: a unit that fits and three significant digits."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

Scale = tuple[tuple[Decimal, str], ...]

MASS: Final[Scale] = (
    (Decimal("1e6"), "t"),
    (Decimal("1e3"), "kg"),
    (Decimal(1), "g"),
    (Decimal("1e-3"), "mg"),
    (Decimal("1e-6"), "µg"),
)
"""Steps of a mass in grams."""
ENERGY: Final[Scale] = (
    (Decimal("1e3"), "MWh"),
    (Decimal(1), "kWh"),
    (Decimal("1e-3"), "Wh"),
    (Decimal("1e-6"), "mWh"),
)
"""Steps of an energy in kilowatt-hours."""
VOLUME: Final[Scale] = (
    (Decimal("1e3"), "m³"),
    (Decimal(1), "l"),
    (Decimal("1e-3"), "ml"),
    (Decimal("1e-6"), "µl"),
)
"""Steps of a volume in litres."""
COUNT: Final[Scale] = (
    (Decimal("1e9"), "bn"),
    (Decimal("1e6"), "M"),
    (Decimal("1e3"), "k"),
    (Decimal(1), ""),
)
SIGNIFICANT: Final = 3
LEAST: Final = Decimal("0.001")
"""What is smaller than this, in the unit shown, is only said to be smaller."""


def shown(amount: Decimal | float, scale: Scale) -> str:
    """`412 kg`, `0.19 g`, `<1 µg`."""
    number, unit = _in_unit(Decimal(str(amount)), *_step(Decimal(str(amount)), scale))
    return f"{number} {unit}".rstrip()


def shown_range(
    low: Decimal | float, central: Decimal | float, high: Decimal | float, scale: Scale
) -> str:
    """`231 to 894 kg`, both ends in the unit that fits the central value."""
    step = _step(Decimal(str(central)), scale)
    lowest, unit = _in_unit(Decimal(str(low)), *step)
    highest, _ = _in_unit(Decimal(str(high)), *step)
    return f"{lowest} to {highest} {unit}".rstrip()


def _step(amount: Decimal, scale: Scale) -> tuple[Decimal, str]:
    if not amount:
        return next(((factor, unit) for factor, unit in scale if factor == 1), scale[-1])
    rounded = abs(_rounded(amount))  # 999.9 g is 1 kg
    return next(((factor, unit) for factor, unit in scale if rounded >= factor), scale[-1])


def _in_unit(amount: Decimal, factor: Decimal, unit: str) -> tuple[str, str]:
    number = amount / factor
    if not number:
        return "0", unit
    if abs(number) < LEAST:
        return f"<{LEAST}" if number > 0 else f">-{LEAST}", unit
    return _significant(number), unit


def _rounded(number: Decimal) -> Decimal:
    places = max(0, SIGNIFICANT - 1 - number.adjusted())
    return number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)


def _significant(number: Decimal) -> str:
    text = f"{_rounded(number):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
