"""The serial ranges of carbon registries: reading them, and which serial holds which gram.

Each registry writes its ranges in its own form. A text that looks like the registry's form and is
not quite it is refused; a text of an unknown form is kept as it stands and marked unparsed. The
forms were read off public registry exports (https://github.com/carbonplan/offsets-db-data).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

GRAMS_PER_SERIAL = 1_000_000  # a serial is a tonne
MAX_LENGTH = 300
_GAP = "*"  # where the first and the last number stood

# In all patterns: serials begin at 1 and are written without leading zeros.
_FIRST = r"(?P<first>[1-9][0-9]{0,17})"
_LAST = r"(?P<last>[1-9][0-9]{0,17})"
_COUNTRY = r"(?P<country>[A-Z]{2})"
_PROJECT = r"(?P<project>[0-9]+)"
_VINTAGE = r"(?P<vintage>[0-9]{4})"


class SerialError(ValueError):
    """A serial range that contradicts itself, its quantity, or its registry's form."""


@dataclass(frozen=True, slots=True)
class SerialRange:
    """One range. `stem` is the text without its numbers; unparsed, it is the whole text."""

    registry: str
    text: str
    stem: str
    parsed: bool
    units: int | None
    first: int | None = None
    last: int | None = None
    project_id: str | None = None
    country: str | None = None
    vintage_start: date | None = None
    vintage_end: date | None = None

    def overlaps(self, other: "SerialRange") -> bool:
        """Whether one unit could be in both."""
        if (self.registry, self.stem) != (other.registry, other.stem):
            return False
        if self.first is None or self.last is None or other.first is None or other.last is None:
            return True
        return self.first <= other.last and other.first <= self.last

    def serials_at(self, gram_start: int, gram_end: int) -> tuple[int, int]:
        """The first and last serial that hold the grams `[gram_start, gram_end)` of this range."""
        if self.first is None or self.last is None:
            raise SerialError("the serials of an unparsed range are not numbered")
        first = self.first + gram_start // GRAMS_PER_SERIAL
        last = self.first + (gram_end - 1) // GRAMS_PER_SERIAL
        if not 0 <= gram_start < gram_end or last > self.last:
            raise SerialError(f"grams {gram_start} to {gram_end} are not inside {self.text}")
        return first, last

    def part(self, first: int, last: int) -> str:
        """A sub-range, as the registry would write it."""
        if self.first is None or self.last is None:
            raise SerialError("an unparsed range has no parts")
        if not self.first <= first <= last <= self.last:
            raise SerialError(f"{first} to {last} is not inside {self.text}")
        before, between, after = self.stem.split(_GAP)
        return f"{before}{first}{between}{last}{after}"


@dataclass(frozen=True, slots=True)
class _Form:
    pattern: re.Pattern[str]
    looks_like: re.Pattern[str]
    project_prefix: str
    vintage: Callable[[re.Match[str]], tuple[date, date]]


def parse(registry: str, text: str, *, units: int | None = None) -> SerialRange:
    """Read a range; `units` is the stated quantity, which a numbered range must equal."""
    _refuse_unsafe(text)
    if units is not None and units < 1:
        raise SerialError("a range holds at least one unit")
    form = _FORMS.get(registry)
    match = form.pattern.fullmatch(text) if form else None
    if form is None or match is None:
        if form and form.looks_like.match(text):
            raise SerialError(f"not the form in which {registry} writes a range")
        return SerialRange(registry, text, stem=text, parsed=False, units=units)
    first, last = int(match["first"]), int(match["last"])
    if last < first:
        raise SerialError("the range ends before it starts")
    if units not in (None, last - first + 1):
        raise SerialError(f"the range holds {last - first + 1} units, not {units}")
    vintage_start, vintage_end = form.vintage(match)
    return SerialRange(
        registry,
        text,
        stem=_stem(match),
        parsed=True,
        units=last - first + 1,
        first=first,
        last=last,
        project_id=form.project_prefix + match["project"],
        country=match["country"],
        vintage_start=vintage_start,
        vintage_end=vintage_end,
    )


def disagreements(
    serial: SerialRange, *, project_id: str, vintage_start: date, vintage_end: date
) -> list[str]:
    """Where the stated project and vintage are not those that the serial itself names.

    Verra writes the vintage's days, so they must be equal; the others write a year, so the
    stated days must lie in it.
    """
    found = []
    if serial.project_id is not None and serial.project_id != project_id:
        found.append(f"the serial is of project {serial.project_id}, not {project_id}")
    if serial.vintage_start is None or serial.vintage_end is None:
        return found
    if serial.registry == "verra":
        agrees = (vintage_start, vintage_end) == (serial.vintage_start, serial.vintage_end)
    else:
        agrees = serial.vintage_start <= vintage_start <= vintage_end <= serial.vintage_end
    if not agrees:
        found.append(
            f"the serial is of vintage {serial.vintage_start} to {serial.vintage_end}, "
            f"not {vintage_start} to {vintage_end}"
        )
    return found


def _refuse_unsafe(text: str) -> None:
    if not text or len(text) > MAX_LENGTH or text != text.strip() or not text.isprintable():
        raise SerialError("a serial range is one line of text without spaces around it")
    if text[0] in "=+-@":
        raise SerialError("a serial range does not begin like a spreadsheet formula")


def _stem(match: re.Match[str]) -> str:
    text = match.string
    between = text[match.end("first") : match.start("last")]
    return text[: match.start("first")] + _GAP + between + _GAP + text[match.end("last") :]


def _days(match: re.Match[str]) -> tuple[date, date]:
    start, end = _day(match["from"]), _day(match["to"])
    if end < start:
        raise SerialError("the vintage ends before it starts")
    return start, end


def _day(ddmmyyyy: str) -> date:
    try:
        return date(int(ddmmyyyy[4:]), int(ddmmyyyy[2:4]), int(ddmmyyyy[:2]))
    except ValueError as fault:
        raise SerialError(f"{ddmmyyyy} is no day") from fault


def _year(match: re.Match[str]) -> tuple[date, date]:
    year = int(match["vintage"])
    if not year:
        raise SerialError("0000 is no year")
    return date(year, 1, 1), date(year, 12, 31)


def _form(
    pattern: str,
    *,
    looks_like: str,
    project_prefix: str,
    vintage: Callable[[re.Match[str]], tuple[date, date]] = _year,
) -> _Form:
    return _Form(re.compile(pattern), re.compile(looks_like), project_prefix, vintage)


_FORMS: Mapping[str, _Form] = {
    "verra": _form(
        rf"[0-9]+-{_FIRST}-{_LAST}-VCS-VCU-[0-9]+-VER-{_COUNTRY}-[0-9]+-{_PROJECT}"
        r"-(?P<from>[0-9]{8})-(?P<to>[0-9]{8})-[01]",
        looks_like=r".*-VC[SU]-",
        project_prefix="VCS",
        vintage=_days,
    ),
    "gold_standard": _form(
        rf"GS1-[0-9]+-{_COUNTRY}-GS{_PROJECT}-[0-9]+-{_VINTAGE}-[0-9]+-{_FIRST}-{_LAST}",
        looks_like=r"GS1-",
        project_prefix="GS",
    ),
    "acr": _form(
        rf"ACR-{_COUNTRY}-{_PROJECT}-{_VINTAGE}-[0-9]+-{_FIRST} to {_LAST}",
        looks_like=r"ACR-",
        project_prefix="ACR",
    ),
    "car": _form(
        rf"CAR-(?:ROC|[0-9]+)-{_COUNTRY}-{_PROJECT}-[0-9]+-[0-9]+-[A-Z0-9]+"
        rf"-{_VINTAGE}-[0-9]+-{_FIRST} to {_LAST}",
        looks_like=r"CAR-",
        project_prefix="CAR",
    ),
    "art": _form(
        rf"(?:ART|FCPF)-{_COUNTRY}-{_PROJECT}-{_VINTAGE}-[0-9]+-{_FIRST} to {_LAST}",
        looks_like=r"ART-|FCPF-",
        project_prefix="ART",
    ),
    "puro": _form(
        rf"PURO_[A-Z]+_CORC[0-9+]*_{_COUNTRY}_(?P<project>[0-9]{{6}})_{_VINTAGE}"
        rf"_[0-9a-f-]{{36}}_{_FIRST}-{_LAST}",
        looks_like=r"PURO_",
        project_prefix="",
    ),
    "demo": _form(  # the demonstration registry of a developer's machine
        rf"DEMO-(?P<country>ZZ)-{_PROJECT}-{_VINTAGE}-{_FIRST}-{_LAST}",
        looks_like=r"DEMO-ZZ-",
        project_prefix="DEMO-",
    ),
}
