"""Whether a receipt's payload agrees with itself: checked before signing and at verification."""

import math
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any

from apps.billing.serials import (
    GRAMS_PER_SERIAL,
    SerialError,
    SerialRange,
    disagreements,
    parse,
)
from apps.receipts.payload_shape import parse_time, shape_faults
from apps.receipts.statements import STATEMENTS, statement_for


def inconsistencies(payload: Any) -> list[str]:
    """Every rule of a version 1 payload that this one breaks, in words. Empty when it is sound."""
    faults = shape_faults(payload)
    if faults:
        return faults
    return [
        *_emission_faults(payload["emissions"]),
        *_time_faults(payload),
        *_retirement_faults(payload),
        *_line_faults(payload),
        *_statement_faults(payload),
    ]


def _emission_faults(emissions: dict[str, str]) -> Iterator[str]:
    low, central, high = (
        Fraction(emissions[name]) for name in ("co2e_grams_low", "co2e_grams", "co2e_grams_high")
    )
    if not low <= central <= high:
        yield "the footprint does not lie between its bounds"


def _time_faults(payload: dict[str, Any]) -> Iterator[str]:
    start, end = (parse_time(payload["period"][name]) for name in ("start", "end"))
    if start >= end:
        yield "the period ends before it starts"
    if end > parse_time(payload["issued_at"]):
        yield "the receipt was issued before its period ended"


def _retirement_faults(payload: dict[str, Any]) -> Iterator[str]:
    retirement = payload["retirement"]
    central = Fraction(payload["emissions"]["co2e_grams"])
    # A workspace may choose to cover the high bound instead of the central value.
    most = math.ceil(Fraction(payload["emissions"]["co2e_grams_high"]))
    allocated = int(retirement["allocated_grams"])
    uncovered = Fraction(retirement["uncovered_grams"])
    lines = retirement["lines"]
    retired = sum(_grams(line) for line in lines if line["retired_on"])

    if sum(_grams(line) for line in lines) != allocated:
        yield "the lines do not sum to the allocated grams"
    if allocated > most:
        yield "more is allocated than was emitted"
    if retired + uncovered < central:
        yield "a part of the footprint is neither retired nor uncovered"
    yield from _status_faults(retirement, uncovered, nothing_emitted=central == 0)


def _status_faults(
    retirement: dict[str, Any], uncovered: Fraction, *, nothing_emitted: bool
) -> Iterator[str]:
    status, lines = retirement["status"], retirement["lines"]
    is_pending = any(line["retired_on"] is None for line in lines)
    if (uncovered == 0) != (status == "covered") and not (status == "none" and nothing_emitted):
        yield "uncovered grams are zero exactly when the status is covered"
    if (status == "pending") != is_pending:
        yield "the status is pending exactly when a line is not yet retired"
    if status == "none" and lines:
        yield "the status is none, but credits are listed"
    if status == "covered" and not lines:
        yield "the status is covered, but no credits are listed"


def _line_faults(payload: dict[str, Any]) -> Iterator[str]:
    issued_on = parse_time(payload["issued_at"]).date()
    spans: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for number, line in enumerate(payload["retirement"]["lines"]):
        name = f"line {number + 1}"
        yield from (f"{name}: {fault}" for fault in _date_faults(line, issued_on))
        try:
            serial = parse(line["registry"], line["serial_range"])
        except SerialError as fault:
            yield f"{name}: {fault}"
            continue
        yield from (f"{name}: {fault}" for fault in _serial_faults(line, serial))
        origin = (serial.first or 0) * GRAMS_PER_SERIAL
        span = (origin + int(line["gram_start"]), origin + int(line["gram_end"]))
        spans.setdefault((serial.registry, serial.stem), []).append(span)
    for taken in spans.values():
        if any(before[1] > after[0] for before, after in pairwise(sorted(taken))):
            yield "two lines share grams of one credit"


def _date_faults(line: dict[str, Any], issued_on: date) -> Iterator[str]:
    if line["vintage_start"] > line["vintage_end"]:
        yield "the vintage ends before it starts"
    if line["retired_on"] is None:
        return
    if date.fromisoformat(line["retired_on"]) > issued_on:
        yield "retired after the receipt was issued"
    if line["registry_url"] is None:
        yield "said to be retired without the registry's page"


def _serial_faults(line: dict[str, Any], serial: SerialRange) -> Iterator[str]:
    start, end = int(line["gram_start"]), int(line["gram_end"])
    if start >= end:
        yield "the gram range is empty"
        return
    yield from disagreements(
        serial,
        project_id=line["project_id"],
        vintage_start=date.fromisoformat(line["vintage_start"]),
        vintage_end=date.fromisoformat(line["vintage_end"]),
    )
    if not serial.parsed:
        return
    try:
        first, last = serial.serials_at(start, end)
    except SerialError as fault:
        yield str(fault)
        return
    if (line["serial_first"], line["serial_last"]) != (str(first), str(last)):
        yield f"the grams lie in serials {first} to {last}"


def _statement_faults(payload: dict[str, Any]) -> Iterator[str]:
    if payload["statement"] not in STATEMENTS:
        yield "the statement is not one of the fixed sentences"
    elif payload["statement"] != statement_for(payload["retirement"]["status"]):
        yield "the statement does not fit the retirement's status"


def _grams(line: dict[str, Any]) -> int:
    return int(line["gram_end"]) - int(line["gram_start"])
