"""One row of a credits file: read, and checked against itself. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from apps.billing import serials

COLUMNS: Final = (
    "registry",
    "project_id",
    "project_name",
    "project_url",
    "country",
    "methodology",
    "mitigation",
    "vintage_start",
    "vintage_end",
    "serial_range",
    "quantity_tonnes",
    "labels",
    "corresponding_adjustment",
    "is_demonstration",
)
DEMONSTRATION: Final = "demo"
LONGEST: Final = {
    "project_id": 64,
    "project_name": 200,
    "project_url": 500,
    "methodology": 64,
    "labels": 500,
}
MITIGATIONS: Final = ("reduction", "removal", "mixed")
ADJUSTMENTS: Final = ("none", "authorized", "applied", "unknown")
OPTIONAL: Final = frozenset({"project_url", "country", "labels", "corresponding_adjustment"})
MOST_TONNES: Final = 100_000_000
_REGISTRY = re.compile(r"[a-z][a-z0-9_]{1,31}")
_WHOLE = re.compile(r"[1-9][0-9]{0,8}")
_URL = re.compile(r"https?://[^\s/]+\.?[^\s]*")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where; an empty column means the line as a whole."""

    line: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch as its row states it. Serials that could not be parsed are numbered from 1."""

    line: int
    registry: str
    project_id: str
    project_name: str
    project_url: str
    country: str
    methodology: str
    mitigation: str
    vintage_start: date
    vintage_end: date
    serial_range: str
    stem: str
    first: int
    last: int
    is_parsed: bool
    tonnes: int
    labels: tuple[str, ...]
    corresponding_adjustment: str
    is_demonstration: bool

    def as_columns(self) -> dict[str, Any]:
        return {
            "registry": self.registry,
            "project_ref": self.project_id,
            "project_name": self.project_name,
            "project_url": self.project_url,
            "country": self.country,
            "methodology": self.methodology,
            "mitigation": self.mitigation,
            "vintage_start": self.vintage_start,
            "vintage_end": self.vintage_end,
            "serial_range": self.serial_range,
            "serial_stem": self.stem,
            "serial_first": self.first,
            "serial_last": self.last,
            "is_serial_parsed": self.is_parsed,
            "tonnes": self.tonnes,
            "labels": list(self.labels),
            "corresponding_adjustment": self.corresponding_adjustment,
            "is_demonstration": self.is_demonstration,
        }


def read_row(line: int, cells: Sequence[str]) -> tuple[BatchRow | None, list[Fault]]:
    """The row, or all that is wrong with it."""
    if len(cells) != len(COLUMNS):
        return None, [Fault(line, "", f"{len(cells)} cells instead of {len(COLUMNS)}")]
    row = dict(zip(COLUMNS, (cell.strip() for cell in cells), strict=True))
    faults = [
        Fault(line, column, message)
        for column, message in (*_wrong_texts(row), *_wrong_words(row), *_wrong_numbers(row))
    ]
    if faults:
        return None, faults
    return _with_serials(line, row)


def _wrong_texts(row: dict[str, str]) -> list[tuple[str, str]]:
    found = []
    for column, text in row.items():
        if not text and column not in OPTIONAL:
            found.append((column, "is empty"))
        elif not text.isprintable() or len(text) > LONGEST.get(column, serials.MAX_LENGTH):
            found.append((column, "is too long or holds characters that cannot be printed"))
    return found


def _wrong_words(row: dict[str, str]) -> list[tuple[str, str]]:
    found = []
    if row["registry"] and not _REGISTRY.fullmatch(row["registry"]):
        found.append(("registry", "is a lower-case name such as verra or gold_standard"))
    if row["project_url"] and not _URL.fullmatch(row["project_url"]):
        found.append(("project_url", "is not a web address"))
    if row["country"] and not re.fullmatch(r"[A-Z]{2}", row["country"]):
        found.append(("country", "is not a code of two capital letters (ISO 3166-1)"))
    if row["mitigation"] and row["mitigation"] not in MITIGATIONS:
        found.append(("mitigation", f"is one of {', '.join(MITIGATIONS)}"))
    if row["corresponding_adjustment"] not in ("", *ADJUSTMENTS):
        found.append(("corresponding_adjustment", f"is one of {', '.join(ADJUSTMENTS)}"))
    if row["is_demonstration"] not in {"", "true", "false"}:
        found.append(("is_demonstration", "is true or false"))
    elif row["registry"] == DEMONSTRATION and row["is_demonstration"] == "false":
        found.append(("is_demonstration", "the demonstration registry holds nothing else"))
    return found


def _wrong_numbers(row: dict[str, str]) -> list[tuple[str, str]]:
    found = []
    days = {}
    for column in ("vintage_start", "vintage_end"):
        try:
            days[column] = date.fromisoformat(row[column])
        except ValueError:
            if row[column]:
                found.append((column, "is not a day such as 2024-01-31"))
    if len(days) == 2 and days["vintage_end"] < days["vintage_start"]:  # noqa: PLR2004 - both
        found.append(("vintage_end", "lies before vintage_start"))
    tonnes = row["quantity_tonnes"]
    if tonnes and (not _WHOLE.fullmatch(tonnes) or int(tonnes) > MOST_TONNES):
        found.append(("quantity_tonnes", "is not a whole number of tonnes"))
    return found


def _with_serials(line: int, row: dict[str, str]) -> tuple[BatchRow | None, list[Fault]]:
    """The serial range against the quantity, the project, the vintage and the country."""
    start, end = date.fromisoformat(row["vintage_start"]), date.fromisoformat(row["vintage_end"])
    tonnes = int(row["quantity_tonnes"])
    try:
        serial = serials.parse(row["registry"], row["serial_range"], units=tonnes)
    except serials.SerialError as fault:
        return None, [Fault(line, "serial_range", str(fault))]
    faults = [
        Fault(line, "serial_range", message)
        for message in serials.disagreements(
            serial, project_id=row["project_id"], vintage_start=start, vintage_end=end
        )
    ]
    if serial.country and row["country"] and serial.country != row["country"]:
        faults.append(Fault(line, "country", f"the serial says {serial.country}"))
    if faults:
        return None, faults
    return BatchRow(
        line=line,
        registry=row["registry"],
        project_id=row["project_id"],
        project_name=row["project_name"],
        project_url=row["project_url"],
        country=row["country"] or serial.country or "",
        methodology=row["methodology"],
        mitigation=row["mitigation"],
        vintage_start=start,
        vintage_end=end,
        serial_range=serial.text,
        stem=serial.stem,
        first=1 if serial.first is None else serial.first,
        last=tonnes if serial.last is None else serial.last,
        is_parsed=serial.parsed,
        tonnes=tonnes,
        labels=tuple(label.strip() for label in row["labels"].split(";") if label.strip()),
        corresponding_adjustment=row["corresponding_adjustment"] or "unknown",
        is_demonstration=row["is_demonstration"] == "true",
    ), []
