"""A receipt's payload as people read it: on the verification page and in the PDF alike."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from apps.receipts.payload_shape import parse_time
from apps.receipts.statements import STATEMENTS

SIMULATED = "SIMULATED DATA, nothing here happened in the world"
"""How a receipt's boundary begins, and so what was signed, where its data were simulated."""
_ROOM = Decimal("1.15")  # the scale of a range bar reaches a little beyond its high bound
_WITHIN = 100
_ABBREVIATION = 3


@dataclass(frozen=True, slots=True)
class Bounds:
    """A best estimate and its 90 % interval."""

    low: Decimal
    central: Decimal
    high: Decimal

    @property
    def most(self) -> Decimal:
        return self.high * _ROOM or Decimal(1)

    @property
    def percent(self) -> dict[str, str]:
        """Where the bounds lie on a bar from 0 to `most`, for a drawing of width 100."""
        low, central, high = (
            _WITHIN * bound / self.most for bound in (self.low, self.central, self.high)
        )
        return {
            "low": f"{low:.3f}",
            "central": f"{central - Decimal('0.3'):.3f}",
            "width": f"{max(high - low, Decimal('0.3')):.3f}",
        }


@dataclass(frozen=True, slots=True)
class RetiredLine:
    """One line of retired credits."""

    stated: dict[str, Any]
    registry: str
    grams: int
    vintage: str
    serials: str
    link: str | None
    """The registry's page; None unless it is a web address, because a file may state anything."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that a receipt shows, from a payload whose form was checked."""

    payload: dict[str, Any]
    starts_at: datetime
    ends_at: datetime
    issued_at: datetime
    co2e: Bounds
    energy_kwh: Decimal
    adjustments_grams: Decimal
    retired_grams: int
    uncovered_grams: Decimal
    lines: list[RetiredLine]
    statement: str

    @property
    def is_simulated(self) -> bool:
        return str(self.payload["emissions"]["boundary"]).startswith(SIMULATED)

    @property
    def kinds(self) -> str:
        """Reduction, removal, or both, as the registries call the credits."""
        return " and ".join(sorted({line.stated["mitigation"] for line in self.lines}))


def sheet_of(payload: dict[str, Any]) -> Sheet:
    emissions, retirement = payload["emissions"], payload["retirement"]
    return Sheet(
        payload=payload,
        starts_at=parse_time(payload["period"]["start"]),
        ends_at=parse_time(payload["period"]["end"]),
        issued_at=parse_time(payload["issued_at"]),
        co2e=Bounds(
            Decimal(emissions["co2e_grams_low"]),
            Decimal(emissions["co2e_grams"]),
            Decimal(emissions["co2e_grams_high"]),
        ),
        energy_kwh=Decimal(emissions["energy_kwh"]),
        adjustments_grams=Decimal(emissions["adjustments_grams"]),
        retired_grams=int(retirement["allocated_grams"]),
        uncovered_grams=Decimal(retirement["uncovered_grams"]),
        lines=[_line(line) for line in retirement["lines"]],
        statement=STATEMENTS[payload["statement"]],
    )


def _line(stated: dict[str, Any]) -> RetiredLine:
    first, last = stated["serial_first"], stated["serial_last"]
    url = stated["registry_url"] or ""
    return RetiredLine(
        stated=stated,
        registry=_registry(stated["registry"]),
        grams=int(stated["gram_end"]) - int(stated["gram_start"]),
        vintage=_vintage(
            date.fromisoformat(stated["vintage_start"]), date.fromisoformat(stated["vintage_end"])
        ),
        serials=first if first == last else f"{first} to {last}",
        link=url if url.startswith(("https://", "http://")) else None,
    )


def _registry(code: str) -> str:
    """`verra` is written Verra, `gold_standard` Gold Standard, `acr` ACR."""
    is_short = len(code) <= _ABBREVIATION
    return code.upper() if is_short else code.replace("_", " ").title()


def _vintage(start: date, end: date) -> str:
    is_whole_year = (start.month, start.day, end.month, end.day) == (1, 1, 12, 31)
    if start.year == end.year and is_whole_year:
        return str(start.year)
    return f"{start} to {end}"
