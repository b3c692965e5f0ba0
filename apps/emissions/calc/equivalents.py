"""Figures told as everyday things, each with the figure that it was converted by.

A lamp and a kettle are physics. The car is 8,887 g of CO2 a gallon at 22 miles a gallon (US EPA,
EPA-420-F-23-014, tailpipe only); the home 10,715 kWh a year (US EIA, FAQ 97, mean of 2020).
"""

LAMP_WATTS = 10
KETTLE_KWH_PER_LITRE = 4.186 * 80 / 3600  # kJ per kg and K, from 20 to 100 degrees
CAR_GRAMS_PER_KM = 8887 / 22 / 1.609344
HOME_KWH_PER_YEAR = 10_715

_SECONDS_PER_KWH_OF_LAMP = 3600 * 1000 / LAMP_WATTS
_LITRES = (0.1, 1000.0)
_LEAST_METRES = 1.0
_LEAST_HOME_DAYS = 1.0
_LONGEST_LAMP_SECONDS = 365 * 86_400.0
_Units = tuple[tuple[float, str], ...]
_TIME: _Units = (
    (365 * 86_400.0, "years"),
    (86_400.0, "days"),
    (3600.0, "h"),
    (60.0, "min"),
    (1.0, "s"),
    (0.001, "ms"),
)
_LENGTH: _Units = ((1000.0, "km"), (1.0, "m"))
_ONE = {"years": "year", "days": "day"}
_LARGE = ((1e12, " trillion"), (1e9, " billion"), (1e6, " million"))


def equivalents(co2e_grams: float, energy_kwh: float) -> list[str]:
    """What a person can picture at this size, smallest thing first; nothing for nothing."""
    return [
        *_lamp(energy_kwh * _SECONDS_PER_KWH_OF_LAMP),
        *_kettle(energy_kwh / KETTLE_KWH_PER_LITRE),
        *_car(co2e_grams / CAR_GRAMS_PER_KM * 1000),
        *_home(energy_kwh / HOME_KWH_PER_YEAR * 365),
    ]


def _lamp(seconds: float) -> list[str]:
    if not 0 < seconds <= _LONGEST_LAMP_SECONDS:
        return []
    return [f"{_scaled(seconds, _TIME)} of a {LAMP_WATTS} W LED lamp"]


def _kettle(litres: float) -> list[str]:
    if not _LITRES[0] <= litres <= _LITRES[1]:
        return []
    per_litre = f"{KETTLE_KWH_PER_LITRE:.3f} kWh a litre"
    return [f"about {_short(litres)} l of water brought to the boil ({per_litre})"]


def _car(metres: float) -> list[str]:
    if metres < _LEAST_METRES:
        return []
    per_km = f"{CAR_GRAMS_PER_KM:.0f} g/km, US EPA"
    return [f"{_scaled(metres, _LENGTH)} in a typical passenger car ({per_km})"]


def _home(days: float) -> list[str]:
    if days < _LEAST_HOME_DAYS:
        return []
    per_year = f"{HOME_KWH_PER_YEAR:,} kWh a year, US EIA"
    length = _scaled(days * 86_400, _TIME)
    return [f"{length} of the electricity of an average US home ({per_year})"]


def _scaled(amount: float, units: _Units) -> str:
    """In the largest unit of which there is a whole one after rounding."""
    rounded = max(amount, float(f"{amount:.2g}"))  # 59.7 s is a minute
    fitting = (unit for unit in units if rounded >= unit[0])
    size, name = next(fitting, (0.0, ""))
    if not size:
        return f"less than 1 {units[-1][1]}"
    number = _short(max(amount / size, 1.0))
    return f"about {number} {_ONE.get(name, name) if number == '1' else name}"


def _short(number: float) -> str:
    """Two significant digits, written out: more would promise too much."""
    rounded = float(f"{number:.2g}")
    size, word = next((step for step in _LARGE if rounded >= step[0]), (1.0, ""))
    return f"{rounded / size:,.15g}{word}"
